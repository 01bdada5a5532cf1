//! A discriminator on codes.

use crate::Result;
use crate::nn::Init;
use crate::objective::Adversarial;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, plain_prior};

/// `aae`
pub struct Aae;

const PARAMS: [Param; 2] = [
    Param {
        key: "weight",
        doc: "weight of passing for a draw",
        kind: ParamKind::Number { default: 10.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "discriminator",
        doc: "units of each of the discriminator's two hidden layers",
        kind: ParamKind::Count { default: 200, min: 1, max: 4096 },
    },
];

impl Variant for Aae {
    fn name(&self) -> &'static str {
        "aae"
    }

    fn summary(&self) -> &'static str {
        "an adversarial autoencoder: codes that pass for draws from the prior"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder is deterministic. A discriminator tells codes from draws from N(0, I), and the encoder learns to
pass.

## Objective
-log p(x|z) + weight E softplus(-D(z)).

## When to use
As `wae-mmd`, where codes have many dimensions and kernels see little.

## Limits
Two networks play, and may do so without end: look at samples, not at the loss.

## Reference
Makhzani et al., Adversarial Autoencoders, 2015, arXiv:1511.05644.
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
        let mut init = Init::new(target.rng.at(2));
        let width = params.count("discriminator");
        let objective = Adversarial::new(params.number("weight"), settings.latent, width, &mut init);
        Ok(Recipe { vae: settings.model(target)?, objective: Box::new(objective) })
    }
}
