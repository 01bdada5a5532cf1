//! Train variational autoencoders on images and tables, and use them.
//!
//! data -> model -> objective -> trainer -> run folder -> uses
#![forbid(unsafe_code)]

pub mod data;
mod error;
pub mod eval;
pub mod model;
pub mod nn;
pub mod objective;
pub mod plot;
pub mod rng;
pub mod run;
pub mod train;
pub mod uses;
pub mod variants;

pub use error::{Error, ErrorKind, Result};
pub use run::{Run, TrainConfig};
pub use train::{TrainEvent, Trainer};

/// The name that was probably meant.
pub(crate) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name)
}
