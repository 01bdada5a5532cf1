//! The importance-weighted bound.

use crate::Result;
use crate::objective::ImportanceWeighted;

use super::{ModelSettings, Params, Recipe, Target, Variant, exact_draws};

/// `iwae`
pub struct Iwae;

impl Variant for Iwae {
    fn name(&self) -> &'static str {
        "iwae"
    }

    fn summary(&self) -> &'static str {
        "a tighter bound from several weighted samples"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The bound is the mean weight of K samples of z (`samples`), which rises to log p(x) with K.

## Objective
-E log 1/K sum_k p(x, z_k) / q(z_k|x).

## When to use
For a better likelihood. `--estimator doubly-reparameterized` gives the encoder a better gradient.

## Limits
K times the decoder's work. With a large K the encoder's gradient fades: `ciwae` and `piwae` mend that.

## Reference
Burda, Grosse & Salakhutdinov, ICLR 2016, arXiv:1509.00519, equation 8. Tucker et al., ICLR 2019,
arXiv:1810.04152.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("samples", "5")]
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["beta", "kl_schedule", "kl_period", "free_bits"])?;
        let vae = settings.model(target)?;
        exact_draws(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe {
            vae,
            objective: Box::new(ImportanceWeighted {
                elbo: settings.elbo()?,
                samples: settings.samples,
                groups: 1,
                partial: false,
                share: 0.0,
            }),
        })
    }
}
