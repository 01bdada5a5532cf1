//! The variational autoencoder itself.

use crate::Result;

use super::{ModelSettings, Params, Recipe, Target, Variant, dense};

/// `vae`
pub struct PlainVae;

impl Variant for PlainVae {
    fn name(&self) -> &'static str {
        "vae"
    }

    fn summary(&self) -> &'static str {
        "the variational autoencoder: samples, likelihoods, smooth codes"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
Nothing: a diagonal Gaussian posterior, N(0, I) for z, and the evidence lower bound.

## Objective
-E_q log p(x|z) + KL(q(z|x) || p(z)), with z = mean + sigma * eps and the KL in closed form.

## When to use
First. It samples, scores, embeds and interpolates, and every other variant is measured against it.

## Limits
Pictures are soft, since each pixel is independent given z. With a strong decoder or many latent
dimensions some go unused: their KL is 0, and `evaluate` counts the ones in use.

## Reference
Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014, arXiv:1312.6114, equation 10.
Rezende, Mohamed & Wierstra, ICML 2014, arXiv:1401.4082.
"
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        let vae = settings.model(target)?;
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    }
}
