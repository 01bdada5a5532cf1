//! A posterior that is no Gaussian.

use crate::{Error, Result};

use super::vae::PlainVae;
use super::{ModelSettings, Params, Recipe, Target, Variant};

/// `flow-vae`
pub struct FlowVae;

/// Posteriors that bend a Gaussian.
const FLOWS: [&str; 3] = ["iaf", "planar", "householder"];

impl Variant for FlowVae {
    fn name(&self) -> &'static str {
        "flow-vae"
    }

    fn summary(&self) -> &'static str {
        "a posterior bent by inverse autoregressive flows"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
q(z|x) is a Gaussian bent by `flow_steps` maps. `--posterior planar` and `householder` are other maps; each
goes with every prior, likelihood and objective that draws.

## Objective
-E_q [log p(x|z) + log p(z) - log q(z|x)], the KL by the draws, whose density the flow knows.

## When to use
When `evaluate --gap` says that the family of q loses much.

## Limits
The density of other codes than its own draws is not known, so annealing and the estimators that hold q are
refused. Two to three times the time of `vae` a step.

## Reference
Kingma et al., NeurIPS 2016, arXiv:1606.04934. Rezende & Mohamed, ICML 2015, arXiv:1505.05770 (planar).
Tomczak & Welling, arXiv:1611.09630 (householder).
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "iaf")]
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        if !FLOWS.contains(&settings.posterior.as_str()) {
            let (found, flows) = (&settings.posterior, FLOWS.join(", "));
            let problem = format!("'{found}' is no flow; expected one of {flows}, or take --variant vae");
            return Err(Error::setting("posterior", problem));
        }
        PlainVae.build(settings, params, target)
    }
}
