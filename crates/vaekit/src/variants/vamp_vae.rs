//! The VampPrior.

use crate::{Error, Result};

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `vamp-vae`
pub struct VampVae;

impl Variant for VampVae {
    fn name(&self) -> &'static str {
        "vamp-vae"
    }

    fn summary(&self) -> &'static str {
        "a prior made of the posteriors of learned rows"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
p(z) is the mean of the posteriors of `components` learned rows, which start at training rows. Samples come
from that mixture.

## Objective
-E_q [log p(x|z) + log p(z) - log q(z|x)], the KL by the draws.

## When to use
For a better likelihood and better samples, when N(0, I) leaves holes.

## Limits
The rows pass through the encoder at each step: with many components and small batches that costs as much as
the batch.

## Reference
Tomczak & Welling, VAE with a VampPrior, AISTATS 2018, arXiv:1705.07120.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("prior", "vamp"), ("components", "200")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let recipe = PlainVae.build(settings, params, target)?;
        if !recipe.vae.prior.is_of_rows() {
            let (own, found) = (self.defaults()[0].1, &settings.prior);
            let problem = format!("'vamp-vae' has '{own}', found '{found}'; leave it out, or use another variant");
            return Err(Error::setting("prior", problem));
        }
        Ok(recipe)
    }
}
