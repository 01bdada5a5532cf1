//! Whether a model, data and rows allow a figure, before any time goes into it.

use vaekit_ops::{device, full};

use crate::data::{Dataset, Factors};
use crate::model::{Form, Mode, Model, Support};
use crate::run::Run;
use crate::{Error, Result};

/// What can be judged of a model.
#[derive(Clone, Copy, Debug)]
pub enum Judgement<'a> {
    /// log p(x) by sampling.
    Likelihood,
    /// log p(x) by annealing.
    Annealed,
    /// What the ELBO lacks, in two parts.
    Gap,
    /// [`Model::aggregate`]
    Latents,
    /// [`Model::disentanglement`]
    Disentanglement(Option<&'a Factors>),
    /// [`Model::representation`]
    Representation,
    /// [`Run::quality`]
    Quality,
    /// [`Model::synthetic`]
    Synthetic,
}

impl Run {
    /// Whether the model, the data and the rows allow a judgement, before any time goes into it.
    ///
    /// # Errors
    /// What they lack.
    pub fn can_judge(&self, data: &Dataset, rows: &[u32], what: Judgement<'_>) -> Result<()> {
        let density = |what| match self.vae().posterior.is_density() {
            true => Ok(()),
            false => Err(Error::unsupported(
                what,
                format!("{} is an autoencoder: its codes have no density", self.variant_name()),
            )),
        };
        let taught = |flag, what| match (data.labels(), self.has_rows_of(data)?) {
            (None, _) => Err(no_classes(data, what)),
            (_, true) => apart(&self.split(data)?.train, rows),
            (_, false) => Err(Error::setting(
                flag,
                format!("{} is other data than the run's, so it has no rows to learn from; leave DATA out", data.name),
            )),
        };
        match what {
            Judgement::Likelihood => density("log p(x)").and_then(|()| self.is_spread()),
            Judgement::Annealed => density("log p(x)").and_then(|()| self.is_held("annealing")),
            Judgement::Gap => density("log p(x)").and_then(|()| self.is_climbed()),
            Judgement::Latents => {
                density("latents")?;
                self.is_standard()?;
                enough("latents", rows, 20)
            }
            Judgement::Disentanglement(given) => self.varying(data, rows, given).map(drop),
            Judgement::Representation => taught("representation", "a probe"),
            Judgement::Synthetic => {
                if self.schema().is_image() {
                    return Err(Error::unsupported("synthetic", "compares rows of tables; use --quality for pictures"));
                }
                if !self.has_rows_of(data)? {
                    let problem = format!("{} is other data than the run's; leave DATA out", data.name);
                    return Err(Error::setting("synthetic", problem));
                }
                enough("synthetic", rows, 20)
            }
            Judgement::Quality => {
                taught("quality", "the classifier behind sample quality")?;
                if data.has_missing() {
                    let problem = "has missing values, and sample quality compares complete rows; leave it out";
                    return Err(Error::data(&data.name, problem));
                }
                enough("quality", rows, 100)
            }
        }
    }
}

impl Model {
    /// True where importance sampling tells more than the ELBO does.
    pub(in crate::uses) fn is_sampled(&self) -> bool {
        self.vae().posterior.is_density() && self.is_spread().is_ok()
    }

    /// Importance sampling draws other codes of a row, where there are others.
    fn is_spread(&self) -> Result<()> {
        match self.vae().posterior.support() {
            Support::Codes { .. } => {
                let problem = "has one code a row, so that sampling would repeat the ELBO; leave it out";
                Err(Error::unsupported("log p(x)", format!("'{}' {problem}", self.vae().posterior.name())))
            }
            _ => Ok(()),
        }
    }

    /// Annealing asks for q(z given x) at any z of one real group.
    fn is_held(&self, what: &'static str) -> Result<()> {
        let posterior = &self.vae().posterior;
        if posterior.is_held() && posterior.support() == Support::Reals {
            return Ok(());
        }
        let problem = format!("moves real codes under a Gaussian, and these are '{}'; leave it out", posterior.name());
        Err(Error::unsupported(what, problem))
    }

    /// The best q of a row is found by climbing, which choices do not allow.
    fn is_climbed(&self) -> Result<()> {
        let posterior = &self.vae().posterior;
        if posterior.is_exact_in_training() && !matches!(posterior.support(), Support::Codes { .. }) {
            return Ok(());
        }
        let problem = format!("climbs with draws that have slopes, and those of '{}' are choices", posterior.name());
        Err(Error::unsupported("gap", problem))
    }

    /// True where q(z given x) is a Gaussian with a diagonal covariance, which tells its log-variances.
    fn is_diagonal(&self) -> bool {
        let vae = self.vae();
        let raw = full([1, vae.posterior.raw_width(vae.latent())], 0.0, &device::here());
        vae.groups.len() == 1 && vae.read(vec![raw], Mode::Infer).log_var().is_some()
    }

    /// What compares codes with N(0, I) one dimension at a time.
    pub(super) fn is_standard(&self) -> Result<()> {
        let standard = matches!(self.vae().prior().form(), Form::Standard);
        if standard && self.is_diagonal() {
            return Ok(());
        }
        let (q, p) = (self.vae().posterior.name(), self.vae().prior.name());
        let problem = format!("compares diagonal Gaussians with N(0, I), and this model has '{q}' and '{p}'");
        Err(Error::unsupported("latents", problem))
    }
}

/// Refuses rows that would judge what they taught.
pub(super) fn apart(train: &[u32], judges: &[u32]) -> Result<()> {
    let taught: std::collections::HashSet<&u32> = train.iter().collect();
    match judges.iter().filter(|r| taught.contains(r)).count() {
        0 => Ok(()),
        n => Err(Error::setting(
            "part",
            format!("{n} of these rows are training rows, which cannot judge; use --part test"),
        )),
    }
}

pub(super) fn enough(what: &str, rows: &[u32], least: usize) -> Result<()> {
    if rows.len() >= least {
        return Ok(());
    }
    Err(Error::data(what, format!("{} rows are too few to judge by; at least {least}", rows.len())))
}

pub(super) fn no_classes(data: &Dataset, what: &str) -> Error {
    Error::data(
        &data.name,
        format!("has no classes, which {what} needs; of a csv table name DATA and its --label-column"),
    )
}
