//! Layers with named parameters; they know nothing of autoencoders.

mod linear;
mod mlp;
mod parameter;

pub use linear::Linear;
pub use mlp::Mlp;
pub use parameter::{Init, Parameter, Parameters};
