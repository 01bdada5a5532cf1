//! One class and several real numbers.

use crate::Result;
use crate::objective::Capacity;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant};

/// `joint-vae`
pub struct JointVae;

const PARAMS: [Param; 3] = [
    Param {
        key: "gamma",
        doc: "weight of the distance to the capacities",
        kind: ParamKind::Number { default: 30.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "capacity",
        doc: "nats of the real dimensions at the end",
        kind: ParamKind::Number { default: 20.0, min: 0.0, max: 10000.0 },
    },
    Param {
        key: "class_capacity",
        doc: "nats of the class variable at the end; log categories at most",
        kind: ParamKind::Number { default: 2.3, min: 0.0, max: 100.0 },
    },
];

impl Variant for JointVae {
    fn name(&self) -> &'static str {
        "joint-vae"
    }

    fn summary(&self) -> &'static str {
        "a class variable beside real dimensions, each with a capacity"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
z is latent - categories real dimensions and one relaxed class variable. The KL of each part is led to a
capacity of its own that grows over `--kl-period` epochs.

## Objective
-E_q log p(x|z) + gamma |KL_real - C_real(t)| + gamma |KL_class - C_class(t)|.

## When to use
To find classes without labels, with what varies inside them beside; `encode --choices` gives the class of each row.

## Limits
Classes need not be the labels, and which come out depends on the seed.

## Reference
Dupont, Learning Disentangled Joint Continuous and Discrete Representations, NeurIPS 2018, arXiv:1804.00104.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        // The period is that of the capacity, whatever the schedule of the KL.
        &[("posterior", "joint"), ("latent", "20"), ("kl_period", "10.0")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["beta", "kl_schedule", "free_bits", "estimator"])?;
        let settings = settings.fixed(self.name(), "joint")?;
        Ok(Recipe {
            vae: settings.model(target)?,
            objective: Box::new(Capacity {
                samples: settings.samples,
                gamma: params.number("gamma"),
                capacity: params.number("capacity"),
                classes: Some((
                    params.number("class_capacity").min((settings.categories as f64).ln()),
                    settings.latent - settings.categories,
                )),
                period: settings.kl_period,
            }),
        })
    }
}
