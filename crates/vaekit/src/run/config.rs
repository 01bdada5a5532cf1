//! Settings of a training run: typed, layered, checked.
//!
//! [`TrainConfig::from_layers`] puts layers of them together;
//! [`TrainConfig::check`] looks at ranges, [`TrainConfig::validate`] fits the result to a data set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::{self, Binarize, Dataset, OpenOptions, Splits, Transform, public, split};
use crate::model::likelihood::{self, Domain};
use crate::variants::{self, ModelSettings, Params};
use crate::{Error, Result};

/// How steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    Adam,
    AdamW,
    Sgd,
    RmsProp,
    Lion,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LrSchedule {
    Constant,
    /// Half a cosine from `lr` to `lr_min` over `lr_epochs`.
    Cosine,
    /// Times `lr_factor` every `lr_epochs`.
    Step,
    /// Times `lr_factor` every epoch.
    Exponential,
    /// Eight stages of 1, 3, 9 .. 2187 parts of `lr_epochs`, each at 10^(-1/7) times
    /// the rate of the one before (Burda et al. 2016, section 5: 3,280 epochs).
    Stages,
    /// Times `lr_factor` after `lr_patience` epochs without a better validation value.
    Plateau,
}

/// Where the decoder's outputs lie before training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputBias {
    /// At the mean of the training rows.
    Mean,
    /// Drawn like every other bias, as PyTorch does.
    Random,
}

/// Everything that decides what a run computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)] // A run of an older version lacks settings that came later.
pub struct TrainConfig {
    /// A name or a path.
    pub data: String,
    pub variant: String,
    pub seed: u64,
    #[serde(flatten)]
    pub model: ModelSettings,
    pub epochs: u64,
    pub batch: usize,
    pub optimizer: Optimizer,
    pub lr: f64,
    /// Of Adam and AdamW.
    pub epsilon: f64,
    /// Of SGD.
    pub momentum: f64,
    pub weight_decay: f64,
    pub lr_schedule: LrSchedule,
    pub lr_factor: f64,
    /// Horizon of the cosine, length of a step; 0 stands for `epochs`.
    pub lr_epochs: u64,
    pub lr_min: f64,
    pub lr_patience: u64,
    /// Largest global norm of the gradient; 0 for no limit.
    pub clip: f64,
    /// Batches whose gradients are averaged for one step.
    pub accumulate: usize,
    /// Epochs without a better validation value before training stops; 0 for never.
    pub patience: u64,
    /// `none`, `0..1`, `-1..1` or `standardize`; absent: what suits the data.
    pub normalize: Option<Transform>,
    pub binarize: Binarize,
    pub output_bias: OutputBias,
    /// Share of the rows for validation; absent: a tenth, or nothing for a set
    /// that brings its own test rows unless something waits for a validation value.
    pub valid: Option<f64>,
    /// Share of the rows for testing, where the set brings none.
    pub test: f64,
    /// At most so many training rows; 0 for all.
    pub limit: usize,
    /// Side to resize pictures to.
    pub size: Option<u32>,
    /// Array of an npz archive.
    pub key: Option<String>,
    pub columns: Vec<String>,
    pub label_column: Option<String>,
    /// Columns that a conditional model is told.
    pub condition: Vec<String>,
    /// The column that says what rows are called.
    pub id_column: Option<String>,
    /// Words that stand for a missing value, beside the usual ones.
    pub missing: Vec<String>,
    /// The variant's own settings.
    #[serde(flatten)]
    pub params: BTreeMap<String, toml::Value>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            data: "digits".into(),
            variant: "vae".into(),
            seed: 0,
            model: ModelSettings::default(),
            epochs: 20,
            batch: 128,
            optimizer: Optimizer::Adam,
            lr: 1e-3,
            epsilon: 1e-8,
            momentum: 0.9,
            weight_decay: 0.0,
            lr_schedule: LrSchedule::Constant,
            lr_factor: 0.5,
            lr_epochs: 0,
            lr_min: 0.0,
            lr_patience: 5,
            clip: 0.0,
            accumulate: 1,
            patience: 0,
            normalize: None,
            binarize: Binarize::None,
            output_bias: OutputBias::Mean,
            valid: None,
            test: 0.1,
            limit: 0,
            size: None,
            key: None,
            columns: Vec::new(),
            label_column: None,
            condition: Vec::new(),
            id_column: None,
            missing: Vec::new(),
            params: BTreeMap::new(),
        }
    }
}

impl TrainConfig {
    /// Opens the data of this configuration. `options` gives places and
    /// permissions; how to read is taken from the configuration.
    ///
    /// # Errors
    /// As [`data::open`].
    pub fn open_data(&self, options: &OpenOptions, progress: &mut dyn FnMut(public::Progress<'_>)) -> Result<Dataset> {
        let options = OpenOptions {
            size: self.size,
            key: self.key.clone(),
            columns: self.columns.clone(),
            label_column: self.label_column.clone(),
            condition: self.condition.clone(),
            id_column: self.id_column.clone(),
            missing: self.missing.clone(),
            seed: 0,
            ..options.clone()
        };
        data::open(&self.data, &options, progress)
    }

    /// Divides data into training, validation and test rows.
    ///
    /// # Errors
    /// Shares that leave nothing to train on.
    pub fn split(&self, data: &Dataset) -> Result<Splits> {
        split::split(data, self.valid.unwrap_or(0.0), self.test, self.limit, self.seed)
    }

    /// Checks every value and completes what is left to the data.
    ///
    /// # Errors
    /// As [`check`](Self::check), and what does not fit the data.
    pub fn validate(&self, data: &Dataset) -> Result<Self> {
        self.check()?;
        let mut c = self.clone();
        let waits = c.patience > 0 || c.lr_schedule == LrSchedule::Plateau;
        let needs = if c.patience > 0 { "patience" } else { "lr_schedule" };
        if waits && c.valid == Some(0.0) {
            return Err(Error::setting(needs, "needs validation rows, but valid is 0; raise it or leave it out"));
        }
        if waits && data.test_from.unwrap_or(data.len()) < 3 {
            return Err(Error::setting(
                needs,
                format!("needs validation rows, but {} holds {}", data.name, data.len()),
            ));
        }
        let own_test = data.test_from.is_some();
        c.valid = Some(c.valid.unwrap_or(if own_test && !waits { 0.0 } else { 0.1 }));
        if own_test && c.test != Self::default().test {
            let problem = format!("does nothing with {}, which brings test rows of its own; leave it out", data.name);
            return Err(Error::setting("test", problem));
        }
        if c.lr_epochs == 0 && c.lr_schedule.reads_lr_epochs() {
            c.lr_epochs = c.epochs;
        }
        if c.lr_schedule == LrSchedule::Step && c.lr_epochs >= c.epochs {
            let found = if self.lr_epochs == 0 { "none".to_owned() } else { self.lr_epochs.to_string() };
            let problem = format!(
                "found {found}, expected a step of fewer than the {} epochs, or the rate never falls",
                c.epochs
            );
            return Err(Error::setting("lr_epochs", problem));
        }
        if c.model.likelihood == "auto" && c.binarize != Binarize::None {
            c.model.likelihood = "bernoulli".into();
        }
        let counts = likelihood::find(&c.model.likelihood).is_ok_and(|known| known.domain() == Domain::Counts);
        let default = if counts { Transform::None } else { Transform::default_for(data.schema()) };
        c.normalize = Some(c.normalize.unwrap_or(default));
        let unit = c.normalize == Some(Transform::Unit)
            || c.normalize == Some(Transform::None) && data.schema().value_kind() == data::Kind::Binary;
        if c.binarize != Binarize::None && !unit {
            return Err(Error::setting("binarize", "needs values from 0 to 1; add --normalize 0..1"));
        }
        let variant = variants::find(&c.variant)?;
        c.model.all_read(variant.defaults())?;
        c.all_read()?;
        if !c.condition.is_empty() && !variant.is_conditional() {
            let problem = format!("'{}' is told no columns; train --variant cvae, or leave it out", c.variant);
            return Err(Error::setting("condition", problem));
        }
        c.params = Params::check(variant.params(), &c.params)?.values().clone();
        Ok(c)
    }
}
