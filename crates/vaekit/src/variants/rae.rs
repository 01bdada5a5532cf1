//! Point codes and a decoder that is kept smooth.

use crate::Result;
use crate::objective::{Penalty, Regularized};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, no_prior};

/// `rae`
pub struct Rae;

const PARAMS: [Param; 3] = [
    Param {
        key: "penalty",
        doc: "what keeps the decoder smooth: weights (L2), spectral or gradient",
        kind: ParamKind::Choice { default: "weights", of: &["weights", "spectral", "gradient"] },
    },
    Param {
        key: "codes",
        doc: "weight of the codes' length",
        kind: ParamKind::Number { default: 0.1, min: 0.0, max: 10000.0 },
    },
    Param {
        key: "decoder",
        doc: "weight of the decoder's penalty",
        kind: ParamKind::Number { default: 0.001, min: 0.0, max: 10000.0 },
    },
];

impl Variant for Rae {
    fn name(&self) -> &'static str {
        "rae"
    }

    fn summary(&self) -> &'static str {
        "a regularised autoencoder: a smooth decoder in place of noise"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder is deterministic; the length of codes is penalised, and the decoder by the size of its weights or
their largest singular values, or by its gradient. Sampling takes a density fitted to the codes
afterwards: `sample --from mixture`.

## Objective
-log p(x|z) + codes |z|^2 / 2 + decoder (sum w^2 / 2, or sum s(W)^2 / 2, or |dx/dz|^2 along a random
direction), s the largest singular value.

## When to use
For sharp samples by simple means.

## Limits
No bound on the likelihood and no prior: N(0, I) is not where the codes lie. Singular values are penalised,
where the paper divides by them.

## Reference
Ghosh et al., From Variational to Deterministic Autoencoders, ICLR 2020, arXiv:1903.12436.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "deterministic")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn samples_from_prior(&self) -> bool {
        false
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without_kl(self.name())?;
        let settings = settings.fixed(self.name(), "deterministic")?;
        no_prior(self.name(), settings)?;
        let penalty = match params.choice("penalty") {
            "gradient" => Penalty::Gradient,
            "spectral" => Penalty::Spectral,
            _ => Penalty::Weights,
        };
        let (codes, decoder) = (params.number("codes"), params.number("decoder"));
        Ok(Recipe { vae: settings.model(target)?, objective: Box::new(Regularized { codes, decoder, penalty }) })
    }
}
