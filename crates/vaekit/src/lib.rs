//! Train variational autoencoders on images and tables, and use them.
//!
//! The main path, left to right, is also the order of the modules; none
//! imports one to its right:
//!
//! ```text
//! data -> nn -> model -> objective -> variants -> plot, eval -> settings -> run -> train, uses -> bench, sweep
//! ```
//!
//! [`Trainer`] takes a [`TrainConfig`] and a [`Dataset`](data::Dataset) and
//! leaves a [`Run`], a folder that every use reads:
//!
//! ```
//! use vaekit::uses::Observation;
//! use vaekit::{Run, TrainConfig, Trainer};
//!
//! # fn main() -> vaekit::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("vaekit-doc-{}", std::process::id()));
//! let config = TrainConfig { data: "rings".into(), epochs: 2, ..TrainConfig::default() };
//! let data = config.open_data(&Default::default(), &mut |_| ())?;
//! let run = Trainer::new(config).out(&folder).fit(&data)?;
//!
//! let splits = run.split(&data)?;
//! let (figures, _) = run.evaluate(&data, &splits.test, 1)?;
//! assert!(figures.elbo_nats.is_some_and(f64::is_finite));
//!
//! let rows = Run::open(&folder)?.sample(5, Observation::Draw, run.rng())?;
//! assert_eq!(rows.values.len(), 5 * 2);
//! # std::fs::remove_dir_all(folder).ok();
//! # Ok(()) }
//! ```
//!
//! Quantities are in nats an example, summed over dimensions, constants kept;
//! `elbo` is higher-is-better. Which variant to choose: [`variants`]. Which
//! likelihood: [`model::likelihood`].
#![forbid(unsafe_code)]

pub mod bench;
pub mod budget;
pub mod data;
mod declare;
mod error;
pub mod eval;
pub mod model;
pub mod nn;
pub mod objective;
pub mod plot;
pub mod rng;
pub mod run;
pub mod settings;
pub mod sweep;
pub mod train;
pub mod uses;
pub mod variants;

pub use error::{Error, ErrorKind, Result};
pub use run::Run;
pub use settings::TrainConfig;
pub use train::{TrainEvent, Trainer};
/// The tensor operations. [`Tensor`] is that of Burn 0.22, whose methods are on it.
pub use vaekit_ops as ops;
pub use vaekit_ops::Tensor;

/// Sets the number of threads to compute with; results do not depend on it.
///
/// # Errors
/// None or too many, or something was computed already.
pub fn set_threads(n: usize) -> Result<()> {
    if !(1..=1024).contains(&n) {
        return Err(Error::setting("threads", format!("found {n}, expected a whole number from 1 to 1024")));
    }
    vaekit_ops::device::set_threads(n).map_err(|e| Error::setting("threads", e))
}

/// The devices that this build can compute on: `cpu`, and `gpu` with the feature of that name.
pub fn devices() -> Vec<&'static str> {
    vaekit_ops::device::DEVICES.iter().map(|(name, _)| *name).collect()
}

/// Chooses the device to compute on, before anything is computed.
///
/// # Errors
/// A device that this build or this machine does not have, or a second choice.
pub fn set_device(name: &str) -> Result<()> {
    vaekit_ops::device::choose(name).map_err(|e| Error::setting("device", e))
}

/// The name that was probably meant.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name)
}
