//! The evidence lower bound row by row: what errors, worst rows and paired differences are made of.

use vaekit_ops::{device, to_vec};

use crate::Result;
use crate::data::{Batches, Step};
use crate::model::{Mode, Vae};
use crate::rng::Rng;

/// Figures of each row, nats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowFigures {
    /// None for an autoencoder.
    pub rate: Option<Vec<f64>>,
    /// -E_q log p(x given z).
    pub distortion: Vec<f64>,
}

impl RowFigures {
    /// Measures rows in the order of the batches, with the draws of [`evaluate`](super::evaluate).
    ///
    /// # Errors
    /// Those of the batches.
    pub fn measure(vae: &Vae, batches: &Batches<'_>, samples: usize, rng: Rng) -> Result<Self> {
        let mut found = Self::default();
        batches.for_each(0, |_, host| {
            let batch = host.to_device(&device::here());
            let terms = vae.elbo_terms(&batch, samples, rng.at(0), Mode::Infer);
            let doubles = |v: Vec<f32>| v.into_iter().map(f64::from);
            found.distortion.extend(doubles(to_vec(terms.distortion())));
            if let Some(rate) = terms.rate() {
                found.rate.get_or_insert_default().extend(doubles(to_vec(rate)));
            }
            Ok(Step::Continue)
        })?;
        Ok(found)
    }

    /// The evidence lower bound of each row; none for an autoencoder.
    pub fn elbo(&self) -> Option<Vec<f64>> {
        let rate = self.rate.as_ref()?;
        Some(rate.iter().zip(&self.distortion).map(|(r, d)| -r - d).collect())
    }
}
