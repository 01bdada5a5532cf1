//! Two groups of latents, one above the other.

use std::rc::Rc;

use vaekit_ops::{Tensor, density};

use crate::model::{Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::Rng;

use super::diagonal::Gaussian;
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// q(z2 given x) q(z1 given x, z2). In a ladder the second factor is what the encoder says of z1 and what the prior
/// says of it given z2, joined by their precisions:
/// 1/v = 1/v_q + 1/v_p, m = v (m_q / v_q + m_p / v_p). Without joining z1 does not look at z2.
///
/// Sonderby et al., Ladder Variational Autoencoders, NeurIPS 2016, arXiv:1602.02282, equations 16 to 18.
#[derive(Debug)]
pub struct Ladder {
    pub joined: bool,
}

/// Dimensions of the upper group: half of the lower one's.
pub fn upper(latent: usize) -> usize {
    (latent / 2).max(1)
}

impl Parameters for Ladder {}

impl PosteriorFamily for Ladder {
    fn name(&self) -> &'static str {
        if self.joined { "ladder" } else { "hierarchical" }
    }

    /// Of the lower group.
    fn raw_width(&self, latent: usize) -> usize {
        2 * latent
    }

    fn groups(&self, latent: usize) -> Vec<usize> {
        vec![latent, upper(latent)]
    }

    fn is_encoded_in_groups(&self) -> bool {
        true
    }

    fn support(&self) -> Support {
        Support::Groups
    }

    fn posterior<'a>(&'a self, raw: Vec<Tensor<2>>, prior: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        let mut raw = raw.into_iter();
        let mut next = || raw.next().expect("an encoder of two groups gives two");
        let (lower, upper) = (Gaussian::new(next()), Gaussian::new(next()));
        Box::new(Stacked { lower, upper, prior, joined: self.joined })
    }
}

struct Stacked<'a> {
    lower: Gaussian,
    upper: Gaussian,
    prior: Rc<dyn Prior + 'a>,
    joined: bool,
}

/// What sets the draws of the upper group apart.
const UPPER: u64 = 0x5550_5045_5200_0000;

impl Stacked<'_> {
    /// Mean and log-variance of z1 given z2 `[K, B, D2]`: `[K or 1, B, D1]`.
    fn lower_given(&self, z2: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let (mean, log_var) = self.lower.parts();
        let own = (mean.unsqueeze::<3>(), log_var.unsqueeze::<3>());
        let Some((prior_mean, prior_log_var)) = self.prior.lower(z2).filter(|_| self.joined) else { return own };
        let (precision, prior_precision) = (own.1.neg().exp(), prior_log_var.neg().exp());
        let variance = (precision.clone() + prior_precision.clone()).recip();
        let mean = (own.0 * precision + prior_mean * prior_precision) * variance.clone();
        (mean, variance.log())
    }
}

impl Posterior for Stacked<'_> {
    fn mean(&self) -> Tensor<2> {
        let b = self.upper.mean().dims()[0];
        let flat = |t: Tensor<3>| {
            let d = t.dims()[2];
            t.reshape([b, d])
        };
        Tensor::cat(self.centre().into_iter().map(flat).collect(), 1)
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let z2 = self.upper.rsample(k, rows, rng.at_seed_of(UPPER)).z.remove(0);
        // Standard draws, moved to where z2 puts z1.
        let eps = super::diagonal::noise(k, rows, self.lower.mean().dims()[1], rng);
        let (mean, log_var) = self.lower_given(&z2);
        let z1 = density::reparameterize(mean, log_var, eps);
        vec![z1, z2].into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, _] = z[0].dims();
        let (mean, log_var) = self.lower_given(&z[1]);
        let of_lower = density::gaussian(z[0].clone(), mean, log_var).sum_dim(2).reshape([k, b]);
        Some(self.upper.log_prob(&vec![z[1].clone()])? + of_lower)
    }

    fn centre(&self) -> Latents {
        let z2 = self.upper.mean().unsqueeze::<3>();
        vec![self.lower_given(&z2).0, z2]
    }

    fn kl(&self, _prior: &dyn Prior) -> Option<Kl> {
        None
    }
}
