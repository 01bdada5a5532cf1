//! p(z): where codes are expected to lie.
//!
//! A [`PriorFamily`] owns the parameters; the [`Prior`] that it makes is the
//! distribution for one pass, with whatever it needs of the encoder at hand.

mod codebook;
mod flow;
mod ladder;
mod mixture;
mod standard_normal;
mod uniform;

pub use codebook::Codebook;
pub use flow::{MaskedAutoregressive, RealNvp};
pub use ladder::Ladder;
pub use mixture::{Mixture, Vamp};
pub use standard_normal::StandardNormal;
pub use uniform::{Classes, Sphere, SpikeSlab};

use std::rc::Rc;

use vaekit_ops::Tensor;

use crate::Result;
use crate::nn::Parameters;
use crate::rng::Rng;

use super::Latents;

/// Raw encoder outputs of rows `[N, X]`, for a prior that is made of posteriors.
pub type Encode<'a> = Rc<dyn Fn(Tensor<2>) -> Vec<Tensor<2>> + 'a>;

/// A distribution over all latent groups, with its parameters.
pub trait PriorFamily: Parameters + Send + Sync {
    /// The name that settings use.
    fn name(&self) -> &'static str;

    /// Where its codes lie.
    fn support(&self) -> Support {
        Support::Reals
    }

    /// The prior as its parameters stand.
    fn prior<'a>(&'a self, encode: Encode<'a>) -> Rc<dyn Prior + 'a>;

    /// Components of a mixture, where it is one.
    fn components(&self) -> Option<usize> {
        None
    }

    /// True for a prior that is made of rows, which a conditional model would have to be told conditions of.
    fn is_of_rows(&self) -> bool {
        false
    }

    /// Prepares for what comes next in training, by other means than gradients.
    ///
    /// # Errors
    /// Rows or codes that it cannot begin with.
    fn begin(&mut self, _moment: Moment<'_>) -> Result<()> {
        Ok(())
    }
}

/// A moment of training, with what a prior may ask for.
pub enum Moment<'a> {
    /// Before the first step: so many training rows, `[rows, X]` in model values.
    Start(&'a dyn Fn(usize) -> Result<Vec<f32>>),
    /// Pretraining has ended: a mixture of so many diagonal Gaussians, fitted to codes of training rows.
    Pretrained(&'a dyn Fn(usize) -> Result<FittedMixture>),
    /// After a step of the optimizer: encoder outputs `[B, D]` of each batch since the step before.
    Step(&'a [Vec<f32>]),
}

/// Weights `[C]`, means and variances `[C, D]` of a mixture.
#[derive(Clone, Debug)]
pub struct FittedMixture {
    /// `[C]`
    pub weights: Vec<f32>,
    /// `[C, D]`
    pub means: Vec<f32>,
    /// `[C, D]`
    pub variances: Vec<f32>,
}

/// Where codes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above each names its numbers")]
pub enum Support {
    /// All of R^D.
    Reals,
    /// The unit sphere in R^D.
    Sphere,
    /// One-hot vectors of so many classes side by side, after so many real dimensions.
    Classes { reals: usize, classes: usize },
    /// R^D with an atom at 0 in each dimension.
    Spikes,
    /// Rows of codebooks side by side, so many.
    Codes { pieces: usize, levels: usize },
    /// Groups, each above the one before.
    Groups,
}

/// The form of a prior that closed-form divergences ask for.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the line above each names its numbers")]
pub enum Form {
    /// N(0, I)
    Standard,
    /// Uniform where the codes lie: on the sphere, over classes.
    Uniform,
    /// Each dimension is 0 with a probability of 1 - `slab`, else N(0, 1).
    SpikeSlab { slab: f64 },
    /// No closed form is known.
    Other,
}

/// p(z) for one pass.
pub trait Prior {
    /// log p(z), `[K, B]`.
    fn log_prob(&self, z: &Latents) -> Tensor<2>;

    /// A draw for each row id, `[N, D]` for each group.
    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>>;

    /// What closed forms may know of it.
    fn form(&self) -> Form {
        Form::Other
    }

    /// log p of each group given the one above, `[K, B]`, where there are groups.
    fn log_probs(&self, _z: &Latents) -> Option<Vec<Tensor<2>>> {
        None
    }

    /// p(z of a group given the one above `[K, B, D]`): mean and log-variance, where there are groups.
    fn given(&self, _group: usize, _above: &Tensor<3>) -> Option<(Tensor<3>, Tensor<3>)> {
        None
    }

    /// log-probabilities of the components that z `[N, D]` may come from, `[N, C]`, where the prior is a mixture.
    fn classes(&self, _z: Tensor<2>) -> Option<Tensor<2>> {
        None
    }

    /// Which rows of a codebook z `[N, D]` consists of, and how many there are.
    fn chosen(&self, _z: &Tensor<2>) -> Option<(Vec<u32>, usize)> {
        None
    }

    /// The nearest codes to encoder outputs `[N, D]`, where codes are rows of a codebook.
    fn quantized(&self, _z: &Tensor<2>) -> Option<Tensor<2>> {
        None
    }
}
