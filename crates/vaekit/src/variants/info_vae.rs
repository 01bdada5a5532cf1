//! The aggregate of all codes is compared with the prior.

use crate::objective::{Distance, OnCodes};
use crate::{Error, Result};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, dense, kernel, one_group};

/// `info-vae`
pub struct InfoVae;

const PARAMS: [Param; 3] = [
    Param {
        key: "alpha",
        doc: "1 less the weight of the KL",
        kind: ParamKind::Number { default: 0.5, min: -1000.0, max: 1.0 },
    },
    Param {
        key: "lambda",
        doc: "weight of the discrepancy, with alpha - 1",
        kind: ParamKind::Number { default: 100.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "kernel",
        doc: "rbf, or the inverse multiquadratic",
        kind: ParamKind::Choice { default: "imq", of: &["imq", "rbf"] },
    },
];

impl Variant for InfoVae {
    fn name(&self) -> &'static str {
        "info-vae"
    }

    fn summary(&self) -> &'static str {
        "a weaker KL and a distance of all codes from the prior"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The KL of each row counts 1 - alpha; all codes of a batch together are held near the prior by the maximum mean
discrepancy.

## Objective
-E_q log p(x|z) + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + lambda - 1) MMD(q(z), p(z)).

## When to use
When codes should say much of their rows and still follow the prior as a whole.

## Limits
The discrepancy is measured in a batch: small batches see little. alpha and lambda must be found.

## Reference
Zhao, Song & Ermon, InfoVAE, AAAI 2019, arXiv:1706.02262, equation 6.
"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["free_bits", "estimator"])?;
        let alpha = params.number("alpha");
        let weight = alpha + params.number("lambda") - 1.0;
        if weight < 0.0 {
            return Err(Error::setting("lambda", format!("alpha + lambda - 1 is {weight}, expected at least 0")));
        }
        let vae = settings.model(target)?;
        one_group(self.name(), &vae)?;
        dense(self.name(), &vae)?;
        Ok(Recipe {
            vae,
            objective: Box::new(OnCodes {
                elbo: settings.elbo()?,
                distance: Distance::Mmd(kernel(params)),
                weight,
                kl: 1.0 - alpha,
            }),
        })
    }
}
