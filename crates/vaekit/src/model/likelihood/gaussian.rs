//! Three Gaussians that differ in where the variance comes from.

use vaekit_ops::likelihood::{Family, log_likelihood};
use vaekit_ops::{Tensor, density, device, from_vec, softplus};

use crate::nn::{Init, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Domain, Likelihood};

/// The smallest log-variance a likelihood may learn, a standard deviation of
/// 0.0067: below it a density grows without limit on values that never vary.
pub const MIN_LOG_VAR: f32 = -10.0;

/// The log-variance that a raw output of 0 stands for, where training begins.
/// At the variance of standardised data, 1, ignoring z is a fixed point that
/// training does not leave; a model that starts out surer has to use z.
pub const START_LOG_VAR: f32 = -2.0;

/// Raw outputs to log-variances above [`MIN_LOG_VAR`], with a gradient everywhere.
pub(super) fn bounded<const D: usize>(raw: Tensor<D>) -> Tensor<D> {
    softplus(raw + (START_LOG_VAR - MIN_LOG_VAR)) + MIN_LOG_VAR
}

fn noise(shape: [usize; 2], rows: &[u64], rng: Rng) -> Tensor<2> {
    from_vec(rng.normal(Purpose::Likelihood, rows, shape[1]), shape, &device::here())
}

/// N(x; mean, 1): -log p is half the squared error and a constant.
#[derive(Debug)]
pub struct UnitGaussian;

impl Parameters for UnitGaussian {}

impl Likelihood for UnitGaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        density::unit_gaussian(x.clone().unsqueeze(), raw.clone())
    }

    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        log_likelihood(Family::UnitGaussian, x, raw, None, mask)
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        raw
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.to_vec()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        raw.clone() + noise(raw.dims(), rows, rng)
    }
}

/// N(x; mean, s^2) with one learned s for all values (the sigma-VAE of Rybkin et al. 2021).
#[derive(Debug)]
pub struct SharedGaussian {
    /// `[1]`, before the bound.
    log_var: Parameter,
}

impl SharedGaussian {
    /// Starts at `START_LOG_VAR`.
    pub fn new(init: &mut Init) -> Self {
        Self { log_var: init.constant("likelihood.log_var".into(), &[1], 0.0) }
    }
}

impl Parameters for SharedGaussian {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.log_var]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.log_var]
    }
}

impl Likelihood for SharedGaussian {
    fn name(&self) -> &'static str {
        "gaussian-shared"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let log_var = bounded(self.log_var.tensor::<1>()).reshape([1, 1, 1]);
        density::gaussian(x.clone().unsqueeze(), raw.clone(), log_var)
    }

    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        log_likelihood(Family::SharedGaussian, x, raw, Some(bounded(self.log_var.tensor::<1>())), mask)
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        raw
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.to_vec()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let scale = bounded(self.log_var.tensor::<1>()).mul_scalar(0.5).exp().reshape([1, 1]);
        raw.clone() + noise(raw.dims(), rows, rng) * scale
    }
}

/// N(x; mean(z), s(z)^2): the decoder gives X means, then X log-variances.
#[derive(Debug)]
pub struct LearnedGaussian;

impl Parameters for LearnedGaussian {}

impl Likelihood for LearnedGaussian {
    fn name(&self) -> &'static str {
        "gaussian-learned"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        2 * x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let [k, b, r] = raw.dims();
        let mean = raw.clone().slice([0..k, 0..b, 0..r / 2]);
        let log_var = bounded(raw.clone().slice([0..k, 0..b, r / 2..r]));
        density::gaussian(x.clone().unsqueeze(), mean, log_var)
    }

    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        let family = Family::LearnedGaussian { offset: START_LOG_VAR - MIN_LOG_VAR, floor: MIN_LOG_VAR };
        log_likelihood(family, x, raw, None, mask)
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        let [n, r] = raw.dims();
        raw.slice([0..n, 0..r / 2])
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.iter().copied().chain(std::iter::repeat_n(0.0, mean.len())).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let [n, r] = raw.dims();
        let scale = bounded(raw.clone().slice([0..n, r / 2..r])).mul_scalar(0.5).exp();
        self.mean(raw) + noise([n, r / 2], rows, rng) * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vaekit_ops::to_vec;

    /// Sums p(x) dx over a fine grid: a density must come to one.
    fn total_mass(likelihood: &dyn Likelihood, raw: &[f32]) -> f64 {
        let n = 8001;
        let step = 40.0 / (n - 1) as f64;
        let xs = (0..n).map(|i| (-20.0 + step * i as f64) as f32).collect();
        let x = from_vec(xs, [n, 1], &device::cpu());
        let raw = from_vec(raw.repeat(n), [1, n, raw.len()], &device::cpu());
        to_vec(likelihood.log_prob_each(&x, &raw)).iter().map(|&l| f64::from(l).exp() * step).sum()
    }

    #[test]
    fn every_gaussian_is_normalised() {
        let mut shared = SharedGaussian::new(&mut Init::new(Rng::new(0)));
        shared.log_var.set(vec![1.3], false);
        assert!((total_mass(&UnitGaussian, &[0.4]) - 1.0).abs() < 1e-4);
        assert!((total_mass(&shared, &[0.4]) - 1.0).abs() < 1e-4);
        assert!((total_mass(&LearnedGaussian, &[0.4, -2.0]) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn draws_have_the_mean_and_variance_of_the_density() {
        let n = 20_000;
        let raw = from_vec([2.0f32, -1.0].repeat(n), [n, 2], &device::cpu());
        let rows: Vec<u64> = (0..n as u64).collect();
        let draws = to_vec(LearnedGaussian.sample(raw, &rows, Rng::new(0)));
        let mean = draws.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64;
        let var = draws.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n as f64;
        assert!((mean - 2.0).abs() < 0.02, "{mean}");
        assert!((var / (-3f64).exp() - 1.0).abs() < 0.05, "{var}");
    }

    #[test]
    fn a_mask_leaves_out_what_is_missing() {
        let x = from_vec(vec![1.0, 50.0], [1, 2], &device::cpu());
        let raw = from_vec(vec![1.0, 0.0], [1, 1, 2], &device::cpu());
        let mask = from_vec(vec![1.0, 0.0], [1, 2], &device::cpu());
        let got = to_vec(UnitGaussian.log_prob(&x, &raw, Some(&mask)));
        assert!((got[0] + 0.918_938_5).abs() < 1e-6, "{got:?}");
    }
}
