//! A controlled rise of the code's capacity.

use crate::Result;
use crate::objective::Capacity;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, dense};

/// `capacity-vae`
pub struct CapacityVae;

const PARAMS: [Param; 2] = [
    Param {
        key: "gamma",
        doc: "weight of the distance to the capacity",
        kind: ParamKind::Number { default: 30.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "capacity",
        doc: "nats at the end",
        kind: ParamKind::Number { default: 25.0, min: 0.0, max: 10000.0 },
    },
];

impl Variant for CapacityVae {
    fn name(&self) -> &'static str {
        "capacity-vae"
    }

    fn summary(&self) -> &'static str {
        "beta-VAE with a KL led to a growing capacity"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The KL is not weighed but held at a capacity that grows from 0 to `--capacity` over `--kl-period` epochs.

## Objective
-E_q log p(x|z) + gamma |KL(q(z|x) || p(z)) - C(t)|.

## When to use
For independent codes without beta-VAE's blur: dimensions come in one after the other.

## Limits
What capacity suits is not known before; rate and distortion of a `vae` are a guide.

## Reference
Burgess et al., Understanding disentangling in beta-VAE, 2018, arXiv:1804.03599, equation 8.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        // The period is that of the capacity, whatever the schedule of the KL.
        &[("kl_period", "10.0")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["beta", "kl_schedule", "free_bits", "estimator"])?;
        let vae = settings.model(target)?;
        dense(self.name(), &vae)?;
        Ok(Recipe {
            vae,
            objective: Box::new(Capacity {
                samples: settings.samples,
                gamma: params.number("gamma"),
                capacity: params.number("capacity"),
                classes: None,
                period: settings.kl_period,
            }),
        })
    }
}
