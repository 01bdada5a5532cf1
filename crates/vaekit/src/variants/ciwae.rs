//! Two bounds, blended.

use crate::Result;
use crate::objective::ImportanceWeighted;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, exact_draws};

/// `ciwae`
pub struct Ciwae;

const PARAMS: [Param; 1] = [Param {
    key: "share",
    doc: "share of the plain bound",
    kind: ParamKind::Number { default: 0.05, min: 0.0, max: 1.0 },
}];

impl Variant for Ciwae {
    fn name(&self) -> &'static str {
        "ciwae"
    }

    fn summary(&self) -> &'static str {
        "a blend of the ELBO and the importance-weighted bound"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
A share of the plain bound is added to the importance-weighted one, which keeps the encoder learning.

## Objective
-(share ELBO + (1 - share) L_K).

## When to use
When IWAE's encoder learns too little.

## Limits
One more number to choose.

## Reference
Rainforth et al., ICML 2018, arXiv:1802.04537, section 4.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("samples", "8")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let vae = settings.model(target)?;
        exact_draws(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe {
            vae,
            objective: Box::new(ImportanceWeighted {
                elbo: settings.elbo()?,
                samples: settings.samples,
                groups: 1,
                partial: false,
                share: params.number("share"),
            }),
        })
    }
}
