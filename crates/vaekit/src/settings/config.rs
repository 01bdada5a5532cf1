//! Settings of a training run: typed, layered, checked.
//!
//! [`TrainConfig::from_layers`] puts layers of them together;
//! [`TrainConfig::check`] looks at ranges, [`TrainConfig::validate`] fits the result to a data set.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{self, AskedColumn, Binarize, Dataset, OpenOptions, Overrides, Splits, Transform, public, split};
use crate::declare::{Read, Takes, declare};
use crate::model::likelihood::{self, Domain};
use crate::variants::{self, ModelSettings, Params};
use crate::{Error, Result};

/// How steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma & Ba 2015.
    Adam,
    /// Loshchilov & Hutter 2019.
    AdamW,
    /// With momentum.
    Sgd,
    /// Hinton 2012.
    RmsProp,
    /// Chen et al. 2023.
    Lion,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LrSchedule {
    /// Always `lr`.
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

declare! {
/// Everything that decides what a run computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)] // A run of an older version lacks settings that came later.
pub struct TrainConfig {
    data: String = "digits".into(); Takes::Text, Data, Read::Always,
        "A name or a path of data";
    variant: String = "vae".into(); Takes::Name, Model, Read::Always,
        "What to train; see `vaekit variants`";
    seed: u64 = 0; Takes::Count(0, i64::MAX as u64), Optimisation, Read::Always,
        "Decides weights, order, noise and splits";
    epochs: u64 = 20; Takes::Count(1, 1_000_000), Optimisation, Read::Always,
        "Passes over the training rows";
    members: usize = 1; Takes::Count(1, 64), Optimisation, Read::Always,
        "Models to train, with a seed each, whose scores are joined; the others lie in RUN/members";
    batch: usize = 128; Takes::Count(1, 1 << 20), Optimisation, Read::Always,
        "Rows a batch";
    optimizer: Optimizer = Optimizer::Adam; Takes::Choice(OPTIMIZERS), Optimisation, Read::Always,
        "adam, adamw, sgd, rmsprop or lion";
    lr: f64 = 1e-3; Takes::Above0(1e3), Optimisation, Read::Always,
        "Learning rate";
    epsilon: f64 = 1e-8; Takes::Number(1e-30, 1.0), Optimisation, Read::When("optimizer", &["adam", "adamw"]),
        "The small number that adam and adamw divide by at least";
    momentum: f64 = 0.9; Takes::Number(0.0, 1.0), Optimisation, Read::When("optimizer", &["sgd"]),
        "Momentum of sgd";
    weight_decay: f64 = 0.0; Takes::Number(0.0, 1e3), Optimisation, Read::Always,
        "Decay of the weights";
    likelihood_lr: f64 = 0.02; Takes::Number(0.0, 1e3), Optimisation, Read::Always,
        "Learning rate of the likelihood's own numbers (a shared variance, a dispersion), which Adam steps and \
         lr_schedule scales; 0 for that of the weights";
    lr_schedule: LrSchedule = LrSchedule::Constant; Takes::Choice(SCHEDULES), Optimisation, Read::Always,
        "constant, cosine, step, exponential, plateau or stages (of the importance-weighted paper)";
    lr_factor: f64 = 0.5; Takes::Number(1e-6, 1.0), Optimisation,
        Read::When("lr_schedule", &["step", "exponential", "plateau"]),
        "What step, exponential and plateau multiply the rate by";
    lr_epochs: u64 = 0; Takes::Count(0, 1_000_000), Optimisation,
        Read::When("lr_schedule", &["cosine", "step", "stages"]),
        "Length of a step, horizon of cosine and stages (0 there: all epochs)";
    lr_min: f64 = 0.0; Takes::Number(0.0, 1e3), Optimisation,
        Read::When("lr_schedule", &["cosine", "step", "exponential", "plateau", "stages"]),
        "The rate never falls below this";
    lr_patience: u64 = 5; Takes::Count(0, 1_000_000), Optimisation, Read::When("lr_schedule", &["plateau"]),
        "Epochs that plateau waits for a better validation value";
    clip: f64 = 0.0; Takes::Number(0.0, 1e12), Optimisation, Read::Always,
        "Largest norm of all gradients together; 0 for no limit";
    accumulate: usize = 1; Takes::Count(1, 1 << 16), Optimisation, Read::Always,
        "Batches whose gradients are averaged for one step";
    trim: f64 = 0.0; Takes::Number(0.0, 0.9), Optimisation, Read::Always,
        "Share of each batch, its rows of lowest ELBO, from which nothing is learned after the first epoch: for training \
         rows with anomalies among them";
    patience: u64 = 0; Takes::Count(0, 1_000_000), Optimisation, Read::Always,
        "Stop after N epochs without a better validation value, keep the best; 0 for never";
    normalize: Option<Transform> = None; Takes::Choice(TRANSFORMS), Data, Read::Always,
        "none, 0..1, -1..1, standardize, or columns (each column of a table by its kind); follows the data unless said";
    binarize: Binarize = Binarize::None; Takes::Choice(&["none", "dynamic", "threshold"]), Data, Read::Always,
        "none, dynamic (drawn anew each epoch) or threshold";
    output_bias: OutputBias = OutputBias::Mean; Takes::Choice(&["mean", "random"]), Model, Read::Always,
        "Start the decoder at the mean training row, or random as PyTorch does";
    valid: Option<f64> = None; Takes::Number(0.0, 0.99), Data, Read::Always,
        "Share of the rows for validation";
    test: f64 = 0.1; Takes::Number(0.0, 0.99), Data, Read::Always,
        "Share of the rows for testing, where the set brings no test rows";
    limit: usize = 0; Takes::Count(0, u32::MAX as u64), Data, Read::Always,
        "Train on at most so many rows, chosen by the seed; 0 for all";
    hide: f64 = 0.0; Takes::Number(0.0, 1.0), Data, Read::Always,
        "Share of the rows of each pass of which a random part is hidden, so that the model learns to fill gaps";
    split_seed: Option<u64> = None; Takes::Count(0, i64::MAX as u64), Data, Read::Always,
        "Seed of the parts alone, so that runs of several seeds have the same test rows; the seed unless said";
    size: Option<u32> = None; Takes::Count(1, 4096), Data, Read::ByReader,
        "Resize pictures of a folder to SIDE x SIDE; the aspect ratio is not kept";
    key: Option<String> = None; Takes::Text, Data, Read::ByReader,
        "The array of an npz archive";
    columns: Vec<String> = Vec::new(); Takes::Texts, Data, Read::ByReader,
        "Columns of a table to model; all unless said";
    label_column: Option<String> = None; Takes::Text, Data, Read::ByReader,
        "Column of a table that holds classes";
    condition: Vec<String> = Vec::new(); Takes::Texts, Data, Read::ByReader,
        "Columns of a table that a conditional model is conditioned on: categorical or numeric";
    id_column: Option<String> = None; Takes::Text, Data, Read::ByReader,
        "Column of a table that says what rows are called";
    missing: Vec<String> = Vec::new(); Takes::Texts, Data, Read::ByReader,
        "Words of a table for a missing value, beside NA, N/A, NaN, null, none, ? and nothing";
    schema: Option<String> = None; Takes::Text, Data, Read::ByReader,
        "A TOML file that says what columns of a table are; see docs/tables.md";
    role: Vec<String> = Vec::new(); Takes::Texts, Data, Read::ByReader,
        "Roles of columns of a table, as COLUMN=ROLE: model, ignore, condition, label or id";
    header: Option<String> = None; Takes::Choice(&["yes", "no"]), Data, Read::ByReader,
        "Whether the first row of a csv table names the columns; found out unless said";
    decimal: Option<String> = None; Takes::Choice(&[".", ","]), Data, Read::ByReader,
        "The mark before decimals in a csv table; found out unless said";
    separator: Option<String> = None; Takes::Choice(&["comma", "semicolon", "tab", "bar"]), Data, Read::ByReader,
        "What stands between the cells of a csv table; found out unless said";
}
flatten {
    /// The settings of the model.
    #[serde(flatten)]
    model: ModelSettings,
    /// The variant's own settings.
    #[serde(flatten)]
    params: BTreeMap<String, toml::Value>,
}
}

/// The words of the choices below.
const OPTIMIZERS: &[&str] = &["adam", "adamw", "sgd", "rmsprop", "lion"];
const SCHEDULES: &[&str] = &["constant", "cosine", "step", "exponential", "stages", "plateau"];
const TRANSFORMS: &[&str] = &["none", "0..1", "-1..1", "standardize", "columns"];

impl LrSchedule {
    /// True where `lr_epochs` says how long it lasts.
    pub(crate) fn reads_lr_epochs(self) -> bool {
        matches!(self, Self::Cosine | Self::Step | Self::Stages)
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
            // Beside the columns that a model knows, nothing is asked for.
            roles: match options.schema {
                Some(_) => Vec::new(),
                None => AskedColumn::by_settings(self.label_column.as_ref(), &self.condition, self.id_column.as_ref()),
            },
            overrides: match (&self.schema, &options.schema) {
                (Some(path), None) => Overrides::read(Path::new(path))?.with_roles(&self.role)?,
                (None, None) => Overrides::default().with_roles(&self.role)?,
                (_, Some(_)) => Overrides::default(),
            },
            seed: 0,
            ..self.reading(options.clone())
        };
        data::open(&self.data, &options, progress)
    }

    /// How files like the one that was trained on are read.
    pub fn reading(&self, options: OpenOptions) -> OpenOptions {
        OpenOptions {
            missing: self.missing.clone(),
            header: self.header.as_ref().map(|word| word == "yes"),
            decimal: self.decimal.as_ref().and_then(|mark| mark.chars().next()),
            separator: self.separator.as_ref().map(|name| data::separator(name)),
            ..options
        }
    }

    /// Divides data into training, validation and test rows.
    ///
    /// # Errors
    /// Shares that leave nothing to train on.
    pub fn split(&self, data: &Dataset) -> Result<Splits> {
        split::split(data, self.valid.unwrap_or(0.0), self.test, self.limit, self.split_seed.unwrap_or(self.seed))
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
        if c.model.likelihood != "auto" {
            likelihood::find(&c.model.likelihood)?;
        }
        let counts = likelihood::find(&c.model.likelihood).is_ok_and(|known| known.domain() == Domain::Counts);
        let of_columns = likelihood::find(&c.model.likelihood).is_ok_and(likelihood::Known::is_of_columns);
        if likelihood::find(&c.model.likelihood).is_ok_and(likelihood::Known::needs_gaps) && !data.has_missing() {
            let problem = format!("'{}' needs missing cells in the training data; use mixed", c.model.likelihood);
            return Err(Error::setting("likelihood", problem));
        }
        let by_column = c.model.likelihood == "auto" || of_columns;
        let default = if counts { Transform::None } else { Transform::default_for(data.schema(), by_column) };
        c.normalize = Some(c.normalize.unwrap_or(default));
        let unit = c.normalize == Some(Transform::Unit)
            || c.normalize == Some(Transform::None) && data.schema().value_kind() == data::Kind::Binary;
        if c.binarize != Binarize::None && !unit {
            return Err(Error::setting("binarize", "needs values from 0 to 1; add --normalize 0..1"));
        }
        let variant = variants::find(&c.variant)?;
        c.all_read(variant)?;
        if !c.condition.is_empty() && !variant.is_conditional() {
            let problem = format!("'{}' is not a conditional variant; use --variant cvae, or leave it out", c.variant);
            return Err(Error::setting("condition", problem));
        }
        c.params = Params::check(variant.params(), &c.params)?.values().clone();
        Ok(c)
    }
}
