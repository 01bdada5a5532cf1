//! Densities of (x - mean) / scale with heavier tails than a Gaussian's.

use vaekit_ops::{Tensor, density, device, from_vec, softplus, to_vec};

use crate::nn::{Init, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Domain, Likelihood, gaussian::bounded};

/// A standard density, of mean or median 0 and scale 1.
pub trait Standard: Send + Sync {
    const NAME: &'static str;

    /// log of the density, value by value.
    fn log_prob(z: Tensor<3>) -> Tensor<3>;

    /// The quantile of u from 0 to 1, both excluded.
    fn quantile(u: f64) -> f64;
}

/// Absolute errors: log p = -|x - m| / s - log 2 s.
#[derive(Debug, Default)]
pub struct LaplaceShape;

impl Standard for LaplaceShape {
    const NAME: &'static str = "laplace";

    fn log_prob(z: Tensor<3>) -> Tensor<3> {
        density::standard_laplace(z)
    }

    fn quantile(u: f64) -> f64 {
        if u < 0.5 { (2.0 * u).ln() } else { -(2.0 * (1.0 - u)).ln() }
    }
}

/// The log-cosh loss made a density, the hyperbolic secant's: log p = -log cosh((x - m) / s) - log pi s.
#[derive(Debug, Default)]
pub struct LogCoshShape;

impl Standard for LogCoshShape {
    const NAME: &'static str = "log-cosh";

    fn log_prob(z: Tensor<3>) -> Tensor<3> {
        density::standard_log_cosh(z)
    }

    fn quantile(u: f64) -> f64 {
        (std::f64::consts::FRAC_PI_2 * u).tan().ln()
    }
}

/// A location and a scale for each value: X means from the decoder, then X numbers that scales are made of.
#[derive(Debug, Default)]
pub struct LocationScale<S>(std::marker::PhantomData<S>);

/// `laplace`
pub type Laplace = LocationScale<LaplaceShape>;
/// `log-cosh`; Chen et al., Log Hyperbolic Cosine Loss Improves Variational Auto-Encoder, 2019, without its constant.
pub type LogCosh = LocationScale<LogCoshShape>;

impl<S> Parameters for LocationScale<S> {}

/// Means and log-scales of raw outputs, whose last dimension holds both.
fn halves(raw: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
    let [k, b, r] = raw.dims();
    let log_scale = bounded(raw.clone().slice([0..k, 0..b, r / 2..r])).mul_scalar(0.5);
    (raw.clone().slice([0..k, 0..b, 0..r / 2]), log_scale)
}

fn mean_half(raw: Tensor<2>) -> Tensor<2> {
    let [n, r] = raw.dims();
    raw.slice([0..n, 0..r / 2])
}

/// Means, scales on the host.
fn host(raw: Tensor<2>) -> (Vec<f32>, Vec<f32>) {
    let [n, r] = raw.dims();
    let (mean, log_scale) = halves(&raw.reshape([1, n, r]));
    (to_vec(mean), to_vec(log_scale.exp()))
}

impl<S: Standard> Likelihood for LocationScale<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        2 * x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let (mean, log_scale) = halves(raw);
        S::log_prob((x.clone().unsqueeze() - mean) * log_scale.clone().neg().exp()) - log_scale
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        mean_half(raw)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.iter().copied().chain(std::iter::repeat_n(0.0, mean.len())).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let [n, r] = raw.dims();
        let (mean, scale) = host(raw);
        let draws = rng.uniform(Purpose::Likelihood, rows, r / 2);
        let value =
            |(i, u): (usize, f32)| mean[i] + scale[i] * S::quantile(f64::from(u).clamp(1e-7, 1.0 - 1e-7)) as f32;
        from_vec(draws.into_iter().enumerate().map(value).collect(), [n, r / 2], &device::here())
    }
}

/// Student's t with learned degrees of freedom (above 2), one for all values:
/// outliers pull less than under a Gaussian. Takahashi et al., IJCAI 2018.
#[derive(Debug)]
pub struct StudentT {
    /// `[1]`, freedom = 2 + softplus.
    freedom: Parameter,
}

impl StudentT {
    /// Starts at about 5 degrees of freedom.
    pub fn new(init: &mut Init) -> Self {
        Self { freedom: init.constant("likelihood.freedom".into(), &[1], 3.0) }
    }

    fn freedom(&self) -> Tensor<1> {
        softplus(self.freedom.tensor::<1>()) + 2.0
    }
}

impl Parameters for StudentT {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.freedom]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.freedom]
    }
}

impl Likelihood for StudentT {
    fn name(&self) -> &'static str {
        "student"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        2 * x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let (mean, log_scale) = halves(raw);
        let z = (x.clone().unsqueeze() - mean) * log_scale.clone().neg().exp();
        density::standard_student(z, self.freedom().reshape([1, 1, 1])) - log_scale
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        mean_half(raw)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.iter().copied().chain(std::iter::repeat_n(0.0, mean.len())).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        use rand_distr::{Distribution, StudentT as Standard};
        let [n, r] = raw.dims();
        let (mean, scale) = host(raw);
        let freedom = f64::from(to_vec(self.freedom())[0]).max(2.0);
        let mut out = Vec::with_capacity(mean.len());
        if let Ok(standard) = Standard::new(freedom) {
            for (row, id) in rows.iter().enumerate() {
                let mut stream = rng.stream(Purpose::Likelihood, *id);
                let range = row * r / 2..(row + 1) * r / 2;
                out.extend(range.map(|i| mean[i] + scale[i] * standard.sample(&mut stream) as f32));
            }
        }
        from_vec(out, [n, r / 2], &device::here())
    }
}
