//! p(x given z): what the decoder's outputs mean.
//!
//! | name | for | raw outputs a value |
//! |---|---|---|
//! | `bernoulli` | binary data; grey pixels with a grain of salt | 1 logit |
//! | `gaussian` | real data, variance fixed at 1: squared error | 1 mean |
//! | `gaussian-shared` | real data, one learned variance | 1 mean |
//! | `gaussian-learned` | real data, a variance for each value that depends on z | 1 mean, 1 log-variance |
//!
//! TL;DR: `bernoulli` for black and white, `gaussian-shared` for numbers,
//! `gaussian-learned` when noise differs from place to place.
//!
//! Every member is normalised: one `log_prob` serves training, scoring and coding.

mod bernoulli;
mod gaussian;

pub use bernoulli::Bernoulli;
pub use gaussian::{LearnedGaussian, SharedGaussian, UnitGaussian};

use vaekit_ops::Tensor;

use crate::data::{DataSpec, FittedTransform};
use crate::nn::{Init, Parameters};
use crate::rng::Rng;
use crate::{Error, Result};

/// A distribution over rows, with its parameters from the decoder.
pub trait Likelihood: Parameters + Send {
    /// The name that settings use.
    fn name(&self) -> &'static str;

    /// Raw decoder outputs for `x_width` values.
    fn raw_width(&self, x_width: usize) -> usize;

    /// True when model values must lie in [0, 1].
    fn needs_unit_interval(&self) -> bool {
        false
    }

    /// log p of each value.
    ///
    /// # Shapes
    /// `x`: `[B, X]`; `raw`: `[K, B, R]`; result: `[K, B, X]`.
    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3>;

    /// E[x given z], `[N, R]` to `[N, X]`.
    fn mean(&self, raw: Tensor<2>) -> Tensor<2>;

    /// The raw outputs whose mean is `mean`, `[X]` to `[R]`; a rare or constant value stays away from certainty.
    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32>;

    /// A draw of x for each row of `raw`, `[N, X]`.
    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2>;

    /// log p(x given z) of whole rows. A family with a kernel of its own in `vaekit_ops` says so here.
    ///
    /// # Shapes
    /// `x`: `[B, X]`; `raw`: `[K, B, R]`; result: `[K, B]`.
    fn log_prob_rows(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<2> {
        let [k, b, _] = raw.dims();
        self.log_prob_each(x, raw).sum_dim(2).reshape([k, b])
    }

    /// log p(x given z), summed over the values that the mask knows.
    ///
    /// # Shapes
    /// `mask`: `[B, X]`; result: `[K, B]`.
    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        let Some(mask) = mask else { return self.log_prob_rows(x, raw) };
        let each = self.log_prob_each(x, raw) * mask.clone().unsqueeze();
        let [k, b, _] = each.dims();
        each.sum_dim(2).reshape([k, b])
    }
}

type Build = fn(&mut Init) -> Box<dyn Likelihood>;

/// Every likelihood by name.
pub const LIKELIHOODS: &[(&str, Build)] = &[
    ("bernoulli", |_| Box::new(Bernoulli)),
    ("gaussian", |_| Box::new(UnitGaussian)),
    ("gaussian-shared", |init| Box::new(SharedGaussian::new(init))),
    ("gaussian-learned", |_| Box::new(LearnedGaussian)),
];

/// Builds the likelihood that a setting names.
///
/// # Errors
/// An unknown name, or one whose support is not where the model values lie.
pub fn build(name: &str, spec: &DataSpec, transform: &FittedTransform, init: &mut Init) -> Result<Box<dyn Likelihood>> {
    let Some((_, build)) = LIKELIHOODS.iter().find(|(n, _)| *n == name) else {
        let names: Vec<&str> = LIKELIHOODS.iter().map(|(n, _)| *n).collect();
        return Err(Error::setting("likelihood", format!("'{name}' is unknown; expected one of {}", names.join(", "))));
    };
    let likelihood = build(init);
    if likelihood.needs_unit_interval() && !transform.gives_unit_interval(spec) {
        return Err(Error::setting(
            "likelihood",
            format!("'{name}' needs values from 0 to 1; add --normalize 0..1 or choose gaussian-shared"),
        ));
    }
    Ok(likelihood)
}
