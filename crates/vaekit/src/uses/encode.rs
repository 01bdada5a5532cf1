//! From rows to codes and back.

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::{Batches, Dataset, Step};
use crate::model::{Mode, Model};
use crate::{Error, Result, budget};

use super::given::names_of;
use super::{BATCH, Codes, Values};

impl Model {
    /// Encodes rows.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn encode(&self, data: &Dataset, rows: &[u32]) -> Result<Codes> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        budget::ask_values(&data.name, "the codes of its rows", &[2, rows.len(), self.vae().latent()])?;
        let (mut mean, mut log_var) = (Vec::new(), Vec::new());
        Batches::in_order(data, &preparation, rows, BATCH).for_each(0, |_, host| {
            let q = self.vae().encode(&host.to_device(&device::here()), Mode::Infer);
            mean.extend(to_vec(q.mean()));
            log_var.extend(q.log_var().into_iter().flat_map(to_vec));
            Ok(Step::Continue)
        })?;
        let latent = mean.len() / rows.len().max(1);
        let (name, beside) = (names_of(data, rows)?, self.conditions_of(data, rows)?);
        Ok(Codes { mean, log_var: Some(log_var).filter(|v| !v.is_empty()), latent, name, beside })
    }

    /// Decodes codes `[N, D]` to the mean of p(x given z).
    ///
    /// A conditional model takes what it is told of each from `given` `[N, C]`; without, what was chosen, else the first
    /// word of a column and the mean of a number.
    ///
    /// # Errors
    /// Codes of another width than the model's, or conditions that are not one for each.
    pub fn decode(&self, codes: &[f32], width: usize, tiles: usize, given: Option<&[f32]>) -> Result<Values> {
        let latent = self.vae().latent();
        if width != latent {
            let problem = format!("have {width} columns, this model's codes have {latent}: z0 to z{}", latent - 1);
            return Err(Error::data("codes", problem));
        }
        let (n, told) = (codes.len() / latent, self.encoding().given_width());
        let given = given.map(<[f32]>::to_vec).or_else(|| self.given_of_codes(n));
        if let Some(given) = given.as_ref().filter(|given| given.len() != n * told) {
            let found = given.len() / told.max(1);
            return Err(Error::data("codes", format!("are {n}, what the model is told is for {found}")));
        }
        let mut values = Vec::new();
        for (i, chunk) in codes.chunks(BATCH * latent).enumerate() {
            let rows = chunk.len() / latent;
            let z = from_vec(chunk.to_vec(), [rows, latent], &device::here());
            let told = given.as_ref().map(|given| &given[i * BATCH * told..][..rows * told]);
            values.extend(to_vec(self.vae().decode_mean(z, self.told(told).as_ref())));
        }
        let beside = given.map(|given| self.encoding().words(&given)).unwrap_or_default();
        Ok(Values { beside, ..Values::of_rows(self, values, tiles) })
    }
}
