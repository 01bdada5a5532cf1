//! Directions for codes.

use crate::Result;

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `sphere-vae`
pub struct SphereVae;

impl Variant for SphereVae {
    fn name(&self) -> &'static str {
        "sphere-vae"
    }

    fn summary(&self) -> &'static str {
        "codes on a sphere: von Mises-Fisher, uniform prior"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
q(z|x) is a von Mises-Fisher distribution on the unit sphere, p(z) uniform there.

## Objective
-E_q log p(x|z) + KL, which depends on the concentration alone, in closed form.

## When to use
When what matters is the angle between codes, and in few dimensions, where N(0, I) crowds its centre.

## Limits
Draws are made row by row on the processor. Above some twenty dimensions the sphere's surface shrinks, and
`vae` does better.

## Reference
Davidson et al., Hyperspherical Variational Auto-Encoders, UAI 2018, arXiv:1804.00891.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "von-mises-fisher"), ("latent", "10")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings.fixed(self.name(), "von-mises-fisher")?, params, target)
    }
}
