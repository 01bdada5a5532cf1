//! Grey values from 0 to 1, as they are.

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Domain, Likelihood};

/// log p(x) = x l - log((e^l - 1) / l) on [0, 1], with the logit l from the decoder: the
/// Bernoulli's formula with the constant that makes it a density of grey values.
///
/// Loaiza-Ganem & Cunningham, NeurIPS 2019, arXiv:1907.06845.
#[derive(Debug)]
pub struct ContinuousBernoulli;

impl Parameters for ContinuousBernoulli {}

impl Likelihood for ContinuousBernoulli {
    fn name(&self) -> &'static str {
        "continuous-bernoulli"
    }

    fn domain(&self) -> Domain {
        Domain::Unit
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        density::continuous_bernoulli(x.clone().unsqueeze(), raw.clone())
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        // E[x] = 1 / (1 - e^-l) - 1 / l, the slope of the normaliser; near 0 its series.
        let small = raw.clone().abs().lower_elem(0.1);
        let l = raw.clone().mask_fill(small.clone(), 1.0);
        // Held inside the exponential alone: 1 / l must go on falling, or no mean would lie nearer to 0 and 1 than 1/80.
        let far = (l.clone().clamp(-80.0, 80.0).neg().exp().neg() + 1.0).recip() - l.recip();
        let near = raw.clamp(-0.1, 0.1).mul_scalar(1.0 / 12.0) + 0.5;
        far.mask_where(small, near)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.iter().map(|m| density::continuous_bernoulli_logit(m.clamp(0.01, 0.99))).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let shape = raw.dims();
        let draws = rng.uniform(Purpose::Likelihood, rows, shape[1]);
        // The inverse of F(x) = (e^(l x) - 1) / (e^l - 1).
        let inverse = |(l, u): (f32, f32)| {
            let (l, u) = (f64::from(l), f64::from(u));
            let x = match l {
                l if l.abs() < 1e-3 => u,
                l if l > 0.0 => 1.0 + (u + (1.0 - u) * (-l).exp()).ln() / l,
                l => (u * l.exp_m1()).ln_1p() / l,
            };
            x.clamp(0.0, 1.0) as f32
        };
        from_vec(to_vec(raw).into_iter().zip(draws).map(inverse).collect(), shape, &device::here())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_come_as_near_to_0_and_1_as_their_logits_say() {
        for l in [-1000.0f32, -300.0, -81.0, -9.0, 0.05, 81.0, 300.0, 1000.0] {
            let found = to_vec(ContinuousBernoulli.mean(from_vec(vec![l], [1, 1], &device::cpu())))[0];
            let expected = density::continuous_bernoulli_mean(l);
            assert!((found - expected).abs() < 1e-6, "{l}: {found} is not {expected}");
        }
    }
}
