//! A hierarchy of latents.

use crate::{Error, Result};

use super::{ModelSettings, Params, Recipe, Target, Variant, dense};

/// `ladder-vae`
pub struct LadderVae;

impl Variant for LadderVae {
    fn name(&self) -> &'static str {
        "ladder-vae"
    }

    fn summary(&self) -> &'static str {
        "groups of latents, one above the other"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
z2 stands above z1, z3 above z2 and so on: p(z2) p(z1|z2) p(x|z1) with two groups. The posterior of z1 joins
what the encoder says with what the prior says given z2. `--posterior hierarchical` leaves out the joining. The
KL is warmed up. z1 has `latent` dimensions, z2 half as many.

## Objective
-E_q log p(x|z1) + E_q [log q(z1, z2|x) - log p(z1, z2)]; `--free-bits` are for each group.

## When to use
For a better likelihood than one group gives.

## Limits
Without warm-up or --free-bits the upper groups fall idle. Interpolation and traversal move all numbers, but
the decoder looks at z1 alone.

## Reference
Sonderby et al., Ladder Variational Autoencoders, NeurIPS 2016, arXiv:1602.02282.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "ladder"), ("kl_schedule", "linear")]
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let vae = settings.model(target)?;
        dense(self.name(), &vae)?;
        if !vae.posterior.is_encoded_in_groups() {
            let problem =
                format!("'{}' has one group; '{}' needs ladder or hierarchical", settings.posterior, self.name());
            return Err(Error::setting("posterior", problem));
        }
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    }
}
