//! The model: encoder, posterior, prior, decoder, likelihood.
//!
//! Three of these are seams: [`PosteriorFamily`] with its [`Posterior`],
//! [`PriorFamily`] with its [`Prior`], and [`Likelihood`]. A family owns
//! parameters and lives as long as the model; what it makes is a distribution
//! for one batch. [`Vae`] joins them and knows none by name.
//!
//! Shapes: B rows, K samples of z a row, D latent dimensions, X values of a
//! row, R raw decoder outputs. Latents come in groups, so that a hierarchy
//! fits; most models have one.

mod conditional;
mod decoder;
mod encoder;
pub mod likelihood;
mod network;
mod part_settings;
pub mod posterior;
pub mod prior;
mod pyramid;
pub mod registry;
mod trained;
mod vae;

pub use conditional::{ConditionalDecoder, GroupedEncoder, LogCounts, Squashed, SummingDecoder, ToldEncoder};
pub use decoder::{Decoder, MlpDecoder};
pub use encoder::{Corrupting, Corruption, Encoder, MlpEncoder, Mode};
pub use likelihood::Likelihood;
pub use network::{Arrangement, NETS, Net, Network, UPSAMPLES, Upsample};
pub use posterior::{Draws, Kl, Posterior, PosteriorFamily};
pub use prior::{FittedMixture, Form, Moment, Prior, PriorFamily, Support};
pub use pyramid::{Pyramid, PyramidDecoder, PyramidEncoder};
pub use trained::{Identity, Model};
pub use vae::{ElboTerms, Vae};

use vaekit_ops::Tensor;

/// Samples of z, a tensor `[K, B, D]` for each group.
pub type Latents = Vec<Tensor<3>>;
