//! Black and white.

use vaekit_ops::likelihood::{Family, log_likelihood};
use vaekit_ops::{Activation, Tensor, density, device, from_vec, to_vec};

use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Domain, Likelihood};

/// log p(x) = x l - log(1 + e^l), with the logit l from the decoder.
///
/// On grey values this is the cross-entropy that much of the literature
/// reports, not the likelihood of anything.
#[derive(Debug)]
pub struct Bernoulli;

impl Parameters for Bernoulli {}

impl Likelihood for Bernoulli {
    fn name(&self) -> &'static str {
        "bernoulli"
    }

    fn domain(&self) -> Domain {
        Domain::Binary
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn is_mass(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        density::bernoulli(x.clone().unsqueeze(), raw.clone())
    }

    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        log_likelihood(Family::Bernoulli, x, raw, None, mask)
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        Activation::Sigmoid.apply(raw)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        // A pixel that is never on in training may be on in a test row.
        mean.iter().map(|p| p.clamp(0.001, 0.999)).map(|p| (p / (1.0 - p)).ln()).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let shape = raw.dims();
        let draws = rng.uniform(Purpose::Likelihood, rows, shape[1]);
        let means = to_vec(self.mean(raw));
        let ones = means.iter().zip(draws).map(|(&p, u)| f32::from(u < p)).collect();
        from_vec(ones, shape, &device::here())
    }
}
