//! A network that tells codes from shuffled codes.

use crate::Result;
use crate::nn::Init;
use crate::objective::Factor;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, dense, one_group};

/// `factor-vae`
pub struct FactorVae;

const PARAMS: [Param; 2] = [
    Param {
        key: "gamma",
        doc: "weight of the total correlation",
        kind: ParamKind::Number { default: 10.0, min: 0.0, max: 10000.0 },
    },
    Param {
        key: "discriminator",
        doc: "units of each of the discriminator's five hidden layers",
        kind: ParamKind::Count { default: 200, min: 1, max: 4096 },
    },
];

impl Variant for FactorVae {
    fn name(&self) -> &'static str {
        "factor-vae"
    }

    fn summary(&self) -> &'static str {
        "total correlation by a discriminator"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
A discriminator learns to tell codes from codes whose dimensions are shuffled over the batch; its logit
estimates the total correlation, which the model lowers.

## Objective
-ELBO + gamma E_q(z) log D(z) / (1 - D(z)).

## When to use
For independent codes at less cost to the likelihood than `beta-vae`; batches of 64 and more.

## Limits
Two networks play: the discriminator must keep up. Codes are shuffled within the batch, where the paper draws a
second one. It costs as much time as the rest of a small model.

## Reference
Kim & Mnih, Disentangling by Factorising, ICML 2018, arXiv:1802.05983.
"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let vae = settings.model(target)?;
        one_group(self.name(), &vae)?;
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        let mut init = Init::new(target.rng.at(2));
        let latent = vae.groups.iter().sum();
        let width = params.count("discriminator");
        let objective = Factor::new(settings.elbo()?, params.number("gamma"), latent, width, &mut init);
        Ok(Recipe { vae, objective: Box::new(objective) })
    }
}
