//! Several tighter bounds, averaged.

use crate::Result;
use crate::objective::ImportanceWeighted;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, exact_draws};

/// `miwae`
pub struct Miwae;

const PARAMS: [Param; 1] = [Param {
    key: "bounds",
    doc: "bounds that are averaged, M",
    kind: ParamKind::Count { default: 8, min: 1, max: 4096 },
}];

impl Variant for Miwae {
    fn name(&self) -> &'static str {
        "miwae"
    }

    fn summary(&self) -> &'static str {
        "a mean of several importance-weighted bounds"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
M bounds (`--bounds`) of K samples (`--samples`) each are averaged: between the ELBO (K = 1) and IWAE (M = 1).

## Objective
-E 1/M sum_m log 1/K sum_k w_mk.

## When to use
When IWAE's encoder learns too little.

## Limits
M K times the decoder's work.

## Reference
Rainforth et al., Tighter Variational Bounds Are Not Necessarily Better, ICML 2018, arXiv:1802.04537, section
4.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("samples", "8")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["beta", "kl_schedule", "kl_period", "free_bits"])?;
        let vae = settings.model(target)?;
        exact_draws(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe {
            vae,
            objective: Box::new(ImportanceWeighted {
                elbo: settings.elbo()?,
                samples: settings.samples,
                groups: params.count("bounds"),
                partial: false,
                share: 0.0,
            }),
        })
    }
}
