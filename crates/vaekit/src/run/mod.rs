//! The run folder: what training leaves and every use reads.
//!
//! `docs/format.md` is the specification. A run is made of text that says what
//! was done (`run.toml`, `metrics.jsonl`), weights (`model.safetensors`), and
//! all that going on to the same bytes needs (`state/checkpoint.safetensors`).

mod atomic;
mod format;
mod format1;
mod identity;
mod layer;
mod metrics;
mod state;
mod weights;

pub use atomic::{clear_leftovers, clear_unfinished, is_leftover, must_be_file, open_in_place, write_atomically};
pub use format::{DataInfo, FORMAT_VERSION, RunFile};
pub use metrics::{EpochMetrics, Metrics, TrainFigures};
pub use state::{Best, Checkpoint, EpochSums, Plateau, TrainState};
pub use weights::Named;
pub(crate) use weights::{assign, read as read_tensors, save_model, write as write_tensors};

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::data::{Dataset, OpenOptions, Preparation, Splits, public};
use crate::model::{Identity, Model};
use crate::nn::Classifier;
use crate::nn::Parameters;
use crate::rng::Rng;
use crate::settings::TrainConfig;
use crate::variants::{self, ModelSettings, Recipe, Target};
use crate::{Error, Result};

/// What puts a model together from settings and data.
pub type Build<'a> = dyn Fn(&ModelSettings, &Target<'_>) -> Result<Recipe> + 'a;

/// A trained model in its folder. It is used as the [`Model`] that it holds.
pub struct Run {
    dir: PathBuf,
    file: RunFile,
    model: Model,
}

impl Deref for Run {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Run {
    /// Opens a run folder for use, its weights checked.
    ///
    /// # Errors
    /// No run there, a format that is newer, or a file that is damaged; each is named.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let file = RunFile::read(dir)?;
        file.check_size(&dir.join(MODEL))?;
        let mut recipe = file.build()?;
        weights::load_model(&dir.join(MODEL), &file.identity(), &mut recipe)?;
        let samples = variants::find(&file.config.variant)?.samples_from_prior();
        Ok(Self::from_parts(dir.to_path_buf(), file, recipe, samples))
    }

    /// Opens a run that a recipe of its own made; see [`Trainer::with_recipe`](crate::Trainer::with_recipe).
    ///
    /// The names and shapes of the weights are checked. A recipe with another likelihood over weights of the same shapes
    /// opens the run as well: keep the recipe beside the run.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those of the recipe.
    pub fn open_with(
        dir: impl AsRef<Path>,
        build: impl Fn(&ModelSettings, &Target<'_>) -> Result<Recipe>,
    ) -> Result<Self> {
        let dir = dir.as_ref();
        let file = RunFile::read(dir)?;
        let mut recipe = file.build_by(&build)?;
        weights::load_model(&dir.join(MODEL), &file.identity(), &mut recipe)?;
        let samples = recipe.vae.posterior.is_density();
        Ok(Self::from_parts(dir.to_path_buf(), file, recipe, samples))
    }

    /// A run whose weights are at hand.
    pub(crate) fn from_parts(dir: PathBuf, file: RunFile, recipe: Recipe, samples_from_prior: bool) -> Self {
        let identity = Identity { variant: file.config.variant.clone(), seed: file.config.seed, samples_from_prior };
        let model = Model::new(recipe.vae, file.schema.clone(), file.encoding.clone(), identity);
        Self { dir, file, model }
    }

    /// The model, which needs no folder.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Consumes the run and returns its model.
    pub fn into_model(self) -> Model {
        self.model
    }

    /// The same with a value for a condition of new rows and decoded codes; see [`Model::given`].
    ///
    /// # Errors
    /// As [`Model::given`].
    pub fn given(self, column: &str, value: &str) -> Result<Self> {
        Ok(Self { model: self.model.given(column, value)?, ..self })
    }

    /// The same with a class; see [`Model::of_class`].
    ///
    /// # Errors
    /// As [`Model::of_class`].
    pub fn of_class(self, name: &str) -> Result<Self> {
        Ok(Self { model: self.model.of_class(name)?, ..self })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What was trained on what.
    pub fn file(&self) -> &RunFile {
        &self.file
    }

    /// The settings in effect.
    pub fn config(&self) -> &TrainConfig {
        &self.file.config
    }

    /// True for the data that the run was trained on.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn is_of(&self, data: &Dataset) -> Result<bool> {
        self.file.is_of(data)
    }

    /// True for data with the rows that the run was trained on, whatever classes and conditions are read beside them.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn has_rows_of(&self, data: &Dataset) -> Result<bool> {
        self.file.has_rows_of(data)
    }

    /// Opens the data that the run was trained on and checks that it is still the same.
    ///
    /// # Errors
    /// Data that cannot be opened, or that has changed.
    pub fn open_data(
        &self,
        options: &OpenOptions,
        progress: &mut dyn FnMut(public::Progress<'_>),
    ) -> Result<(Dataset, Splits)> {
        let schema = Some(self.file.schema.clone());
        let data = self.config().open_data(&OpenOptions { schema, ..options.clone() }, progress)?;
        self.file.check_same(&data)?;
        let splits = self.split(&data)?;
        Ok((data, splits))
    }

    /// The parts of the run's own data.
    ///
    /// # Errors
    /// Shares that leave nothing to train on.
    pub fn split(&self, data: &Dataset) -> Result<Splits> {
        self.config().split(data)
    }
}

/// What a stored classifier says of itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct ClassifierFile {
    identity: String,
    seed: u64,
    accuracy: f64,
    /// Rows that taught it; 0 in files of builds that kept none apart.
    #[serde(default)]
    rows: usize,
}

/// Numbers that a stored classifier may have.
const MAX_CLASSIFIER: usize = 1 << 28;

impl Run {
    /// Fills in the classifier that sample quality was judged by before; false where there is none that as many `rows`
    /// taught.
    ///
    /// # Errors
    /// A file that is damaged or belongs to another run.
    pub(crate) fn load_classifier(&self, classifier: &mut Classifier, rows: usize) -> Result<bool> {
        let path = self.dir.join(CLASSIFIER);
        if !path.exists() {
            return Ok(false);
        }
        let (tensors, meta) = weights::read(&path, MAX_CLASSIFIER)?;
        let file: Option<ClassifierFile> = serde_json::from_str(&meta).ok();
        let Some(file) = file.filter(|f| f.identity == self.file.identity() && f.seed == classifier.seed) else {
            return Err(Error::run(&path, "belongs to another run; delete it, and it is trained again"));
        };
        if file.rows != rows {
            return Ok(false);
        }
        assign(&path, tensors, classifier)?;
        classifier.accuracy = file.accuracy;
        Ok(true)
    }

    /// Keeps a classifier beside the model.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(crate) fn save_classifier(&self, classifier: &Classifier, rows: usize) -> Result<()> {
        let (seed, accuracy) = (classifier.seed, classifier.accuracy);
        let file = ClassifierFile { identity: self.file.identity(), seed, accuracy, rows };
        let meta = serde_json::to_string(&file).unwrap_or_default();
        let tensors = classifier.parameters().into_iter().map(|p| Named::of("", p, p.values())).collect();
        weights::write(&self.dir.join(CLASSIFIER), tensors, meta)
    }
}

/// Bytes that a file of weights has beside them at least; a model of few weights has more names than numbers.
const BESIDE: f64 = 1e6;

impl RunFile {
    /// Refuses a file of weights, where it is there, that is far too short for the network that is described, before that
    /// is built.
    ///
    /// # Errors
    /// Less than a quarter of what the layers ask for.
    pub(crate) fn check_size(&self, weights: &Path) -> Result<()> {
        let Ok(found) = std::fs::metadata(weights) else { return Ok(()) };
        let expected = 4.0 * self.config.model.network_weights(&self.schema, &self.encoding)?;
        if found.len() as f64 + BESIDE > expected / 4.0 {
            return Ok(());
        }
        let problem = format!(
            "holds {} bytes, and the layers of the run.toml beside it ask for about {expected:.0}; one of them was changed",
            found.len()
        );
        Err(Error::run(weights, problem))
    }

    /// Builds the model that the file describes, with its initial weights.
    ///
    /// # Errors
    /// Settings that no longer hold together.
    pub fn build(&self) -> Result<Recipe> {
        if let Some(name) = &self.recipe {
            let problem = format!("was trained by the recipe '{name}' of a program; open it there with Run::open_with");
            return Err(Error::unsupported("this run", problem));
        }
        let variant = variants::find(&self.config.variant)?;
        let params = variants::Params::check(variant.params(), &self.config.params)?;
        self.make(&|settings, target| variant.build(settings, &params, target)?.perceiving(settings, target))
    }

    /// The same by a recipe of its own.
    ///
    /// # Errors
    /// Those of the recipe, and a decoder whose outputs are not as many as the likelihood asks for.
    pub fn build_by(&self, build: &Build<'_>) -> Result<Recipe> {
        let recipe = self.make(build)?;
        recipe.vae.check_decoder(self.schema.width(), self.encoding.given_width())?;
        Ok(recipe)
    }

    fn make(&self, build: &Build<'_>) -> Result<Recipe> {
        let rng = Rng::new(self.config.seed);
        let target = Target { schema: &self.schema, encoding: &self.encoding, rows: self.data.train_rows, rng };
        build(&self.config.model, &target)
    }

    /// How rows become model values.
    pub fn preparation(&self) -> Preparation {
        let hide = self.config.hide as f32;
        Preparation { encoding: self.encoding.clone(), rng: Rng::new(self.config.seed), hide }
    }
}

/// File names of a run folder.
pub(crate) const RUN: &str = "run.toml";
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const STATE: &str = "state/checkpoint.safetensors";
pub(crate) const CLASSIFIER: &str = "classifier.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";
