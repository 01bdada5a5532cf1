//! Whole numbers from 0: sequenced reads, events, word counts.

use rand_distr::{Distribution, Gamma, Poisson as PoissonDraw};
use vaekit_ops::{Activation, Tensor, density, device, from_vec, to_vec};

use crate::nn::{Init, Parameter, Parameters};
use crate::rng::{Purpose, Rng, unit};

use super::{Domain, Likelihood};

/// Log-rates beyond this are held: e^15 is 3.3 million.
pub(super) const MAX_LOG_RATE: f64 = 15.0;

fn held<const D: usize>(log_rate: Tensor<D>) -> Tensor<D> {
    log_rate.clamp(-MAX_LOG_RATE, MAX_LOG_RATE)
}

fn log_of_mean(mean: &[f32]) -> Vec<f32> {
    mean.iter().map(|m| m.max(1e-3).ln()).collect()
}

/// Draws of Poisson variables whose rates are gammas of these means and shapes, or the means themselves.
fn draw(means: &[f32], shape: impl Fn(usize) -> Option<f32>, rows: &[u64], rng: Rng) -> Vec<f32> {
    let width = means.len() / rows.len().max(1);
    let mut out = Vec::with_capacity(means.len());
    for (row, id) in rows.iter().enumerate() {
        let mut stream = rng.stream(Purpose::Likelihood, *id);
        for i in 0..width {
            let mean = f64::from(means[row * width + i]);
            let rate = match shape(i).map(f64::from).and_then(|r| Gamma::new(r, mean / r).ok()) {
                Some(gamma) => gamma.sample(&mut stream),
                None => mean,
            };
            out.push(PoissonDraw::new(rate).map_or(0.0, |p| p.sample(&mut stream)) as f32);
        }
    }
    out
}

/// log p(x) = x l - e^l - log x!, with the log-rate l from the decoder.
#[derive(Debug)]
pub struct Poisson;

impl Parameters for Poisson {}

impl Likelihood for Poisson {
    fn name(&self) -> &'static str {
        "poisson"
    }

    fn domain(&self) -> Domain {
        Domain::Counts
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn is_mass(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        density::poisson(x.clone().unsqueeze(), held(raw.clone()))
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        held(raw).exp()
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        log_of_mean(mean)
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let shape = raw.dims();
        from_vec(draw(&to_vec(self.mean(raw)), |_| None, rows, rng), shape, &device::here())
    }
}

/// The negative binomial: a Poisson whose rate varies, with variance m + m^2 / r. The decoder gives log m; r is
/// learned for each column. Zero-inflated, a share of the values is 0 whatever the rate, with a logit from the decoder.
///
/// Lopez et al., Deep generative modeling for single-cell transcriptomics, Nature Methods 2018.
#[derive(Debug)]
pub struct NegativeBinomial {
    /// log r, `[X]`.
    log_inverse: Parameter,
    zero_inflated: bool,
}

impl NegativeBinomial {
    /// Starts at r = 1, the geometric distribution.
    pub fn new(width: usize, zero_inflated: bool, init: &mut Init) -> Self {
        Self { log_inverse: init.constant("likelihood.log_inverse_dispersion".into(), &[width], 0.0), zero_inflated }
    }

    fn log_inverse(&self) -> Tensor<1> {
        self.log_inverse.tensor::<1>().clamp(-10.0, 10.0)
    }

    /// Log-means `[.., X]`, and logits of a forced 0.
    fn parts(&self, raw: &Tensor<3>) -> (Tensor<3>, Option<Tensor<3>>) {
        let [k, b, r] = raw.dims();
        let x = if self.zero_inflated { r / 2 } else { r };
        let zero = self.zero_inflated.then(|| raw.clone().slice([0..k, 0..b, x..r]));
        (held(raw.clone().slice([0..k, 0..b, 0..x])), zero)
    }
}

impl Parameters for NegativeBinomial {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.log_inverse]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.log_inverse]
    }
}

impl Likelihood for NegativeBinomial {
    fn name(&self) -> &'static str {
        if self.zero_inflated { "zero-inflated" } else { "negative-binomial" }
    }

    fn domain(&self) -> Domain {
        Domain::Counts
    }

    fn raw_width(&self, x_width: usize) -> usize {
        if self.zero_inflated { 2 * x_width } else { x_width }
    }

    fn is_mass(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let (log_mean, zero) = self.parts(raw);
        let width = x.dims()[1];
        let x = x.clone().unsqueeze::<3>();
        let log_inverse = self.log_inverse().reshape([1, 1, width]);
        let log_mass = density::negative_binomial(x.clone(), log_mean, log_inverse);
        match zero {
            Some(logit) => density::zero_inflated(x, logit, log_mass),
            None => log_mass,
        }
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        let [n, r] = raw.dims();
        let (log_mean, zero) = self.parts(&raw.reshape([1, n, r]));
        let width = log_mean.dims()[2];
        let mean = match zero {
            Some(logit) => log_mean.exp() * Activation::Sigmoid.apply(logit.neg()),
            None => log_mean.exp(),
        };
        mean.reshape([n, width])
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        let zeros = if self.zero_inflated { mean.len() } else { 0 };
        // A start at few forced zeros: logit -2 is 12 %.
        log_of_mean(mean).into_iter().chain(std::iter::repeat_n(-2.0, zeros)).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let [n, r] = raw.dims();
        let (log_mean, zero) = self.parts(&raw.reshape([1, n, r]));
        let width = log_mean.dims()[2];
        let inverse = to_vec(self.log_inverse().exp());
        let mut counts = draw(&to_vec(log_mean.exp()), |i| Some(inverse[i]), rows, rng);
        if let Some(logit) = zero {
            let forced = to_vec(Activation::Sigmoid.apply(logit));
            for (row, id) in rows.iter().enumerate() {
                // A stream of its own, so that the counts do not depend on the zeros.
                let mut stream = rng.at_seed_of(1).stream(Purpose::Likelihood, *id);
                for i in row * width..(row + 1) * width {
                    if unit(rand::Rng::next_u32(&mut stream)) < forced[i] {
                        counts[i] = 0.0;
                    }
                }
            }
        }
        from_vec(counts, [n, width], &device::here())
    }
}
