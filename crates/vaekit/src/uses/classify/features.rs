//! What classes are told from: values of rows, or the latent codes that a model has for them.

use crate::data::{Batches, Dataset, Step};
use crate::model::Model;
use crate::rng::{Purpose, Rng};
use crate::uses::BATCH;
use crate::{Error, Result, budget};

/// What features are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// x, as the model has it.
    Values,
    /// q(z given x).
    Codes,
}

/// How features are made comparable: (v - shift) / scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    pub of: Of,
    pub shift: Vec<f32>,
    pub scale: Vec<f32>,
    /// True for values from 0 to 1, which are left as they are.
    pub unit: bool,
}

/// Features of rows, `[rows, width]`.
#[derive(Clone, Debug)]
pub struct Rows {
    pub mean: Vec<f32>,
    /// Of codes their standard deviation.
    pub spread: Option<Vec<f32>>,
    pub width: usize,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.mean.len() / self.width.max(1)
    }

    /// A draw of some rows: of codes one of q(z given x), else the values.
    pub fn drawn(&self, rows: &[usize], rng: Rng) -> Vec<f32> {
        let take = |of: &[f32]| rows.iter().flat_map(|row| of[row * self.width..][..self.width].to_vec()).collect();
        let mut out: Vec<f32> = take(&self.mean);
        if let Some(spread) = &self.spread {
            let ids: Vec<u64> = rows.iter().map(|row| *row as u64).collect();
            let eps = rng.normal(Purpose::Posterior, &ids, self.width);
            let spread: Vec<f32> = take(spread);
            out.iter_mut().zip(eps.iter().zip(&spread)).for_each(|(v, (e, s))| *v += e * s);
        }
        out
    }

    /// Some of the rows.
    pub fn some(&self, rows: &[usize]) -> Self {
        let take = |of: &Vec<f32>| rows.iter().flat_map(|row| of[row * self.width..][..self.width].to_vec()).collect();
        Self { mean: take(&self.mean), spread: self.spread.as_ref().map(take), width: self.width }
    }
}

impl Features {
    /// Measures the spread of features over training rows.
    ///
    /// # Errors
    /// Rows that do not fit the model.
    pub fn fit(model: &Model, data: &Dataset, train: &[u32], of: Of) -> Result<Self> {
        let unit = of == Of::Values && model.encoding().gives_unit_interval(model.schema());
        let plain = Self { of, shift: Vec::new(), scale: Vec::new(), unit };
        let rows = plain.raw(model, data, train)?;
        let width = rows.width;
        let (shift, scale) = match unit {
            true => (vec![0.0; width], vec![1.0; width]),
            false => crate::uses::sparse::Fitted::measure(&rows.mean, width, None),
        };
        Ok(Self { shift, scale, ..plain })
    }

    /// Features of rows.
    ///
    /// # Errors
    /// Rows that do not fit the model, or with missing values where values are asked for.
    pub fn rows(&self, model: &Model, data: &Dataset, rows: &[u32]) -> Result<Rows> {
        if rows.is_empty() {
            return Ok(Rows { mean: Vec::new(), spread: None, width: self.shift.len() });
        }
        let mut found = self.raw(model, data, rows)?;
        let width = found.width;
        if width != self.shift.len() {
            let (is, wanted) = (width, self.shift.len());
            return Err(Error::setting("classifier", format!("is of {wanted} features, the model gives {is}")));
        }
        found.mean.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - self.shift[i % width]) / self.scale[i % width]);
        found.spread.iter_mut().flatten().enumerate().for_each(|(i, v)| *v /= self.scale[i % width]);
        Ok(found)
    }

    fn raw(&self, model: &Model, data: &Dataset, rows: &[u32]) -> Result<Rows> {
        if self.of == Of::Codes {
            let codes = model.encode(data, rows)?;
            let spread = codes.log_var.map(|v| v.into_iter().map(|v| (0.5 * v).exp()).collect());
            return Ok(Rows { mean: codes.mean, spread, width: codes.latent });
        }
        model.check_fits(data)?;
        let width = model.x_width();
        budget::ask_values(&data.name, "the values of its rows", &[rows.len(), width])?;
        let mut mean = Vec::with_capacity(rows.len() * width);
        // A missing value is 0, as the encoder of a model has it.
        Batches::in_order(data, &model.preparation(), rows, BATCH).for_each(0, |_, host| {
            mean.extend(host.x);
            Ok(Step::Continue)
        })?;
        Ok(Rows { mean, spread: None, width })
    }
}
