//! q(z given x): what the encoder's outputs mean.
//!
//! A [`PosteriorFamily`] reads raw encoder outputs as a distribution and may
//! own parameters (a flow does); a [`Posterior`] is that distribution for one
//! batch. Choose [`DiagonalGaussian`] for a VAE and [`Deterministic`] for an
//! autoencoder.

mod deterministic;
mod diagonal;
mod flow;
mod full;
mod ladder;
mod mixed;
mod quantized;
mod sphere;
mod spike;
mod staged;

pub use deterministic::Deterministic;
pub use diagonal::DiagonalGaussian;
pub use flow::{Householder, InverseAutoregressive, Planar};
pub use full::FullGaussian;
pub use ladder::{Ladder, upper};
pub use mixed::Mixed;
pub use quantized::Quantized;
pub use sphere::VonMisesFisher;
pub(super) use sphere::log_uniform;
pub use spike::SpikeAndSlab;
pub use staged::Staged;

use std::rc::Rc;

use vaekit_ops::Tensor;

use crate::nn::Parameters;
use crate::rng::Rng;

use super::{Latents, Mode, Prior, Support};

/// A way to read raw encoder outputs as q(z given x).
pub trait PosteriorFamily: Parameters + Send + Sync {
    /// The name that settings use.
    fn name(&self) -> &'static str;

    /// Raw encoder outputs that `latent` dimensions need.
    fn raw_width(&self, latent: usize) -> usize;

    /// Dimensions of each group of latents.
    fn groups(&self, latent: usize) -> Vec<usize> {
        vec![latent]
    }

    /// True where the encoder speaks of each group.
    fn is_encoded_in_groups(&self) -> bool {
        false
    }

    /// Where its codes lie; a prior must lie there too.
    fn support(&self) -> Support {
        Support::Reals
    }

    /// False for an autoencoder, whose codes have no density and whose rows no likelihood.
    fn is_density(&self) -> bool {
        true
    }

    /// False where draws in training are relaxed ones, whose density is not that of q.
    fn is_exact_in_training(&self) -> bool {
        true
    }

    /// True where raw outputs begin with D means and D log-variances of a Gaussian.
    fn begins_with_gaussian(&self) -> bool {
        false
    }

    /// False where draws hold back gradients on purpose, so that only an objective of their own trains them.
    fn passes_gradients(&self) -> bool {
        true
    }

    /// True where [`Posterior::detached`] gives one.
    fn is_held(&self) -> bool {
        false
    }

    /// # Shapes
    /// `raw`: `[B, raw_width]` for each group.
    fn posterior<'a>(&'a self, raw: Vec<Tensor<2>>, prior: Rc<dyn Prior + 'a>, mode: Mode) -> Box<dyn Posterior + 'a>;
}

/// Samples of z.
#[derive(Clone, Debug)]
pub struct Draws {
    /// `[K, B, D]` for each group.
    pub z: Latents,
    /// log q(z given x), `[K, B]`, where drawing tells it: a flow knows the density of its own draws alone.
    pub log_q: Option<Tensor<2>>,
}

impl From<Latents> for Draws {
    fn from(z: Latents) -> Self {
        Self { z, log_q: None }
    }
}

/// q(z given x) for a batch.
pub trait Posterior {
    /// The centre of each row's code, the groups side by side: `[B, D]`.
    fn mean(&self) -> Tensor<2>;

    /// log of each dimension's variance, where it is a Gaussian with a diagonal covariance: `[B, D]`.
    fn log_var(&self) -> Option<Tensor<2>>;

    /// K reparameterised draws; row `rows[b]`'s noise is its own.
    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws;

    /// log q(z given x) at any z, `[K, B]`; none where only draws know theirs.
    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>>;

    /// log q - log p of each group given the one above, `[K, B]`, where there are several.
    fn log_ratios(&self, _z: &Latents) -> Option<Vec<Tensor<2>>> {
        None
    }

    /// log q of the upper of two groups given the lower, `[K, B]`, where they are drawn in that order.
    fn log_prob_of_upper(&self, _z: &Latents) -> Option<Tensor<2>> {
        None
    }

    /// The centre itself as a draw, for reconstructions without noise: `[1, B, D]`.
    fn centre(&self) -> Latents;

    /// KL(q || p) in closed form, where there is one for this prior.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl>;

    /// The same distribution through whose parameters no gradient flows, where
    /// [`log_prob`](Self::log_prob) is known at any z.
    fn detached(&self) -> Option<Box<dyn Posterior>> {
        None
    }

    /// Raw outputs `[B, D]` that the prior follows without gradients; see [`Moment::Step`](crate::model::Moment).
    fn outputs(&self) -> Option<Tensor<2>> {
        None
    }

    /// What it asks to be kept small beside the bound, `[B]`.
    fn penalty(&self) -> Option<Tensor<1>> {
        None
    }

    /// log q(z given x) of draws, `[K, B]`.
    ///
    /// # Panics
    /// When neither the draws nor [`log_prob`](Self::log_prob) knows it, which no member of this module allows.
    fn log_q(&self, draws: &Draws) -> Tensor<2> {
        let known = draws.log_q.clone().or_else(|| self.log_prob(&draws.z));
        known.expect("a posterior knows the density of its own draws")
    }
}

/// A Kullback-Leibler divergence.
#[derive(Clone, Debug)]
pub struct Kl {
    /// `[B]`
    pub total: Tensor<1>,
    /// `[B, D]`, where q and p factorise.
    pub per_dim: Option<Tensor<2>>,
}

impl Kl {
    /// From the divergence of each dimension, `[B, D]`.
    pub fn of_dimensions(per_dim: Tensor<2>) -> Self {
        let b = per_dim.dims()[0];
        Self { total: per_dim.clone().sum_dim(1).reshape([b]), per_dim: Some(per_dim) }
    }
}
