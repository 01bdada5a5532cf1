//! The covariance of all codes is penalised.

use crate::Result;
use crate::objective::Moments;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant};

/// `dip-vae`
pub struct DipVae;

const PARAMS: [Param; 3] = [
    Param {
        key: "of",
        doc: "whose covariance: codes (II) or means (I)",
        kind: ParamKind::Choice { default: "codes", of: &["codes", "means"] },
    },
    Param {
        key: "off_diagonal",
        doc: "weight of the squared covariances",
        kind: ParamKind::Number { default: 10.0, min: 0.0, max: 100000.0 },
    },
    Param {
        key: "diagonal",
        doc: "weight of the variances' distance from 1",
        kind: ParamKind::Number { default: 10.0, min: 0.0, max: 100000.0 },
    },
];

impl Variant for DipVae {
    fn name(&self) -> &'static str {
        "dip-vae"
    }

    fn summary(&self) -> &'static str {
        "codes whose covariance is kept near the identity"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The covariance of the posterior means (`of = means`, DIP-VAE-I) or of the codes (`of = codes`, DIP-VAE-II)
over the batch is drawn to the identity.

## Objective
-ELBO + off_diagonal sum_(i != j) C_ij^2 + diagonal sum_i (C_ii - 1)^2.

## When to use
For uncorrelated codes without a second network.

## Limits
Uncorrelated is less than independent. Batches should be larger than the number of dimensions.

## Reference
Kumar, Sattigeri & Balakrishnan, ICLR 2018, arXiv:1711.00848.
"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let settings = settings.fixed(self.name(), "diagonal-gaussian")?;
        Ok(Recipe {
            vae: settings.model(target)?,
            objective: Box::new(Moments {
                elbo: settings.elbo()?,
                off_diagonal: params.number("off_diagonal"),
                diagonal: params.number("diagonal"),
                of_codes: params.choice("of") == "codes",
            }),
        })
    }
}
