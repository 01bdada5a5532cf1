//! Codes that are classes.

use crate::Result;

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `cat-vae`
pub struct CatVae;

impl Variant for CatVae {
    fn name(&self) -> &'static str {
        "cat-vae"
    }

    fn summary(&self) -> &'static str {
        "class variables for codes, by Gumbel-softmax"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
z is latent / categories class variables. In training their one-hot vectors are relaxed at a temperature; in
use they are made.

## Objective
-E_q log p(x|z) + sum over variables of sum_c pi_c log(C pi_c).

## When to use
For codes that are choices: symbols, types, hashes. `encode --choices` gives their numbers.

## Limits
The relaxed decoder sees mixtures that it never sees in use: a lower temperature lessens that and raises the
gradient's variance.

## Reference
Jang, Gu & Poole, ICLR 2017, arXiv:1611.01144. Maddison, Mnih & Teh, ICLR 2017, arXiv:1611.00712.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "categorical"), ("latent", "100")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings.fixed(self.name(), "categorical")?, params, target)
    }
}
