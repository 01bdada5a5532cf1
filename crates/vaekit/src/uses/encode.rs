//! Codes of rows, and rows of codes.

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::{Batches, Dataset, Step};
use crate::model::Mode;
use crate::run::Run;
use crate::{Error, Result};

use super::{BATCH, Values};

/// q(z given x) of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// `[N, D]`
    pub mean: Vec<f32>,
    /// `[N, D]`; none for an autoencoder.
    pub log_var: Option<Vec<f32>>,
    pub latent: usize,
}

impl Codes {
    /// The code of one row.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.mean[i * self.latent..(i + 1) * self.latent]
    }

    /// As numbers to write: the means, and the log-variances beside them if asked for.
    pub fn values(&self, with_log_var: bool) -> Values {
        let name = |stem: &str| (0..self.latent).map(|i| format!("{stem}{i}")).collect::<Vec<_>>();
        let mut columns = name("z");
        let mut values = self.mean.clone();
        if let (true, Some(log_var)) = (with_log_var, &self.log_var) {
            columns.extend(name("log_var"));
            let both = self.mean.chunks(self.latent).zip(log_var.chunks(self.latent));
            values = both.flat_map(|(m, v)| m.iter().chain(v).copied()).collect();
        }
        Values { shape: vec![columns.len()], columns, values, look: None }
    }
}

/// The class of a row, where rows have classes.
pub(super) fn class_of(data: &Dataset, row: u32) -> Option<u32> {
    data.labels.as_ref().map(|labels| labels.ids[row as usize])
}

impl Run {
    /// Encodes rows.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn encode(&self, data: &Dataset, rows: &[u32]) -> Result<Codes> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let (mut mean, mut log_var) = (Vec::new(), Vec::new());
        Batches::in_order(data, &preparation, rows, BATCH).for_each(0, |_, host| {
            let q = self.vae().encode(&host.to_device(&device::here()), Mode::Infer);
            mean.extend(to_vec(q.mean()));
            log_var.extend(q.log_var().into_iter().flat_map(to_vec));
            Ok(Step::Continue)
        })?;
        let latent = mean.len() / rows.len().max(1);
        Ok(Codes { mean, log_var: Some(log_var).filter(|v| !v.is_empty()), latent })
    }

    /// Decodes codes `[N, D]` to the mean of p(x given z).
    ///
    /// # Errors
    /// Codes of another width than the model's.
    pub fn decode(&self, codes: &[f32], width: usize, tiles: usize) -> Result<Values> {
        self.decode_as(codes, width, tiles, self.class())
    }

    /// The same for a class, where the model is conditional; without one, the first.
    pub(super) fn decode_as(&self, codes: &[f32], width: usize, tiles: usize, class: Option<u32>) -> Result<Values> {
        let latent = self.vae().latent();
        if width != latent {
            return Err(Error::data("codes", format!("have {width} columns, this model's codes have {latent}")));
        }
        let mut values = Vec::new();
        for chunk in codes.chunks(BATCH * latent) {
            let z = from_vec(chunk.to_vec(), [chunk.len() / latent, latent], &device::here());
            let label = class.map(|class| vec![class; chunk.len() / latent]);
            values.extend(to_vec(self.vae().decode_mean(z, label.as_deref())));
        }
        Ok(Values::of_rows(self, values, tiles))
    }
}
