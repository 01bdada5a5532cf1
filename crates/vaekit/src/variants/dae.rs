//! An autoencoder that learns to undo damage.

use crate::Result;
use crate::model::{Corrupting, Corruption};

use super::{ModelSettings, Param, ParamKind, Params, Recipe, Target, Variant};

/// `dae`
pub struct DenoisingAutoencoder;

const PARAMS: [Param; 2] = [
    Param {
        key: "noise",
        doc: "the damage done to inputs in training",
        kind: ParamKind::Choice { default: "gaussian", of: &["gaussian", "masking", "salt-and-pepper"] },
    },
    Param {
        key: "noise_level",
        doc: "standard deviation in model units, or the share of values damaged",
        kind: ParamKind::Number { default: 0.3, min: 0.0, max: 10.0 },
    },
];

impl Variant for DenoisingAutoencoder {
    fn name(&self) -> &'static str {
        "dae"
    }

    fn summary(&self) -> &'static str {
        "the denoising autoencoder: reconstructs clean rows from damaged ones"
    }

    fn doc(&self) -> &'static str {
        "\
## What it changes
In training the encoder sees a damaged row, and the decoder must give the clean one.

## Objective
-log p(x|z) at z = encoder(damaged x), with damage drawn anew each time the row is seen.

## When to use
To clean data of a known kind of noise, and for codes that ignore it.

## Limits
Those of `ae`. It removes the noise that it was trained on and little else.

## Reference
Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008.
"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("posterior", "deterministic")]
    }

    fn samples_from_prior(&self) -> bool {
        false
    }

    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe> {
        settings.without_kl(self.name())?;
        let level = params.number("noise_level") as f32;
        let corruption = match params.choice("noise") {
            "masking" => Corruption::Masking { level: share(level)? },
            "salt-and-pepper" => {
                let (low, high) = target.encoding.range(target.schema);
                Corruption::SaltAndPepper { level: share(level)?, low, high }
            }
            _ => Corruption::Gaussian { level },
        };
        let mut vae = settings.pointwise(self.name())?.model(target)?;
        vae.encoder = Box::new(Corrupting { inner: vae.encoder, corruption });
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    }
}

fn share(level: f32) -> Result<f32> {
    if level <= 1.0 {
        Ok(level)
    } else {
        Err(crate::Error::setting("noise_level", format!("found {level}, expected a share from 0 to 1 for this noise")))
    }
}
