//! Codes with exact zeros.

use crate::Result;

use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `vsc`
pub struct Vsc;

impl Variant for Vsc {
    fn name(&self) -> &'static str {
        "vsc"
    }

    fn summary(&self) -> &'static str {
        "variational sparse coding: dimensions that are exactly 0"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
q(z_d|x) is 0 with a probability that the encoder gives, else a Gaussian; the prior expects a share `slab` of
the dimensions in use. The KL is warmed up.

## Objective
-E_q log p(x|z) + sum_d g KL(N(m, s^2) || N(0, 1)) + KL(Bernoulli(g) || Bernoulli(slab)).

## When to use
For many dimensions of which each row uses its own few; `encode` writes exact zeros.

## Limits
In training the choice is relaxed, so the training bound is not that of `evaluate`, which chooses. The paper's
learned pseudo-inputs for the prior are not there.

## Reference
Tonolini, Jensen & Murray-Smith, Variational Sparse Coding, UAI 2019.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "spike-and-slab"), ("kl_schedule", "linear"), ("latent", "50")]
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["estimator"])?;
        let settings = settings.fixed(self.name(), "spike-and-slab")?;
        Ok(Recipe { vae: settings.model(target)?, objective: Box::new(settings.elbo()?) })
    }
}
