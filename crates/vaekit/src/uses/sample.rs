//! New rows from the prior.

use vaekit_ops::{Tensor, device, from_vec, to_vec};

use crate::data::Dataset;
use crate::model::Model;
use crate::rng::Rng;
use crate::{Error, Result};

use super::{BATCH, Source, Values};

/// Values that are held in memory at once: 4 GB.
const MAX_VALUES: usize = 1 << 30;

/// Decoder outputs that are held at once, 64 MB.
const HELD: usize = 1 << 24;

/// What to show of p(x given z).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Its mean: smooth pictures.
    Mean,
    /// A draw, with the noise that the likelihood has: honest rows of a table.
    Draw,
}

impl Model {
    /// Draws z from the prior and decodes.
    ///
    /// # Errors
    /// A variant whose prior is not where its codes lie.
    pub fn sample(&self, n: usize, observation: Observation, rng: Rng) -> Result<Values> {
        let values = self.sample_model_values(n, observation, rng)?;
        Ok(self.new_rows(values, n))
    }

    /// Drawn values as rows, with the classes that they were drawn for.
    fn new_rows(&self, values: Vec<f32>, n: usize) -> Values {
        let ids: Vec<u64> = (0..n as u64).collect();
        let beside = self.given_of_new(&ids).map(|given| self.encoding().words(&given)).unwrap_or_default();
        Values { beside, ..Values::of_rows(self, values, n.isqrt().clamp(1, 16)) }
    }

    /// [`sample`](Self::sample) in model values, `[n, X]`.
    pub(super) fn sample_model_values(&self, n: usize, observation: Observation, rng: Rng) -> Result<Vec<f32>> {
        if !self.samples_from_prior() {
            return Err(Error::unsupported(
                self.variant_name(),
                "has no prior to sample from: its codes lie anywhere; use --from mixture or flow, or train --variant vae",
            ));
        }
        let width = self.holds(n)?;
        let vae = self.vae();
        let mut values = Vec::with_capacity(n * width);
        let ids: Vec<u64> = (0..n as u64).collect();
        for rows in ids.chunks(self.at_once(BATCH)) {
            let z = vae.prior().sample(rows, rng);
            let given = self.told(self.given_of_new(rows).as_deref());
            let raw = vae.decoder.forward(&z, given.as_ref());
            values.extend(to_vec(self.observe(raw, rows, observation, rng)));
        }
        Ok(values)
    }

    /// Draws z from a density that is fitted to the codes of `train`ing rows, and decodes.
    ///
    /// # Errors
    /// Codes that no density is fitted to.
    pub fn sample_from(
        &self,
        data: &Dataset,
        train: &[u32],
        n: usize,
        source: Source,
        observation: Observation,
        rng: Rng,
    ) -> Result<Values> {
        let values = self.fitted_model_values(data, train, n, source, observation, rng)?;
        Ok(self.new_rows(values, n))
    }

    /// The same in the values that the model sees.
    fn fitted_model_values(
        &self,
        data: &Dataset,
        train: &[u32],
        n: usize,
        source: Source,
        observation: Observation,
        rng: Rng,
    ) -> Result<Vec<f32>> {
        self.holds(n)?;
        let codes = self.fitted_codes(data, train, n, source, rng)?;
        let d = codes.len() / n.max(1);
        let ids: Vec<u64> = (0..n as u64).collect();
        let mut values = Vec::new();
        for rows in ids.chunks(self.at_once(BATCH)) {
            let at = rows[0] as usize * d;
            let z = from_vec(codes[at..at + rows.len() * d].to_vec(), [rows.len(), d], &device::here());
            let given = self.told(self.given_of_new(rows).as_deref());
            let raw = self.vae().decoder.forward(&self.vae().grouped(z), given.as_ref());
            values.extend(to_vec(self.observe(raw, rows, observation, rng)));
        }
        Ok(values)
    }

    /// Where samples come from that nobody chose a source for: the prior, or a mixture where there is none.
    pub fn usual_source(&self) -> Source {
        if self.samples_from_prior() { Source::Prior } else { Source::Mixture }
    }

    /// Draws from the usual source, in the values that the model sees.
    pub(super) fn usual_model_values(
        &self,
        data: &Dataset,
        train: &[u32],
        n: usize,
        observation: Observation,
    ) -> Result<Vec<f32>> {
        match self.usual_source() {
            Source::Prior => self.sample_model_values(n, observation, self.rng()),
            source => self.fitted_model_values(data, train, n, source, observation, self.rng()),
        }
    }

    /// The width of a row, of which `n` must fit into memory.
    fn holds(&self, n: usize) -> Result<usize> {
        let width = self.schema().width();
        if n.saturating_mul(width) <= MAX_VALUES {
            return Ok(width);
        }
        let most = MAX_VALUES / width;
        Err(Error::setting("n", format!("found {n}, expected at most {most} rows of {width} values at once")))
    }

    /// At most `most` rows, fewer where the decoder gives many numbers for each.
    pub(super) fn at_once(&self, most: usize) -> usize {
        let raw = self.vae().likelihood.raw_width(self.schema().width());
        (HELD / raw.max(1)).clamp(1, most)
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
        if self.schema().is_image() { Observation::Mean } else { Observation::Draw }
    }
}
