//! Codes that are rows of a codebook.

use crate::Result;
use crate::model::choice::Parts;

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant};

/// `vq-vae`
pub struct VqVae;

const PARAMS: [Param; 3] = [
    Param {
        key: "positions",
        doc: "pieces of z that have a code each",
        kind: ParamKind::Number { default: 16.0, min: 1.0, max: 65536.0 },
    },
    Param {
        key: "levels",
        doc: "codebooks, each for what those before it leave over",
        kind: ParamKind::Number { default: 1.0, min: 1.0, max: 16.0 },
    },
    Param {
        key: "commitment",
        doc: "weight of the distance between outputs and codes",
        kind: ParamKind::Number { default: 0.25, min: 0.0, max: 10000.0 },
    },
];

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
For discrete codes of high fidelity, and as the ground for a stronger prior.

## Limits
The rate is that of the codes under the prior, an upper bound on what they need. q is a point, so importance
sampling adds nothing.

## Reference
van den Oord, Vinyals & Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937. Levels: after Lee et al., CVPR 2022,
arXiv:2203.01941, whose levels share a codebook and are each charged their distance.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "quantized"), ("latent", "64"), ("flow_hidden", "256")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["estimator"])?;
        let settings = settings.fixed(self.name(), "quantized")?;
        let parts = Parts {
            positions: params.number("positions") as usize,
            levels: params.number("levels") as usize,
            commitment: params.number("commitment"),
            ..settings.parts(target)
        };
        Ok(Recipe { vae: settings.assemble(target, &parts, 0)?, objective: Box::new(settings.elbo()?) })
    }
}
