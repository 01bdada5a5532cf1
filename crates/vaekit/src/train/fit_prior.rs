//! A mixture prior put where the codes of training rows lie.

use vaekit_ops::{device, to_vec};

use crate::data::{Batches, Step};
use crate::eval::latents::Matrix;
use crate::eval::representation::fit_mixture;
use crate::model::{FittedMixture, Mode, Moment};
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
        if self.recipe.vae.prior.components().is_none() {
            return Ok(());
        }
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
        let prior: Vec<String> = self.recipe.vae.prior.parameters().iter().map(|p| p.name().to_owned()).collect();
        self.optim.forget(&self.recipe, &prior);
        self.recipe.vae.prior.begin(Moment::Pretrained(&|components| fitted(&codes, rows.len(), components, seed)))
    }
}

/// A mixture of diagonal Gaussians where codes `[N, D]` lie.
fn fitted(codes: &[f32], n: usize, components: usize, seed: u64) -> Result<FittedMixture> {
    let d = codes.len() / n.max(1);
    let x = Matrix::from_shape_fn((n, d), |(i, j)| f64::from(codes[i * d + j]));
    let fit = fit_mixture(&x, components, 3, seed).map_err(|e| {
        let problem = format!("the codes have no mixture to begin with: {e}");
        Error::setting("pretrain", format!("{problem}; start anew with fewer components, another seed, or 0"))
    })?;
    let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    let variances = fit.covariances().outer_iter().flat_map(|c| c.diag().iter().copied().collect::<Vec<f64>>());
    Ok(FittedMixture {
        weights: single(fit.weights().to_vec()),
        means: single(fit.means().iter().copied().collect()),
        variances: single(variances.collect()),
    })
}
