//! Codes of codes, for sampling.

use crate::Result;
use crate::objective::TwoStage;

use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `two-stage-vae`
pub struct TwoStageVae;

impl Variant for TwoStageVae {
    fn name(&self) -> &'static str {
        "two-stage-vae"
    }

    fn summary(&self) -> &'static str {
        "a second VAE on the codes of the first: samples from where codes lie"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
A second, small VAE learns the codes of the first, which do not notice. Samples go from its prior through its
decoder to a code, and from there to a row.

## Objective
-ELBO of the first stage + E [log q(z2|z1) - log p(z2) - log p(z1|z2)], z1 held. The reported bound is that of
both stages as one model.

## When to use
When samples are worse than reconstructions, because codes do not fill N(0, I).

## Limits
Both stages are trained at once, where the paper trains one after the other.

## Reference
Dai & Wipf, Diagnosing and Enhancing VAE Models, ICLR 2019, arXiv:1903.05789.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "staged")]
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["free_bits", "estimator"])?;
        let settings = settings.fixed(self.name(), "staged")?;
        Ok(Recipe { vae: settings.model(target)?, objective: Box::new(TwoStage(settings.elbo()?)) })
    }
}
