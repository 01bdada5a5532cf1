//! Only the total correlation is weighed.

use crate::Result;
use crate::objective::{TotalCorrelation, Weighting};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant};

/// `beta-tcvae`
pub struct BetaTcVae;

const PARAMS: [Param; 3] = [
    Param {
        key: "alpha",
        doc: "weight of what codes say of rows",
        kind: ParamKind::Number { default: 1.0, min: 0.0, max: 10000.0 },
    },
    Param {
        key: "gamma",
        doc: "weight of each dimension's KL",
        kind: ParamKind::Number { default: 1.0, min: 0.0, max: 10000.0 },
    },
    Param {
        key: "weighting",
        doc: "how q(z) is estimated from a batch",
        kind: ParamKind::Choice { default: "stratified", of: &["stratified", "weighted"] },
    },
];

impl Variant for BetaTcVae {
    fn name(&self) -> &'static str {
        "beta-tcvae"
    }

    fn summary(&self) -> &'static str {
        "a weight on the dependence of dimensions alone"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
The KL is taken apart into what codes say of rows, the total correlation of dimensions, and where each
dimension lies; `beta` weighs the second.

## Objective
-E_q log p(x|z) + alpha I(x; z) + beta TC(z) + gamma sum_d KL(q(z_d) || p(z_d)), q(z) estimated from the
batch.

## When to use
For independent codes at less cost to the likelihood than `beta-vae`.

## Limits
The estimate of q(z) from a batch is biased, the more the smaller the batch; the two weightings differ in how.
Among N rows no more than log N nats can be what codes say of rows: the rest counts as dependence, `beta` times,
so that on few rows codes stay below (9 nats for 8,000 rows).

## Reference
Chen et al., NeurIPS 2018, arXiv:1802.04942.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("beta", "6.0")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without(self.name(), &["free_bits", "estimator"])?;
        let settings = settings.fixed(self.name(), "diagonal-gaussian")?;
        let weighting =
            if params.choice("weighting") == "weighted" { Weighting::Weighted } else { Weighting::Stratified };
        Ok(Recipe {
            vae: settings.model(target)?,
            objective: Box::new(TotalCorrelation {
                elbo: settings.elbo()?,
                alpha: params.number("alpha"),
                gamma: params.number("gamma"),
                weighting,
                rows: target.rows,
            }),
        })
    }
}
