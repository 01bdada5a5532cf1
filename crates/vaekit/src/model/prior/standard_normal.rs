//! N(0, I).

use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec};

use crate::model::Latents;
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Encode, Form, Prior, PriorFamily};

/// The prior of Kingma & Welling 2014.
#[derive(Clone, Copy, Debug)]
pub struct StandardNormal {
    latent: usize,
}

impl StandardNormal {
    /// For codes of `latent` dimensions.
    pub fn new(latent: usize) -> Self {
        Self { latent }
    }
}

impl Parameters for StandardNormal {}

impl PriorFamily for StandardNormal {
    fn name(&self) -> &'static str {
        "standard-normal"
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(*self)
    }
}

impl Prior for StandardNormal {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        density::unit_gaussian(z[0].clone(), zero).sum_dim(2).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let draws = rng.normal(Purpose::Prior, rows, self.latent);
        vec![from_vec(draws, [rows.len(), self.latent], &device::here())]
    }

    fn form(&self) -> Form {
        Form::Standard
    }
}
