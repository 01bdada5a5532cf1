//! Recipes: a variant is what is put together from the seams, and what it is trained for.
//!
//! `page::WHICH` answers which to use.
//!
//! A variant is a file of this folder with a struct that implements
//! [`Variant`], and a line in [`VARIANTS`]. The command line, the
//! documentation and the tests read that list.

mod aae;
mod ae;
mod beta_tcvae;
mod beta_vae;
mod capacity_vae;
mod cat_vae;
mod ciwae;
mod cvae;
mod dae;
mod dip_vae;
mod factor_vae;
mod flow_vae;
mod full_cov_vae;
mod gm_vae;
mod info_vae;
mod iwae;
mod joint_vae;
mod ladder_vae;
mod miwae;
mod model_settings;
pub mod page;
mod param;
pub mod parts;
mod piwae;
mod rae;
mod sigma_vae;
mod sphere_vae;
mod swae;
mod two_stage_vae;
mod vae;
mod vae_gan;
mod vamp_vae;
mod vq_vae;
mod vsc;
mod wae_mmd;

pub use model_settings::ModelSettings;
pub use param::{Param, ParamKind, Params};

use crate::data::{Encoding, Schema};
use crate::model::{Support, Vae};
use crate::nn::{Init, Parameter, Parameters};
use crate::objective::{Kernel, Objective, perceptual};
use crate::rng::Rng;
use crate::{Error, Result};

/// Every variant, in the order in which lists show them.
pub const VARIANTS: &[&dyn Variant] = &[
    &vae::PlainVae,
    &beta_vae::BetaVae,
    &capacity_vae::CapacityVae,
    &beta_tcvae::BetaTcVae,
    &factor_vae::FactorVae,
    &dip_vae::DipVae,
    &info_vae::InfoVae,
    &iwae::Iwae,
    &miwae::Miwae,
    &piwae::Piwae,
    &ciwae::Ciwae,
    &full_cov_vae::FullCovVae,
    &flow_vae::FlowVae,
    &vamp_vae::VampVae,
    &gm_vae::GmVae,
    &ladder_vae::LadderVae,
    &two_stage_vae::TwoStageVae,
    &sigma_vae::SigmaVae,
    &sphere_vae::SphereVae,
    &vsc::Vsc,
    &cat_vae::CatVae,
    &joint_vae::JointVae,
    &vq_vae::VqVae,
    &cvae::Cvae,
    &wae_mmd::WaeMmd,
    &swae::Swae,
    &aae::Aae,
    &vae_gan::VaeGan,
    &rae::Rae,
    &ae::Autoencoder,
    &dae::DenoisingAutoencoder,
];

/// What a trained model can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Rows through the code and back.
    Reconstruct,
    /// Codes of rows.
    Encode,
    /// Rows of codes.
    Decode,
    /// Between two rows.
    Interpolate,
    /// Along each latent dimension.
    Traverse,
    /// Figures of rows.
    Evaluate,
    /// Draws from the prior make sense.
    Sample,
}

impl Use {
    /// The verb of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconstruct => "reconstruct",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Interpolate => "interpolate",
            Self::Traverse => "traverse",
            Self::Evaluate => "evaluate",
            Self::Sample => "sample",
        }
    }
}

/// What every model supports.
pub const ALWAYS: [Use; 6] =
    [Use::Reconstruct, Use::Encode, Use::Decode, Use::Interpolate, Use::Traverse, Use::Evaluate];

/// A recipe for a model and what it is trained for.
pub trait Variant: Sync {
    /// The name that settings use.
    fn name(&self) -> &'static str;

    /// One line for lists.
    fn summary(&self) -> &'static str;

    /// Markdown under the headings of [`HEADINGS`].
    fn doc(&self) -> &'static str;

    /// Where it departs from the shared defaults, as (key, TOML value).
    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Settings that only this variant has.
    fn params(&self) -> &'static [Param] {
        &[]
    }

    /// True when both networks are told the columns that rows are conditional on.
    fn is_conditional(&self) -> bool {
        false
    }

    /// True when draws from the prior look like data.
    fn samples_from_prior(&self) -> bool {
        true
    }

    /// Builds the model.
    ///
    /// # Errors
    /// Settings that this variant or its likelihood cannot take.
    fn build(&self, settings: &ModelSettings, params: &Params, target: &Target<'_>) -> Result<Recipe>;
}

/// The headings of a variant's documentation; a test looks for each.
pub const HEADINGS: [&str; 5] = ["What it changes", "Objective", "When to use", "Limits", "Reference"];

/// What a model is built for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What a row is.
    pub schema: &'a Schema,
    /// How rows become numbers.
    pub encoding: &'a Encoding,
    /// Rows to train on.
    pub rows: usize,
    /// Randomness of the initial weights.
    pub rng: Rng,
}

/// What sets the seed of parts that a recipe adds apart.
const OWN_PARTS: u64 = 0x4f57_4e00_0000_0000;

impl Target<'_> {
    /// Initial weights for parts that a recipe puts beside those of [`ModelSettings::model`], from streams that these do
    /// not use.
    pub fn own_init(&self) -> Init {
        Init::new(self.rng.at_seed_of(OWN_PARTS))
    }
}

/// A model, and what it is trained for.
pub struct Recipe {
    /// The model.
    pub vae: Vae,
    /// What it is trained for.
    pub objective: Box<dyn Objective>,
}

impl Recipe {
    /// The same with the perceptual loss that the settings name.
    ///
    /// # Errors
    /// A loss that is unknown, or not for this data.
    pub fn perceiving(self, settings: &ModelSettings, target: &Target<'_>) -> Result<Self> {
        let mut init = Init::new(target.rng.at(2));
        let named = (settings.perceptual.as_str(), settings.perceptual_weight);
        let rows = perceptual::Seen { schema: target.schema, encoding: target.encoding };
        Ok(Self { objective: perceptual::beside(self.objective, named, &rows, &mut init)?, ..self })
    }
}

impl Parameters for Recipe {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = self.vae.parameters();
        all.extend(self.objective.parameters());
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.vae.parameters_mut();
        all.extend(self.objective.parameters_mut());
        all
    }
}

/// What a variant's models can be used for.
pub fn uses(variant: &dyn Variant) -> Vec<Use> {
    let mut uses = ALWAYS.to_vec();
    if variant.samples_from_prior() {
        uses.insert(0, Use::Sample);
    }
    uses
}

/// Refuses points, and posteriors that only a variant of their own trains.
fn dense(variant: &str, vae: &Vae) -> Result<()> {
    let name = vae.posterior.name();
    if !vae.posterior.is_density() {
        let problem = format!("'{name}' has no bound, which '{variant}' needs; choose --variant ae");
        return Err(Error::setting("posterior", problem));
    }
    if !vae.posterior.passes_gradients() {
        let problem = format!("'{name}' belongs to --variant two-stage-vae, not to '{variant}'");
        return Err(Error::setting("posterior", problem));
    }
    Ok(())
}

/// Refuses posteriors whose draws in training are relaxed, or all the same, where the objective weighs them by density.
fn exact_draws(variant: &str, vae: &Vae) -> Result<()> {
    dense(variant, vae)?;
    if matches!(vae.posterior.support(), Support::Codes { .. }) {
        let problem = format!("'{}' draws one code alone, and '{variant}' weighs several", vae.posterior.name());
        return Err(Error::setting("posterior", format!("{problem}; choose another, diagonal-gaussian for one")));
    }
    if vae.posterior.is_exact_in_training() {
        return Ok(());
    }
    let problem = format!("'{}' has no exact density in training, which '{variant}' needs", vae.posterior.name());
    Err(Error::setting("posterior", format!("{problem}; choose another, diagonal-gaussian for one")))
}

/// Refuses a prior where codes are points and the objective knows no distribution of them.
fn no_prior(variant: &str, settings: &ModelSettings) -> Result<()> {
    match settings.prior.as_str() {
        "auto" => Ok(()),
        _ => Err(Error::setting("prior", format!("has no meaning for '{variant}'; leave it out"))),
    }
}

/// Refuses priors that an objective would not train.
fn plain_prior(variant: &str, settings: &ModelSettings) -> Result<()> {
    match settings.prior.as_str() {
        "auto" | "standard-normal" => Ok(()),
        other => Err(Error::setting("prior", format!("'{variant}' draws from N(0, I), found '{other}'; leave it out"))),
    }
}

/// Refuses hierarchies where an objective looks at one group of latents.
fn one_group(variant: &str, vae: &Vae) -> Result<()> {
    match vae.groups.len() {
        1 => Ok(()),
        n => Err(Error::setting("posterior", format!("'{variant}' knows one group of latents, found {n}"))),
    }
}

/// The kernel that a variant's settings name.
fn kernel(params: &Params) -> Kernel {
    if params.choice("kernel") == "rbf" { Kernel::Rbf } else { Kernel::InverseMultiquadratic }
}

/// The variant of a name.
///
/// # Errors
/// An unknown name; the nearest one is suggested.
pub fn find(name: &str) -> Result<&'static dyn Variant> {
    VARIANTS.iter().find(|v| v.name() == name).copied().ok_or_else(|| {
        let names: Vec<&str> = VARIANTS.iter().map(|v| v.name()).collect();
        let nearest = crate::nearest(name, names.iter().copied());
        let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
        Error::setting("variant", format!("'{name}' is unknown; expected one of {}{hint}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_every_heading_once_and_a_name_of_its_own() {
        for variant in VARIANTS {
            for heading in HEADINGS {
                let line = format!("## {heading}");
                let count = variant.doc().lines().filter(|l| *l == line).count();
                assert_eq!(count, 1, "{} has '{line}' {count} times", variant.name());
            }
            assert_eq!(VARIANTS.iter().filter(|v| v.name() == variant.name()).count(), 1);
            assert!(variant.summary().len() <= 80, "{}", variant.name());
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_one() {
        let error = find("beta-vea").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("'beta-vae'"), "{error}");
    }
}
