//! Codes of rows together: against the prior, and by the causes of the rows.

use crate::data::{Dataset, Factors};
use crate::eval::disentanglement::{Disentanglement, Factor, disentanglement};
use crate::eval::latents::{Aggregate, Matrix, Posteriors, aggregate};
use crate::model::Model;
use crate::{Error, Result};

use super::allowed::enough;

/// Rows that judge the aggregate posterior: its cost grows with their square.
const AGGREGATE: usize = 4_000;
/// Rows that judge disentanglement.
const FACTORED: usize = 10_000;

impl Model {
    /// All codes of the rows (at most 4,000) against N(0, I).
    ///
    /// # Errors
    /// A model whose codes are not diagonal Gaussians, or whose prior is another.
    pub fn aggregate(&self, data: &Dataset, rows: &[u32]) -> Result<Aggregate> {
        enough("latents", rows, 20)?;
        let q = self.posteriors(data, &self.some(rows, AGGREGATE))?;
        let Some(q) = q.1 else {
            return Err(Error::unsupported("latents", "these codes are no diagonal Gaussians"));
        };
        self.is_standard()?;
        Ok(aggregate(&q, self.rng()))
    }

    /// Disentanglement scores of the rows (at most 10,000), by the factors that
    /// the data brings or those given. Also names factors that are constant.
    ///
    /// # Errors
    /// Data without factors, none that varies, or too few rows.
    pub fn disentanglement(
        &self,
        data: &Dataset,
        rows: &[u32],
        given: Option<&Factors>,
    ) -> Result<(Disentanglement, Vec<String>)> {
        let rows = &self.some(rows, FACTORED)[..];
        let (found, constant) = self.varying(data, rows, given)?;
        let (means, q) = self.posteriors(data, rows)?;
        let dense = q.is_some();
        // Points have no density: the convention that needs one is left out.
        let q = q.unwrap_or_else(|| Posteriors { log_var: means.clone(), z: means.clone(), mean: means });
        let mut scores = disentanglement(&q, &found, self.rng())?;
        if !dense {
            scores.mig_sampled = None;
            scores.chance.iter_mut().for_each(|chance| chance.mig_sampled = None);
        }
        Ok((scores, constant))
    }

    /// Factors that vary over the rows, and the names of those that do not.
    pub(super) fn varying(
        &self,
        data: &Dataset,
        rows: &[u32],
        given: Option<&Factors>,
    ) -> Result<(Vec<Factor>, Vec<String>)> {
        let Some(factors) = given.or(data.factors.as_ref()) else {
            return Err(Error::data(&data.name, "brings no factors; give a csv with a column a factor by --factors"));
        };
        let all = factors.values.len() / factors.names.len().max(1);
        if all != data.len() {
            return Err(Error::data(
                "factors",
                format!("have {all} rows, expected {}: one for each row of {}", data.len(), data.name),
            ));
        }
        let (found, constant) = Factor::all(factors, rows);
        let varies = || format!("every factor is constant on these {} rows: {}", rows.len(), constant.join(", "));
        if found.is_empty() {
            return Err(Error::data("factors", varies()));
        }
        enough("factors", rows, 100)?;
        Ok((found, constant))
    }

    /// Mean codes of rows, and their posteriors where they have any.
    pub(crate) fn posteriors(&self, data: &Dataset, rows: &[u32]) -> Result<(Matrix, Option<Posteriors>)> {
        let codes = self.encode(data, rows)?;
        if let Some(at) = codes.mean.iter().position(|v| !v.is_finite()) {
            let row = rows[at / codes.latent.max(1)];
            return Err(Error::data(
                &data.name,
                format!("row {row} has a code that is not finite; is it of the same kind?"),
            ));
        }
        let matrix =
            |v: &[f32]| Matrix::from_shape_fn((rows.len(), codes.latent), |(i, j)| f64::from(v[i * codes.latent + j]));
        let mean = matrix(&codes.mean);
        let q = codes.log_var.as_ref().map(|v| Posteriors::draw(mean.clone(), matrix(v), self.rng()));
        Ok((mean, q))
    }
}
