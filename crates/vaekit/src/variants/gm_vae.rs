//! A prior of several Gaussians.

use crate::Result;

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `gm-vae`
pub struct GmVae;

impl Variant for GmVae {
    fn name(&self) -> &'static str {
        "gm-vae"
    }

    fn summary(&self) -> &'static str {
        "a mixture of Gaussians for a prior: clusters"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
p(z) is a learned mixture of `components` Gaussians. The component that a code most likely belongs to is its
cluster.

## Objective
-E_q [log p(x|z) + log sum_c w_c N(z; m_c, v_c) - log q(z|x)].

## When to use
To cluster, and for samples of each cluster.

## Limits
Components merge or fall idle by chance: train several seeds. The clusters need not be the classes. VaDE's
start from an autoencoder and a fitted mixture is not there.

## Reference
Jiang et al., VaDE, IJCAI 2017, arXiv:1611.05148. Dilokthanakul et al., 2016, arXiv:1611.02648.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("prior", "mixture"), ("components", "10"), ("latent", "10")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        PlainVae.build(settings, params, target)
    }
}
