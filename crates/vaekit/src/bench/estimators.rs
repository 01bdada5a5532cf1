//! How much the gradient estimators vary, on one model and one batch.

use serde::Serialize;
use vaekit_ops::device;

use crate::data::{Batches, Dataset, Encoding, Preparation, Step, Transform};
use crate::model::Mode;
use crate::nn::Parameters;
use crate::objective::{ESTIMATORS, Progress};
use crate::rng::Rng;
use crate::settings::TrainConfig;
use crate::variants::{Params, Target, find};
use crate::{Error, Result};

/// An estimator's gradient with respect to the encoder, over draws of z.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// The name of the estimator.
    pub estimator: &'static str,
    /// Length of the mean gradient.
    pub norm: f64,
    /// The variance of a draw, summed over parameters.
    pub variance: f64,
    /// Draws that the figures are of.
    pub draws: usize,
}

/// Measures every estimator on the first 64 rows of `data`, with the model of `config` as it begins.
///
/// # Errors
/// A variant whose objective takes no estimator, or settings that do not hold together.
pub fn spreads(config: &TrainConfig, data: &Dataset, draws: usize) -> Result<Vec<Spread>> {
    let rows: Vec<u32> = (0..data.len().min(64) as u32).collect();
    let encoding = Encoding::fit(config.normalize.unwrap_or(Transform::Unit), data, &rows)?;
    let encoding = Encoding { binarize: config.binarize, ..encoding };
    let rng = Rng::new(config.seed);
    let preparation = Preparation { encoding: encoding.clone(), rng, hide: 0.0 };
    let mut all = Vec::new();
    for (estimator, _) in ESTIMATORS {
        let mut model = config.model.clone();
        model.estimator = (*estimator).to_owned();
        let target = Target { schema: data.schema(), encoding: &encoding, rows: data.len(), rng };
        let variant = find(&config.variant)?;
        let mut recipe = variant.build(&model, &Params::check(variant.params(), &config.params)?, &target)?;
        recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        let (mut sum, mut squares) = (Vec::new(), 0.0);
        Batches::in_order(data, &preparation, &rows, rows.len()).for_each(0, |_, host| {
            let batch = host.to_device(&device::here());
            for draw in 0..draws {
                let rng = rng.at(draw as u64 + 1);
                let terms = recipe.vae.elbo_terms(&batch, recipe.objective.samples(), rng, Mode::Train(rng));
                let mut found = recipe.objective.loss(&terms, Progress { epoch: 1.0, rng }).value.backward();
                let each = recipe.vae.encoder.parameters();
                let gradient: Vec<f32> = each.iter().flat_map(|p| p.gradient(&mut found).unwrap_or_default()).collect();
                sum.resize(gradient.len(), 0f64);
                for (s, g) in sum.iter_mut().zip(gradient) {
                    *s += f64::from(g);
                    squares += f64::from(g).powi(2);
                }
            }
            Ok(Step::Continue)
        })?;
        let n = draws as f64;
        let norm = sum.iter().map(|s| (s / n).powi(2)).sum::<f64>();
        let variance = (squares / n - norm) * n / (n - 1.0).max(1.0);
        if !variance.is_finite() {
            return Err(Error::setting("variant", format!("the gradient of '{}' is not finite here", config.variant)));
        }
        all.push(Spread { estimator, norm: norm.sqrt(), variance, draws });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::OpenOptions;

    #[test]
    fn the_score_varies_far_more_than_the_reparameterised_gradient() {
        let mut config = TrainConfig { data: "digits".into(), ..TrainConfig::default() };
        (config.model.hidden, config.model.latent, config.model.samples) = (vec![16], 4, 2);
        let data = config.open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
        let found = spreads(&config, &data, 60).unwrap();
        let of = |name: &str| found.iter().find(|s| s.estimator == name).unwrap().variance;
        assert!(of("score") > 5.0 * of("reparameterized"), "{found:?}");
    }
}
