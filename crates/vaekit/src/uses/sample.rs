//! New rows from the prior.

use vaekit_ops::{Tensor, to_vec};

use crate::rng::Rng;
use crate::run::Run;
use crate::{Error, Result};

use super::{BATCH, Values};

/// Values that are held in memory at once: 4 GB.
const MAX_VALUES: usize = 1 << 30;

/// What to show of p(x given z).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Its mean: smooth pictures.
    Mean,
    /// A draw, with the noise that the likelihood has: honest rows of a table.
    Draw,
}

impl Run {
    /// Draws z from the prior and decodes.
    ///
    /// # Errors
    /// A variant whose prior is not where its codes lie.
    pub fn sample(&self, n: usize, observation: Observation, rng: Rng) -> Result<Values> {
        let values = self.sample_model_values(n, observation, rng)?;
        Ok(Values::of_rows(self, values, n.isqrt().clamp(1, 16)))
    }

    /// [`sample`](Self::sample) in model values, `[n, X]`.
    pub(super) fn sample_model_values(&self, n: usize, observation: Observation, rng: Rng) -> Result<Vec<f32>> {
        let variant = self.variant()?;
        if !variant.samples_from_prior() {
            return Err(Error::unsupported(
                variant.name(),
                "has no prior to sample from: its codes lie anywhere; train --variant vae, or use interpolate",
            ));
        }
        let width = self.file().data.spec.width();
        if n.saturating_mul(width) > MAX_VALUES {
            let most = MAX_VALUES / width;
            return Err(Error::setting(
                "n",
                format!("found {n}, expected at most {most} rows of {width} values at once"),
            ));
        }
        let vae = self.vae();
        let mut values = Vec::with_capacity(n * width);
        let ids: Vec<u64> = (0..n as u64).collect();
        for rows in ids.chunks(BATCH) {
            let z = vae.prior().sample(rows, rng);
            let raw = vae.decoder.forward(&z, None);
            values.extend(to_vec(self.observe(raw, rows, observation, rng)));
        }
        Ok(values)
    }

    /// Raw decoder outputs to rows.
    pub(super) fn observe(&self, raw: Tensor<2>, rows: &[u64], observation: Observation, rng: Rng) -> Tensor<2> {
        match observation {
            Observation::Mean => self.vae().likelihood.mean(raw),
            Observation::Draw => self.vae().likelihood.sample(raw, rows, rng),
        }
    }

    /// What suits the data: means for images, draws for tables.
    pub fn default_observation(&self) -> Observation {
        if self.file().data.spec.is_image() { Observation::Mean } else { Observation::Draw }
    }
}
