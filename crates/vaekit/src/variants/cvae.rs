//! Both networks see the class of a row.

use crate::{Error, Result};

use super::{ModelSettings, Params, Recipe, Target, Variant, dense};

/// `cvae`
pub struct Cvae;

impl Variant for Cvae {
    fn name(&self) -> &'static str {
        "cvae"
    }

    fn summary(&self) -> &'static str {
        "conditional on the classes of the rows"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
Encoder and decoder see the class beside the row and the code, so that z need not say it. Samples are of
classes in turn, or of `--class`.

## Objective
-E_q log p(x|z, y) + KL(q(z|x, y) || p(z)).

## When to use
With labels: to draw rows of a class, or to find what varies inside classes.

## Limits
Every row needs a class, in use too. Figures are of log p(x|y), which is higher than log p(x).

## Reference
Sohn, Lee & Yan, NeurIPS 2015. Kingma et al., NeurIPS 2014, arXiv:1406.5298.
"
    }

    fn build(&self, settings: &ModelSettings, _params: &Params, target: &Target<'_>) -> Result<Recipe> {
        if target.classes == 0 {
            return Err(Error::setting(
                "variant",
                "'cvae' needs rows with classes; name their column with --label-column",
            ));
        }
        let vae = settings.assemble(target, target.classes)?;
        if vae.prior.wanted_rows() > 0 {
            return Err(Error::setting("prior", "rows of a VampPrior have no class; choose another prior or variant"));
        }
        dense(self.name(), &vae)?;
        settings.estimator()?.check(&*vae.posterior)?;
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    }
}
