//! Each network has the bound that suits it.

use crate::objective::{Estimator, ImportanceWeighted};
use crate::{Error, Result};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, exact_draws};

/// `piwae`
pub struct Piwae;

const PARAMS: [Param; 1] = [Param {
    key: "bounds",
    doc: "bounds that are averaged, M",
    kind: ParamKind::Count { default: 8, min: 1, max: 4096 },
}];

impl Variant for Piwae {
    fn name(&self) -> &'static str {
        "piwae"
    }

    fn summary(&self) -> &'static str {
        "MIWAE for the encoder, IWAE for the decoder"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder follows the mean of M bounds of K samples, the decoder one bound of all M K samples.

## Objective
decoder: -E log 1/(M K) sum w; encoder: -E 1/M sum_m log 1/K sum_k w_mk, through z alone (doubly
reparameterised).

## When to use
For the best of IWAE and MIWAE.

## Limits
M K times the decoder's work, twice. The posterior must be a Gaussian.

## Reference
Rainforth et al., ICML 2018, arXiv:1802.04537, section 4. Tucker et al., ICLR 2019, arXiv:1810.04152 (the
gradient).
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("samples", "8")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["beta", "kl_schedule", "kl_period", "free_bits", "estimator"])?;
        let vae = settings.model(target)?;
        exact_draws(self.name(), &vae)?;
        if Estimator::DoublyReparameterized.check(&*vae.posterior).is_err() {
            let problem = format!("'piwae' needs a Gaussian, found '{}'; use iwae for others", vae.posterior.name());
            return Err(Error::setting("posterior", problem));
        }
        Ok(Recipe {
            vae,
            objective: Box::new(ImportanceWeighted {
                elbo: settings.elbo()?,
                samples: settings.samples,
                groups: params.count("bounds"),
                partial: true,
                share: 0.0,
            }),
        })
    }
}
