//! Layers with named parameters; they know nothing of autoencoders.

mod conv;
mod linear;
mod made;
mod mlp;
mod parameter;
mod residual;
mod spectral;

pub use conv::{Conv2d, ConvTranspose2d};
pub use linear::Linear;
pub use made::{Made, MadeShape};
pub use mlp::Mlp;
pub use parameter::{INITS, Init, InitScheme, Parameter, Parameters};
pub use residual::{GroupNorm, ResidualBlock};
pub use spectral::spectral_norm;
