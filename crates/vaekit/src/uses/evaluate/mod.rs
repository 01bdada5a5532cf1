//! The figures of a model on rows: the evidence lower bound, log p(x), codes and samples.

mod allowed;
mod latents;
mod likelihood;
mod quality;
mod representation;
mod synthetic;

pub use allowed::Judgement;
pub use synthetic::Synthetic;

use crate::data::{Batches, Dataset};
use crate::eval::{Figures, LatentStats, evaluate};
use crate::model::Model;
use crate::{Error, Result};

use super::BATCH;

impl Model {
    /// ELBO, rate, distortion and the rest, with `samples` draws of z a row.
    ///
    /// # Errors
    /// Rows of another shape than the model's, a row that is not there, or no samples.
    pub fn evaluate(&self, data: &Dataset, rows: &[u32], samples: usize) -> Result<(Figures, LatentStats)> {
        self.check_fits(data)?;
        if samples == 0 {
            return Err(Error::setting("samples", "found 0, expected 1 or more"));
        }
        let preparation = self.preparation();
        let batches = Batches::in_order(data, &preparation, rows, (self.at_once(BATCH) / samples).max(1));
        let (mut figures, stats) = evaluate(self.vae(), &batches, samples, self.rng())?;
        if !(figures.distortion_nats + figures.rate_nats.unwrap_or(0.0) + figures.mse).is_finite() {
            return Err(Error::not_finite(&data.name, "the figures"));
        }
        if self.why_no_bits().is_some() {
            figures.bits_per_dim = None;
        }
        Ok((figures, stats))
    }
}
