//! The autoencoder, for comparison and for codes alone.

use crate::Result;

use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `ae`
pub struct Autoencoder;

impl Variant for Autoencoder {
    fn name(&self) -> &'static str {
        "ae"
    }

    fn summary(&self) -> &'static str {
        "the autoencoder: codes and reconstructions, no probabilities"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The code is a point: no noise in z, no KL, no prior.

## Objective
-log p(x|z) at z = encoder(x); with the `gaussian` likelihood that is half the squared error and a constant.

## When to use
When only the reconstruction or the code counts, and as the baseline that shows what the VAE's noise
and KL are for: compare their interpolation grids.

## Limits
Codes lie where they like, with holes between them: draws from N(0, I) do not decode to data, so
`sample` takes a density fitted to the codes (`--from mixture`). There is no likelihood of data, so ELBO and rate are absent from its figures.

## Reference
Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 313, 2006.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "deterministic")]
    }

    fn samples_from_prior(&self) -> bool {
        false
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without_kl(self.name())?;
        Ok(Recipe { vae: settings.pointwise(self.name())?.model(target)?, objective: Box::new(settings.elbo()?) })
    }
}
