//! A mixture prior put where the codes of training rows lie.

use vaekit_ops::{device, to_vec};

use crate::data::{Batches, Step};
use crate::eval::latents::Matrix;
use crate::eval::representation::fit_mixture;
use crate::model::Mode;
use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

use super::session::Session;

/// Rows whose codes are fitted.
const FITTED: usize = 10_000;

impl Session<'_> {
    /// Fits a mixture of as many Gaussians as the prior has to the codes of training rows, from the best of three
    /// starts, and puts the prior's components there (Jiang et al. 2017, section 3.2).
    ///
    /// # Errors
    /// Codes that have no such mixture.
    pub fn fit_prior(&mut self) -> Result<()> {
        let Some(components) = self.recipe.vae.prior.components() else { return Ok(()) };
        let seed = self.file.config.seed;
        let order = Rng::new(seed).permutation(Purpose::Choice, self.splits.train.len());
        let rows: Vec<u32> = order.into_iter().take(FITTED).map(|i| self.splits.train[i as usize]).collect();
        self.recipe.vae.set_tracking(false);
        let mut codes = Vec::new();
        let batches = Batches::in_order(self.data, &self.preparation, &rows, 512);
        let encoded = batches.for_each(0, |_, host| {
            codes.extend(to_vec(self.recipe.vae.encode(&host.to_device(&device::here()), Mode::Infer).mean()));
            Ok(Step::Continue)
        });
        self.recipe.vae.set_tracking(true);
        encoded?;
        let d = codes.len() / rows.len().max(1);
        let x = Matrix::from_shape_fn((rows.len(), d), |(i, j)| f64::from(codes[i * d + j]));
        let fit = fit_mixture(&x, components, 3, seed);
        let fit = fit.map_err(|e| {
            Error::setting(
                "pretrain",
                format!(
                    "the codes have no mixture to begin with: {e}; start anew with fewer components, another seed, or 0"
                ),
            )
        })?;
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
        let variances: Vec<f64> =
            fit.covariances().outer_iter().flat_map(|c| c.diag().iter().copied().collect::<Vec<f64>>()).collect();
        let weights = single(fit.weights().to_vec());
        self.recipe.vae.prior.fit(&weights, single(fit.means().iter().copied().collect()), &single(variances));
        Ok(())
    }
}
