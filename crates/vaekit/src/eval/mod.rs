//! How good a model is, in nats.

mod figures;

pub use figures::{Figures, LatentStats, evaluate};
