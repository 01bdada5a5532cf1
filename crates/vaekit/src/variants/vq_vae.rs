//! Codes that are rows of a codebook.

use crate::Result;

use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `vq-vae`
pub struct VqVae;

impl Variant for VqVae {
    fn name(&self) -> &'static str {
        "vq-vae"
    }

    fn summary(&self) -> &'static str {
        "codes from a learned codebook, and a prior over them"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The encoder's outputs are cut into `positions` pieces, and each is replaced by the nearest of `components`
codes. The codes follow the outputs by running means, dead ones move; a masked network learns p(codes), so
that the model samples. With `levels` above 1 the quantisation is residual: z holds the levels side by side, and
the decoder sees their sum.

## Objective
-log p(x|z) - log p(codes) + commitment |outputs - codes|^2, the gradient passing straight through the choice.
The second term trains the prior alone.

## When to use
For discrete codes of high fidelity (`encode --choices` gives their numbers), and as the ground for a stronger prior.

## Limits
The rate is that of the codes under the prior, an upper bound on what they need. q is a point, so importance
sampling adds nothing.

## Reference
van den Oord, Vinyals & Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937. Levels: after Lee et al., CVPR 2022,
arXiv:2203.01941, whose levels share a codebook and are each charged their distance.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "quantized"), ("latent", "64"), ("positions", "16"), ("flow_hidden", "256")]
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without_kl(self.name())?;
        let settings = settings.fixed(self.name(), "quantized")?;
        Ok(Recipe { vae: settings.model(target)?, objective: Box::new(settings.elbo()?) })
    }
}
