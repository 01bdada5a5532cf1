//! The decoder's noise is learned.

use crate::Result;

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `sigma-vae`
pub struct SigmaVae;

impl Variant for SigmaVae {
    fn name(&self) -> &'static str {
        "sigma-vae"
    }

    fn summary(&self) -> &'static str {
        "one learned variance for all values"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The likelihood is N(x; decoder, s^2) with s learned for all values together: it sets the balance of rate and
distortion by itself. It is `vae` with `--likelihood gaussian-shared`.

## Objective
-E_q log N(x; m(z), s^2) + KL(q(z|x) || p(z)).

## When to use
For real data, instead of tuning beta.

## Limits
One s is a compromise where noise differs from place to place: `--likelihood gaussian-learned`. With
any other likelihood it is `vae`.

## Reference
Rybkin, Daniilidis & Levine, Simple and Effective VAE Training with Calibrated Decoders, ICML 2021,
arXiv:2006.13202.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("likelihood", "gaussian-shared")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings, params, target)
    }
}
