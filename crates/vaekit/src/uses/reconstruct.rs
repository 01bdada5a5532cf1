//! Rows through the code and back.

use vaekit_ops::{device, to_vec};

use crate::data::{Batch, Batches, Dataset, Step};
use crate::model::{Mode, Model};
use crate::{Result, budget};

use super::given::names_of;
use super::{BATCH, Values};

impl Model {
    /// The mean of p(x given z) at the mean of q(z given x), a row for each row.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn reconstruct(&self, data: &Dataset, rows: &[u32]) -> Result<Values> {
        let (_, reconstructed) = self.pass_through(data, rows)?;
        let (name, beside) = (names_of(data, rows)?, self.conditions_of(data, rows)?);
        Ok(Values { name, beside, ..Values::of_rows(self, reconstructed, 10) })
    }

    /// Rows and their reconstructions for the eye: of images, ten rows above
    /// their ten reconstructions, and so on; of tables, the rows in grey behind.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn reconstruct_beside(&self, data: &Dataset, rows: &[u32]) -> Result<Values> {
        let (originals, reconstructed) = self.pass_through(data, rows)?;
        let width = self.x_width();
        if self.schema().is_image() {
            let lines = originals.chunks(10 * width).zip(reconstructed.chunks(10 * width));
            let both = lines.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
            return Ok(Values::of_rows(self, both, 10.min(rows.len())));
        }
        let mut values = Values::of_rows(self, reconstructed, 10);
        (values.name, values.beside) = (names_of(data, rows)?, self.conditions_of(data, rows)?);
        values.put_behind(Values::of_rows(self, originals, 10).values);
        Ok(values)
    }

    /// Squared error a known value of each row's reconstruction, of values as the file holds them.
    pub(super) fn errors(&self, data: &Dataset, rows: &[u32]) -> Result<Vec<f64>> {
        let (originals, reconstructed) = self.pass_through(data, rows)?;
        let pairs: Vec<_> = originals.into_iter().zip(reconstructed).collect();
        let scale = &self.encoding().scale;
        let error = |row: &[(f32, f32)]| {
            let known = row.iter().zip(scale.iter().cycle()).filter(|((a, _), _)| !a.is_nan());
            let squares: Vec<f64> = known.map(|((a, b), scale)| f64::from((a - b) * scale).powi(2)).collect();
            squares.iter().sum::<f64>() / squares.len().max(1) as f64
        };
        Ok(pairs.chunks(self.x_width()).map(error).collect())
    }

    /// The mean of p(x given z) at the mean of q(z given x), `[B, X]`.
    pub(super) fn through(&self, batch: &Batch) -> Vec<f32> {
        let q = self.vae().encode(batch, Mode::Infer);
        let raw = self.vae().decode_samples(&q.centre(), batch.given.as_ref());
        let [_, b, r] = raw.dims();
        let likelihood = &self.vae().likelihood;
        to_vec(likelihood.mean(likelihood.with_known(raw.reshape([b, r]), &batch.x, batch.mask.as_ref())))
    }

    /// Model values of rows as the model sees them, NaN where one is missing, and of their reconstructions.
    fn pass_through(&self, data: &Dataset, rows: &[u32]) -> Result<(Vec<f32>, Vec<f32>)> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        budget::ask_values(&data.name, "rows and their reconstructions", &[2, rows.len(), self.x_width()])?;
        let (mut originals, mut reconstructed) = (Vec::new(), Vec::new());
        Batches::in_order(data, &preparation, rows, BATCH).for_each(0, |_, host| {
            originals.extend(host.with_gaps());
            reconstructed.extend(self.through(&host.to_device(&device::here())));
            Ok(Step::Continue)
        })?;
        Ok((originals, reconstructed))
    }
}
