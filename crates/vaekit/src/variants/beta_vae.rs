//! A VAE that pays more for its code.

use crate::Result;

use super::{ModelSettings, Params, Recipe, Target, Variant, vae::PlainVae};

/// `beta-vae`
pub struct BetaVae;

impl Variant for BetaVae {
    fn name(&self) -> &'static str {
        "beta-vae"
    }

    fn summary(&self) -> &'static str {
        "a VAE with a weight on the KL (4 unless said): more independent codes"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The KL counts beta times. `--beta` works with `vae` too; here it starts at 4.

## Objective
-E_q log p(x|z) + beta KL(q(z|x) || p(z)). The reported ELBO has beta = 1.

## When to use
To find independent causes of the data (`traverse` shows them), or to trade distortion against rate:
beta > 1 shortens the code, beta < 1 sharpens reconstructions.

## Limits
A larger beta gives a worse likelihood and blurs. Which beta disentangles depends on the data and
even on the seed (Locatello et al. 2019).

## Reference
Higgins et al., beta-VAE, ICLR 2017, equation 4. Rate and distortion: Alemi et al., ICML 2018, arXiv:1711.00464.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("beta", "4.0")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings, params, target)
    }
}
