//! Both networks see what rows are conditional on.

use crate::{Error, Result};

use super::{ModelSettings, Params, Recipe, Target, Variant, dense};

/// `cvae`
pub struct Cvae;

impl Variant for Cvae {
    fn name(&self) -> &'static str {
        "cvae"
    }

    fn summary(&self) -> &'static str {
        "conditional on classes or other columns"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
Encoder and decoder see the class of a row, or the columns of `--condition` (words and numbers), so that z need
not carry them. Samples are of the classes in turn, or of the values that `--given` names.

## Objective
-E_q log p(x|z, y) + KL(q(z|x, y) || p(z)).

## When to use
With classes or conditions: to draw rows of a class, or to find what varies inside classes, batches or doses.

## Limits
Every row needs its conditions, in use too. Figures are of log p(x|y), which is higher than log p(x).

## Reference
Sohn, Lee & Yan, NeurIPS 2015. Kingma et al., NeurIPS 2014, arXiv:1406.5298.
"
    }

    fn is_conditional(&self) -> bool {
        true
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        if target.encoding.given.is_empty() {
            return Err(Error::setting(
                "variant",
                "'cvae' needs rows with classes or conditions; name their columns with --label-column or --condition",
            ));
        }
        let vae = settings.model(target)?;
        if vae.prior.is_of_rows() {
            return Err(Error::setting(
                "prior",
                "rows of a VampPrior have no conditions; choose another prior or variant",
            ));
        }
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    }
}
