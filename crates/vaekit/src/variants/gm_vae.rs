//! A prior of several Gaussians.

use crate::objective::Elbo;
use crate::{Error, Result};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant, dense};

/// `gm-vae`
pub struct GmVae;

const PARAMS: [Param; 1] = [Param {
    key: "pretrain",
    doc: "epochs before the mixture is fitted to the codes; 0 for none",
    kind: ParamKind::Count { default: 5, min: 0, max: 1000000 },
}];

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
cluster. For `pretrain` epochs there is no KL; then the mixture is fitted to the codes, and all is trained
together.

## Objective
-E_q [log p(x|z) + log sum_c w_c N(z; m_c, v_c) - log q(z|x)].

## When to use
To cluster: `encode --choices` gives the cluster of each row, and `evaluate` compares clusters with classes.

## Limits
The clusters need not be the classes, and depend on the seed: train several. Without pretraining components
merge or fall idle; with as many epochs of it as there are, there is no mixture to speak of.

## Reference
Jiang et al., VaDE, IJCAI 2017, arXiv:1611.05148. Dilokthanakul et al., 2016, arXiv:1611.02648.
"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("prior", "mixture"), ("components", "10"), ("latent", "10")]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        if settings.components > target.rows {
            let problem = format!("found {}, expected at most the {} training rows", settings.components, target.rows);
            return Err(Error::setting("components", problem));
        }
        let vae = settings.model(target)?;
        if vae.prior.components().is_none() {
            let problem = format!("'gm-vae' has 'mixture', found '{}'; leave it out", settings.prior);
            return Err(Error::setting("prior", problem));
        }
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        let objective = Elbo { pretrain: params.count("pretrain") as u64, ..settings.elbo()? };
        Ok(Recipe { vae, objective: Box::new(objective) })
    }
}
