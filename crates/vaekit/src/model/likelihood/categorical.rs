//! A softmax over the 256 levels of each byte.

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::nn::Parameters;
use crate::rng::{Purpose, Rng, pick};

use super::{Domain, Likelihood};

const LEVELS: usize = 256;

/// log p(x = k/255) = l_k - log sum_j e^(l_j): no shape is assumed of the levels.
///
/// van den Oord et al., Pixel Recurrent Neural Networks, ICML 2016, section 3.3. The decoder's last layer is 256
/// times as wide as a row: for small images, or bytes that are no intensities.
#[derive(Debug)]
pub struct Categorical;

impl Parameters for Categorical {}

impl Categorical {
    /// Probabilities, `[N, 256, X]` on the host.
    fn probabilities(raw: Tensor<2>) -> (Vec<f32>, usize) {
        let [n, r] = raw.dims();
        let x = r / LEVELS;
        (to_vec(density::log_softmax(raw.reshape([n, LEVELS, x]), 1).exp()), x)
    }
}

impl Likelihood for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn domain(&self) -> Domain {
        Domain::Bytes
    }

    fn raw_width(&self, x_width: usize) -> usize {
        LEVELS * x_width
    }

    fn is_mass(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let [k, b, r] = raw.dims();
        density::categorical(x.clone(), raw.clone().reshape([k, b, LEVELS, r / LEVELS]))
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        let [n, r] = raw.dims();
        let x = r / LEVELS;
        let levels = from_vec((0..LEVELS).map(|k| k as f32 / 255.0).collect(), [1, LEVELS, 1], &device::here());
        (density::log_softmax(raw.reshape([n, LEVELS, x]), 1).exp() * levels).sum_dim(1).reshape([n, x])
    }

    /// Logits of a discretised bell around the mean: one level alone would forbid the others.
    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        let width = 0.3f32;
        (0..LEVELS).flat_map(|k| mean.iter().map(move |m| -((k as f32 / 255.0 - m) / width).powi(2))).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let (p, x) = Self::probabilities(raw);
        let draws = rng.uniform(Purpose::Likelihood, rows, x);
        let level = |i: usize| {
            let (row, value) = (i / x, i % x);
            pick(draws[i], (0..LEVELS).map(|k| p[(row * LEVELS + k) * x + value])) as f32 / 255.0
        };
        from_vec((0..draws.len()).map(level).collect(), [rows.len(), x], &device::here())
    }
}
