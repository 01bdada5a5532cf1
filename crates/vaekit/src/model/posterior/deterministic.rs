//! A point: the code of an autoencoder.

use std::rc::Rc;

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::{Latents, Mode, Prior};
use crate::nn::Parameters;
use crate::rng::Rng;

use super::{Draws, Kl, Posterior, PosteriorFamily};

/// All mass on one code; raw outputs are the code.
#[derive(Debug)]
pub struct Deterministic;

impl Parameters for Deterministic {}

impl PosteriorFamily for Deterministic {
    fn name(&self) -> &'static str {
        "deterministic"
    }

    fn raw_width(&self, latent: usize) -> usize {
        latent
    }

    fn is_density(&self) -> bool {
        false
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        Box::new(Point(raw.swap_remove(0)))
    }
}

struct Point(Tensor<2>);

impl Posterior for Point {
    fn mean(&self) -> Tensor<2> {
        self.0.clone()
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, _rows: &[u64], _rng: Rng) -> Draws {
        vec![self.0.clone().unsqueeze::<3>().repeat_dim(0, k)].into()
    }

    /// Zero: a point has no density, and [`PosteriorFamily::is_density`] tells callers not to read this as one.
    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, _] = z[0].dims();
        Some(from_vec(vec![0.0; k * b], [k, b], &device::here()))
    }

    fn centre(&self) -> Latents {
        vec![self.0.clone().unsqueeze()]
    }

    fn kl(&self, _prior: &dyn Prior) -> Option<Kl> {
        None
    }
}
