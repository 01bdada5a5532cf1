//! Spike and slab: dimensions that are exactly 0 where they have nothing to say.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor, density, device, from_vec, softplus, to_vec};

use crate::model::{Form, Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::diagonal::Gaussian;
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// How sharply a relaxed spike turns from 0 to 1.
const SHARPNESS: f64 = 50.0;
/// What sets the draws of spikes apart from those of slabs.
const SPIKES: u64 = 0x5350_494b_4553_0000;

/// Each dimension is N(mean, variance) with probability g and 0 otherwise. Raw outputs are D means, D log-variances
/// and D logits of g.
///
/// Tonolini, Jensen & Murray-Smith, Variational Sparse Coding, UAI 2019, equations 4 to 9; in training the choice is
/// the sigmoid of 50 (u + g - 1) with u uniform, in use it is made.
#[derive(Debug)]
pub struct SpikeAndSlab;

impl Parameters for SpikeAndSlab {}

impl PosteriorFamily for SpikeAndSlab {
    fn name(&self) -> &'static str {
        "spike-and-slab"
    }

    fn raw_width(&self, latent: usize) -> usize {
        3 * latent
    }

    fn support(&self) -> Support {
        Support::Spikes
    }

    fn is_exact_in_training(&self) -> bool {
        false
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, mode: Mode) -> Box<dyn Posterior + 'a> {
        let raw = raw.swap_remove(0);
        let d = raw.dims()[1] / 3;
        let slab = Gaussian::new(raw.clone().narrow(1, 0, 2 * d));
        // Beyond +-15 a logarithm of g would leave what f32 knows.
        let logit = raw.narrow(1, 2 * d, d).clamp(-15.0, 15.0);
        Box::new(Spiked { slab, logit, relaxed: matches!(mode, Mode::Train(_)) })
    }
}

struct Spiked {
    slab: Gaussian,
    /// Of the slab, `[B, D]`.
    logit: Tensor<2>,
    relaxed: bool,
}

impl Spiked {
    fn share(&self) -> Tensor<2> {
        Activation::Sigmoid.apply(self.logit.clone())
    }

    /// log g and log(1 - g), `[B, D]` each.
    fn log_shares(&self) -> (Tensor<2>, Tensor<2>) {
        (softplus(self.logit.clone().neg()).neg(), softplus(self.logit.clone()).neg())
    }
}

impl Posterior for Spiked {
    /// The slab's mean where the slab is the likelier, 0 elsewhere.
    fn mean(&self) -> Tensor<2> {
        let off = self.logit.clone().lower_elem(0.0);
        self.slab.mean().mask_fill(off, 0.0)
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let [b, d] = self.logit.dims();
        let slab = self.slab.rsample(k, rows, rng).z.remove(0);
        let uniform = rng.at_seed_of(SPIKES).uniform(Purpose::Posterior, rows, k * d);
        let uniform = from_vec(uniform, [b, k, d], &device::here()).swap_dims(0, 1);
        let score = uniform + self.share().unsqueeze() - 1.0;
        let on = match self.relaxed {
            true => Activation::Sigmoid.apply(score.mul_scalar(SHARPNESS)),
            false => from_vec(to_vec(score).iter().map(|s| f32::from(*s > 0.0)).collect(), [k, b, d], &device::here()),
        };
        vec![slab * on].into()
    }

    /// A mass at 0 and a density elsewhere, as the prior's.
    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, d] = z[0].dims();
        let (mean, log_var) = self.slab.parts();
        let (log_on, log_off) = self.log_shares();
        let slab = density::gaussian(z[0].clone(), mean.unsqueeze(), log_var.unsqueeze()) + log_on.unsqueeze();
        let zero = z[0].clone().equal_elem(0.0);
        let spike = log_off.unsqueeze::<3>().expand([k, b, d]);
        Some(slab.mask_where(zero, spike).sum_dim(2).reshape([k, b]))
    }

    fn centre(&self) -> Latents {
        vec![self.mean().unsqueeze()]
    }

    /// g KL(slab || N(0, 1)) + g log(g / a) + (1 - g) log((1 - g) / (1 - a)), a dimension each.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        let Form::SpikeSlab { slab } = prior.form() else { return None };
        let (mean, log_var) = self.slab.parts();
        let (log_on, log_off) = self.log_shares();
        let share = self.share();
        let of_slab = density::standard_normal_kl(mean, log_var) + log_on - slab.ln();
        let of_spike = (share.clone().neg() + 1.0) * (log_off - (1.0 - slab).ln());
        Some(Kl::of_dimensions(share * of_slab + of_spike))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prior::SpikeSlab;

    #[test]
    fn the_closed_form_agrees_with_monte_carlo() {
        let raw = from_vec(vec![0.7, -1.0, 0.3, -0.5, 0.4, -1.2], [1, 6], &device::cpu());
        let prior = SpikeSlab::new(2, 0.2);
        let q = Spiked { slab: Gaussian::new(raw.clone().narrow(1, 0, 4)), logit: raw.narrow(1, 4, 2), relaxed: false };
        let k = 100_000;
        let z = q.rsample(k, &[0], Rng::new(2)).z;
        let terms: Vec<f64> =
            to_vec(q.log_prob(&z).unwrap() - prior.log_prob(&z)).iter().map(|v| f64::from(*v)).collect();
        let mean = terms.iter().sum::<f64>() / k as f64;
        let sd = (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / k as f64).sqrt();
        let exact = f64::from(to_vec(q.kl(&prior).unwrap().total)[0]);
        assert!((mean - exact).abs() < 4.0 * sd / (k as f64).sqrt(), "{mean} is not {exact}");
        let share = to_vec(z[0].clone()).iter().filter(|v| **v == 0.0).count() as f64 / (2 * k) as f64;
        let want = 1.0 - (1.0 / (1.0 + (-0.4f64).exp()) + 1.0 / (1.0 + 1.2f64.exp())) / 2.0;
        assert!((share - want).abs() < 0.01, "{share} is not {want}");
    }
}
