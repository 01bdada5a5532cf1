//! Codes are points, compared with the prior line by line.

use crate::Result;
use crate::objective::{Distance, OnCodes};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, plain_prior};

/// `swae`
pub struct Swae;

const PARAMS: [Param; 2] = [
    Param {
        key: "weight",
        doc: "weight of the distance",
        kind: ParamKind::Number { default: 100.0, min: 0.0, max: 1000000.0 },
    },
    Param { key: "lines", doc: "random lines a step", kind: ParamKind::Count { default: 50, min: 1, max: 10000 } },
];

impl Variant for Swae {
    fn name(&self) -> &'static str {
        "swae"
    }

    fn summary(&self) -> &'static str {
        "a sliced Wasserstein autoencoder"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder is deterministic. Codes and draws from N(0, I) are projected on random lines, sorted, and drawn
together.

## Objective
-log p(x|z) + weight 1/L sum_l W_2^2(codes on line l, draws on line l).

## When to use
As `wae-mmd`, without a kernel to choose.

## Limits
No bound on the likelihood. Sorting is done on the processor.

## Reference
Kolouri et al., Sliced Wasserstein Auto-Encoders, ICLR 2019, arXiv:1804.01947, equation 8.
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
                distance: Distance::Sliced(params.count("lines")),
                weight: params.number("weight"),
                kl: 0.0,
            }),
        })
    }
}
