//! Layers with named parameters, and small networks fitted by themselves; they know nothing of autoencoders.

pub(crate) mod classifier;
mod conv;
mod fit;
mod linear;
mod made;
mod mlp;
mod parameter;
mod residual;
mod spectral;

pub use classifier::Classifier;
pub use conv::{Conv2d, ConvTranspose2d};
pub use fit::{Fit, Group};
pub use linear::Linear;
pub use made::{Made, MadeShape};
pub use mlp::Mlp;
pub use parameter::{INITS, Init, InitScheme, Parameter, Parameters};
pub use residual::{GroupNorm, ResidualBlock};
pub use spectral::spectral_norm;
