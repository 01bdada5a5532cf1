//! Groups of latents, one above the other.

use std::rc::Rc;

use vaekit_ops::{Tensor, density};

use crate::model::{Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::Rng;

use super::diagonal::{Gaussian, noise};
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// q(zG given x) prod_g q(zg given x, zg+1). In a ladder each factor below the top is what the encoder says of zg and
/// what the prior says of it given zg+1, joined by their precisions:
/// 1/v = 1/v_q + 1/v_p, m = v (m_q / v_q + m_p / v_p). Without joining zg does not look up.
///
/// Sonderby et al., Ladder Variational Autoencoders, NeurIPS 2016, arXiv:1602.02282, equations 16 to 18.
#[derive(Debug)]
pub struct Ladder {
    /// Groups of latents.
    pub groups: usize,
    /// True where each group is joined with its prior given the one above.
    pub joined: bool,
}

/// Dimensions of the group above one: half of its own.
pub fn upper(latent: usize) -> usize {
    (latent / 2).max(1)
}

impl Parameters for Ladder {}

impl PosteriorFamily for Ladder {
    fn name(&self) -> &'static str {
        if self.joined { "ladder" } else { "hierarchical" }
    }

    /// Of the lowest group.
    fn raw_width(&self, latent: usize) -> usize {
        2 * latent
    }

    fn groups(&self, latent: usize) -> Vec<usize> {
        std::iter::successors(Some(latent), |below| Some(upper(*below))).take(self.groups).collect()
    }

    fn is_encoded_in_groups(&self) -> bool {
        true
    }

    fn support(&self) -> Support {
        Support::Groups
    }

    fn posterior<'a>(&'a self, raw: Vec<Tensor<2>>, prior: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        Box::new(Stacked { own: raw.into_iter().map(Gaussian::new).collect(), prior, joined: self.joined })
    }
}

struct Stacked<'a> {
    /// What the encoder says of each group, the lowest first.
    own: Vec<Gaussian>,
    prior: Rc<dyn Prior + 'a>,
    joined: bool,
}

/// What sets the draws of upper groups apart.
const UPPER: u64 = 0x5550_5045_5200_0000;

/// Mean and log-variance, `[K or 1, B, D]` each.
type MeanLogVar = (Tensor<3>, Tensor<3>);

impl Stacked<'_> {
    /// Group `g` given the one above `[K, B, D]`, which the top does not have.
    fn given(&self, g: usize, above: Option<&Tensor<3>>) -> MeanLogVar {
        let (mean, log_var) = self.own[g].parts();
        let own = (mean.unsqueeze::<3>(), log_var.unsqueeze::<3>());
        let from_above = above.filter(|_| self.joined).and_then(|z| self.prior.given(g, z));
        let Some((prior_mean, prior_log_var)) = from_above else { return own };
        let (precision, prior_precision) = (own.1.neg().exp(), prior_log_var.neg().exp());
        let variance = (precision.clone() + prior_precision.clone()).recip();
        let mean = (own.0 * precision + prior_mean * prior_precision) * variance.clone();
        (mean, variance.log())
    }

    /// A value for each group from the top down, by what its distribution is.
    fn descend(&self, mut value: impl FnMut(usize, MeanLogVar) -> Tensor<3>) -> Latents {
        let mut down: Latents = Vec::new();
        for g in (0..self.own.len()).rev() {
            let z = value(g, self.given(g, down.last()));
            down.push(z);
        }
        down.reverse();
        down
    }

    /// log q of each group given the one above, `[K, B]`.
    fn log_probs(&self, z: &Latents) -> Vec<Tensor<2>> {
        let of_group = |g: usize| {
            let [k, b, _] = z[g].dims();
            let (mean, log_var) = self.given(g, z.get(g + 1));
            density::gaussian(z[g].clone(), mean, log_var).sum_dim(2).reshape([k, b])
        };
        (0..self.own.len()).map(of_group).collect()
    }
}

impl Posterior for Stacked<'_> {
    fn mean(&self) -> Tensor<2> {
        let flat = |t: Tensor<3>| {
            let [_, b, d] = t.dims();
            t.reshape([b, d])
        };
        Tensor::cat(self.centre().into_iter().map(flat).collect(), 1)
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let z = self.descend(|g, (mean, log_var)| {
            let rng = if g == 0 { rng } else { rng.at_seed_of(UPPER ^ ((g as u64 - 1) << 32)) };
            let d = mean.dims()[2];
            density::reparameterize(mean, log_var, noise(k, rows, d, rng))
        });
        z.into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        self.log_probs(z).into_iter().reduce(|a, b| a + b)
    }

    fn log_ratios(&self, z: &Latents) -> Option<Vec<Tensor<2>>> {
        let of_prior = self.prior.log_probs(z)?;
        Some(self.log_probs(z).into_iter().zip(of_prior).map(|(q, p)| q - p).collect())
    }

    fn centre(&self) -> Latents {
        self.descend(|_, (mean, _)| mean)
    }

    fn kl(&self, _prior: &dyn Prior) -> Option<Kl> {
        None
    }
}
