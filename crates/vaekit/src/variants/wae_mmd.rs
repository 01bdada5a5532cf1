//! Codes are points, and follow the prior as a whole.

use crate::Result;
use crate::objective::{Distance, OnCodes};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, kernel, plain_prior};

/// `wae-mmd`
pub struct WaeMmd;

const PARAMS: [Param; 2] = [
    Param {
        key: "weight",
        doc: "weight of the discrepancy",
        kind: ParamKind::Number { default: 500.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "kernel",
        doc: "rbf, or the inverse multiquadratic",
        kind: ParamKind::Choice { default: "imq", of: &["imq", "rbf"] },
    },
];

impl Variant for WaeMmd {
    fn name(&self) -> &'static str {
        "wae-mmd"
    }

    fn summary(&self) -> &'static str {
        "a Wasserstein autoencoder: point codes that follow the prior together"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder is deterministic. All codes of a batch are held near draws from N(0, I) by the maximum mean
discrepancy.

## Objective
-log p(x|z) + weight MMD(codes, N(0, I)).

## When to use
For sharper samples than a VAE's, and codes without noise.

## Limits
No bound on the likelihood. The discrepancy is measured in a batch: take 100 rows and more.

## Reference
Tolstikhin et al., Wasserstein Auto-Encoders, ICLR 2018, arXiv:1711.01558, algorithm 2.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "deterministic")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without_kl(self.name())?;
        let settings = settings.fixed(self.name(), "deterministic")?;
        plain_prior(self.name(), settings)?;
        Ok(Recipe {
            vae: settings.model(target)?,
            objective: Box::new(OnCodes {
                elbo: settings.elbo()?,
                distance: Distance::Mmd(kernel(params)),
                weight: params.number("weight"),
                kl: 0.0,
            }),
        })
    }
}
