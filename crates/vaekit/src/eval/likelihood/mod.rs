//! How probable a model finds rows: log p(x), which has no closed form.
//!
//! | estimate | what it costs | what it is |
//! |---|---|---|
//! | ELBO | one sample a row | a lower bound, low by KL(q(z given x) \|\| p(z given x)) |
//! | [`importance`] | K samples a row | a lower bound in expectation that rises to log p(x) with K |
//! | [`annealed`] | K chains of T moves a row | the same, for posteriors that q misses |
//!
//! [`split_gap`] says why the ELBO is low: the family of q, or the encoder.

mod annealed;
mod evidence;
mod gap;
mod importance;

pub use annealed::{Annealing, annealed};
pub use evidence::{Evidence, LogMeanExp};
pub use gap::{Gap, split_gap};
pub use importance::importance;

use vaekit_ops::to_vec;

use crate::data::{Batch, Batches, Step};
use crate::model::Vae;
use crate::{Error, Result};

/// Where the addresses of draws for evidence begin; epochs of training lie below.
const STEP: u64 = 1 << 40;

/// Told after every batch of rows, with the number done; may stop the work there.
pub type Heard<'a> = &'a mut dyn FnMut(usize) -> Step;

/// Refuses a model whose codes are points.
fn check(vae: &Vae) -> Result<()> {
    if vae.posterior.is_density() {
        return Ok(());
    }
    Err(Error::unsupported(
        "likelihood",
        "an autoencoder's codes are points: its rows have no likelihood; train --variant vae",
    ))
}

/// Calls `each` with every batch on the device.
fn batches(rows: &Batches<'_>, heard: Heard<'_>, mut each: impl FnMut(&Batch)) -> Result<()> {
    let mut done = 0;
    rows.for_each(0, |_, host| {
        let batch = host.to_device(&vaekit_ops::device::here());
        each(&batch);
        done += batch.len();
        Ok(heard(done))
    })
}

/// By how much nats in model values exceed those in the file's units, for each row; 0 for probabilities.
fn log_volumes(vae: &Vae, rows: &Batches<'_>) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    rows.for_each(0, |_, host| {
        let volumes = host.log_volumes(rows.encoding());
        all.extend(volumes.into_iter().map(|v| if vae.likelihood.is_mass() { 0.0 } else { v }));
        Ok(Step::Continue)
    })?;
    Ok(all)
}

/// A tensor's numbers in double precision.
fn doubles<const D: usize>(t: vaekit_ops::Tensor<D>) -> Vec<f64> {
    to_vec(t).into_iter().map(f64::from).collect()
}
