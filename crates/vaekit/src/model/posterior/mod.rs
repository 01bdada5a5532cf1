//! q(z given x): what the encoder's outputs mean.
//!
//! A [`PosteriorFamily`] reads raw encoder outputs as a distribution and may
//! own parameters (a flow does); a [`Posterior`] is that distribution for one
//! batch. Choose [`DiagonalGaussian`] for a VAE and [`Deterministic`] for an
//! autoencoder.

mod deterministic;
mod diagonal;

pub use deterministic::Deterministic;
pub use diagonal::DiagonalGaussian;

use vaekit_ops::Tensor;

use crate::nn::Parameters;
use crate::rng::Rng;

use super::{Latents, Prior};

/// A way to read raw encoder outputs as q(z given x).
pub trait PosteriorFamily: Parameters + Send {
    /// The name for messages and reports.
    fn name(&self) -> &'static str;

    /// Raw encoder outputs that `latent` dimensions need.
    fn raw_width(&self, latent: usize) -> usize;

    /// False for an autoencoder, whose codes have no density and whose rows no likelihood.
    fn is_density(&self) -> bool {
        true
    }

    /// # Shapes
    /// `raw`: `[B, raw_width]` for each group.
    fn posterior(&self, raw: Vec<Tensor<2>>) -> Box<dyn Posterior + '_>;
}

/// q(z given x) for a batch.
pub trait Posterior {
    /// The centre of each row's code, the groups side by side: `[B, D]`.
    fn mean(&self) -> Tensor<2>;

    /// log of each dimension's variance, where it has one: `[B, D]`.
    fn log_var(&self) -> Option<Tensor<2>>;

    /// K reparameterised draws; row `rows[b]`'s noise is its own.
    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Latents;

    /// log q(z given x), `[K, B]`.
    fn log_prob(&self, z: &Latents) -> Tensor<2>;

    /// The centre itself as a draw, for reconstructions without noise: `[1, B, D]`.
    fn centre(&self) -> Latents;

    /// KL(q || p) in closed form, where there is one for this prior.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl>;
}

/// A Kullback-Leibler divergence.
#[derive(Clone, Debug)]
pub struct Kl {
    /// `[B]`
    pub total: Tensor<1>,
    /// `[B, D]`, where q and p factorise.
    pub per_dim: Option<Tensor<2>>,
}
