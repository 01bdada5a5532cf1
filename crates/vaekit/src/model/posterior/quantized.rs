//! Rows of a codebook: the encoder's outputs, each piece replaced by the nearest of C learned ones.

use std::rc::Rc;

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::{Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::Rng;

use super::{Draws, Kl, Posterior, PosteriorFamily};

/// The encoder's outputs are cut into positions; each becomes the nearest row of the prior's codebook, and the
/// gradient passes as if nothing had happened. The choice has probability 1, so that log q = 0 and the rate is
/// -log p(codes). With several levels z holds a code of each, and the sum of these stands for the output.
///
/// van den Oord et al., NeurIPS 2017, arXiv:1711.00937, equations 1 to 3.
#[derive(Debug)]
pub struct Quantized {
    /// Pieces of z that have a code each.
    pub positions: usize,
    /// Codebooks, each for what those before leave over.
    pub levels: usize,
    /// Weight of the squared distance between outputs and codes.
    pub commitment: f64,
}

impl Parameters for Quantized {}

impl PosteriorFamily for Quantized {
    fn name(&self) -> &'static str {
        "quantized"
    }

    fn raw_width(&self, latent: usize) -> usize {
        latent / self.levels
    }

    fn support(&self) -> Support {
        Support::Codes { pieces: self.levels * self.positions, levels: self.levels }
    }

    fn posterior<'a>(
        &'a self,
        mut raw: Vec<Tensor<2>>,
        prior: Rc<dyn Prior + 'a>,
        _mode: Mode,
    ) -> Box<dyn Posterior + 'a> {
        let raw = raw.swap_remove(0);
        let nearest = prior.quantized(&raw.clone().detach());
        Box::new(Snapped { nearest: nearest.unwrap_or_else(|| raw.clone()), raw, commitment: self.commitment })
    }
}

struct Snapped {
    raw: Tensor<2>,
    /// Codes, `[B, D]`, the levels side by side, without gradient.
    nearest: Tensor<2>,
    commitment: f64,
}

impl Posterior for Snapped {
    fn mean(&self) -> Tensor<2> {
        // The value of the code with the gradient of the output, which the first level takes for all.
        let [b, width] = self.raw.dims();
        let through = self.raw.clone() - self.raw.clone().detach();
        let first = through + self.nearest.clone().narrow(1, 0, width);
        match self.nearest.dims()[1] - width {
            0 => first,
            rest => Tensor::cat(vec![first, self.nearest.clone().slice([0..b, width..width + rest])], 1),
        }
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, _rows: &[u64], _rng: Rng) -> Draws {
        vec![self.mean().unsqueeze::<3>().repeat_dim(0, k)].into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, _] = z[0].dims();
        Some(from_vec(vec![0.0; k * b], [k, b], &device::here()))
    }

    fn centre(&self) -> Latents {
        vec![self.mean().unsqueeze()]
    }

    fn kl(&self, _prior: &dyn Prior) -> Option<Kl> {
        None
    }

    fn outputs(&self) -> Option<Tensor<2>> {
        Some(self.raw.clone().detach())
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        let [b, width] = self.raw.dims();
        let levels = self.nearest.dims()[1] / width;
        let sum = self.nearest.clone().reshape([b, levels, width]).sum_dim(1).reshape([b, width]);
        let apart = (self.raw.clone() - sum).square().sum_dim(1).reshape([b]);
        Some(apart.mul_scalar(self.commitment))
    }
}
