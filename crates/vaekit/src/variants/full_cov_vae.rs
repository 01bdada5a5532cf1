//! The posterior's dimensions may depend on each other.

use crate::Result;

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `full-cov-vae`
pub struct FullCovVae;

impl Variant for FullCovVae {
    fn name(&self) -> &'static str {
        "full-cov-vae"
    }

    fn summary(&self) -> &'static str {
        "a Gaussian posterior with all covariances"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
q(z|x) is N(m, L L') with a full lower-triangular L from the encoder, in place of independent dimensions. It
is `vae` with `--posterior full-gaussian`.

## Objective
-E_q log p(x|z) + KL, with KL = 1/2 (tr LL' + m'm - D) - sum log L_ii in closed form.

## When to use
When `evaluate --gap` says that the family of q loses much, and D is small: the encoder has D (D + 3) / 2
outputs.

## Limits
The last layer grows with the square of D. A flow (`flow-vae`) bends as well as turns.

## Reference
Kingma & Welling, An Introduction to Variational Autoencoders, 2019, arXiv:1906.02691, section 2.5.1.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "full-gaussian")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings.fixed(self.name(), "full-gaussian")?, params, target)
    }
}
