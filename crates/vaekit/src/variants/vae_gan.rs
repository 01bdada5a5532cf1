//! A discriminator on rows.

use crate::Result;
use crate::nn::Init;
use crate::objective::Perceiver;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, dense, one_group};

/// `vae-gan`
pub struct VaeGan;

const PARAMS: [Param; 3] = [
    Param {
        key: "features",
        doc: "weight of likeness in the discriminator's features",
        kind: ParamKind::Number { default: 1.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "adversary",
        doc: "weight of passing for a row",
        kind: ParamKind::Number { default: 5.0, min: 0.0, max: 1000000.0 },
    },
    Param {
        key: "discriminator",
        doc: "units of the discriminator's hidden layers",
        kind: ParamKind::Count { default: 200, min: 1, max: 4096 },
    },
];

impl Variant for VaeGan {
    fn name(&self) -> &'static str {
        "vae-gan"
    }

    fn summary(&self) -> &'static str {
        "a VAE whose pictures must pass for rows of the data"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
A discriminator tells rows from reconstructions and from decoded draws; the decoder learns to pass, and encoder and
decoder to make reconstructions look alike in the discriminator's hidden layer.

## Objective
-ELBO + features |F(x) - F(mean)|^2 / 2 + adversary E softplus(-D).

## When to use
For sharper pictures, where likelihoods matter less.

## Limits
The game costs likelihood and may run away: lower `adversary` if it does. Unlike the paper's, the likelihood
stays in the loss, so that figures compare.

## Reference
Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, arXiv:1512.09300.
"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["samples"])?;
        let vae = settings.model(target)?;
        one_group(self.name(), &vae)?;
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        let (features, weight) = (params.number("features"), params.number("adversary"));
        let width = params.count("discriminator");
        let mut init = Init::new(target.rng.at(2));
        let objective =
            Perceiver::new(settings.elbo()?, features, weight, target.encoding.width(target.schema), width, &mut init);
        Ok(Recipe { vae, objective: Box::new(objective) })
    }
}
