//! The run folder: what training leaves and every use reads.
//!
//! `docs/format.md` is the specification. A run is made of text that says what
//! was done (`run.toml`, `metrics.jsonl`), weights (`model.safetensors`), and
//! all that going on to the same bytes needs (`state/checkpoint.safetensors`).

mod atomic;
mod config;
mod format;
mod layers;
mod metrics;
mod ranges;
mod settings;
mod state;
mod unread;
mod weights;
mod words;

pub use atomic::{clear_leftovers, is_leftover, write_atomically};
pub use config::{LrSchedule, Optimizer, OutputBias, TrainConfig, ValidTrainConfig};
pub use format::{DataInfo, FORMAT_VERSION, RunFile};
pub use metrics::{EpochMetrics, Metrics, TrainFigures};
pub use settings::{SETTINGS, Setting};
pub use state::{Best, Checkpoint, EpochSums, Plateau, TrainState};
pub use weights::Named;
pub(crate) use weights::{assign, save_model};

use std::path::{Path, PathBuf};

use crate::data::{Dataset, Kind, OpenOptions, Preparation, Splits, public, split};
use crate::eval::quality::Classifier;
use crate::model::Vae;
use crate::model::likelihood::Domain;
use crate::nn::Parameters;
use crate::rng::Rng;
use crate::variants::{self, Recipe, Target, Variant};
use crate::{Error, Result};

/// A trained model in its folder.
pub struct Run {
    dir: PathBuf,
    file: RunFile,
    recipe: Recipe,
    class: Option<u32>,
}

impl Run {
    /// Opens a run folder for use, its weights checked.
    ///
    /// # Errors
    /// No run there, a format that is newer, or a file that is damaged; each is named.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let file = RunFile::read(dir)?;
        let mut recipe = file.build()?;
        weights::load_model(&dir.join(MODEL), &file.identity(), &mut recipe)?;
        Ok(Self { dir: dir.to_path_buf(), file, recipe, class: None })
    }

    /// A run whose weights are at hand.
    pub(crate) fn from_parts(dir: PathBuf, file: RunFile, recipe: Recipe) -> Self {
        Self { dir, file, recipe, class: None }
    }

    /// The run of a conditional model with a class that new rows and decoded codes are of.
    ///
    /// # Errors
    /// A model that is not conditional, or a name that is no class of its data.
    pub fn of_class(self, name: &str) -> Result<Self> {
        if self.recipe.vae.decoder.classes().is_none() {
            let problem = format!("'{}' is not conditional on classes; train --variant cvae", self.file.config.variant);
            return Err(Error::setting("class", problem));
        }
        let classes = &self.file.data.classes;
        match classes.iter().position(|class| class == name) {
            Some(class) => Ok(Self { class: Some(class as u32), ..self }),
            None => {
                let names = classes.join(", ");
                Err(Error::setting("class", format!("'{name}' is no class; expected one of {names}")))
            }
        }
    }

    /// The class that was chosen.
    pub(crate) fn class(&self) -> Option<u32> {
        self.class
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

    /// The model.
    pub fn vae(&self) -> &Vae {
        &self.recipe.vae
    }

    /// The variant that made it.
    ///
    /// # Errors
    /// A name that this version does not know.
    pub fn variant(&self) -> Result<&'static dyn Variant> {
        variants::find(&self.file.config.variant)
    }

    /// Randomness that belongs to this run's seed.
    pub fn rng(&self) -> Rng {
        Rng::new(self.file.config.seed)
    }

    /// How rows become model values in this run.
    pub fn preparation(&self) -> Preparation {
        self.file.preparation()
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
        let data = self.config().open_data(options, progress)?;
        self.file.data.check_same(&data)?;
        let splits = self.split(&data)?;
        Ok((data, splits))
    }

    /// The parts of the run's own data.
    ///
    /// # Errors
    /// Shares that leave nothing to train on.
    pub fn split(&self, data: &Dataset) -> Result<Splits> {
        let c = self.config();
        split::split(data, c.valid.unwrap_or(0.0), c.test, c.limit, c.seed)
    }

    /// Numbers the classes of other rows as the run's own, where all of them are among these.
    pub fn number_classes(&self, data: &mut Dataset) {
        let known = &self.file.data.classes;
        if let Some(labels) = data.labels.as_ref().and_then(|labels| labels.numbered_as(known)) {
            data.labels = Some(labels);
        }
    }

    /// Checks that rows of other data fit the model.
    ///
    /// # Errors
    /// Another shape, with both named.
    pub fn check_fits(&self, data: &Dataset) -> Result<()> {
        if self.recipe.vae.decoder.classes().is_some() {
            let names = data.labels.as_ref().map(|l| l.names.as_slice()).unwrap_or_default();
            if names != self.file.data.classes {
                let (wanted, found) = (few(&self.file.data.classes), few(names));
                let problem =
                    format!("has the classes [{found}], and this conditional model was trained on [{wanted}]");
                return Err(Error::data(
                    &data.name,
                    format!("{problem}; bring the same, a csv table's by --label-column"),
                ));
            }
        }
        match self.recipe.vae.likelihood.domain() {
            Domain::Counts => data.check_counts()?,
            Domain::Bytes if data.spec.kind == Kind::Real => {
                let problem = format!("holds {}, and this model's likelihood is of bytes", data.spec);
                return Err(Error::data(&data.name, problem));
            }
            // Bytes of another scale would come out beyond 0 and 1.
            Domain::Bytes | Domain::Binary | Domain::Unit if data.spec.kind != self.file.data.spec.kind => {
                let (theirs, ours) = (&data.spec, &self.file.data.spec);
                let inside = data.spec.kind == Kind::Binary || self.file.transform.gives_unit_interval(&data.spec);
                if !inside {
                    return Err(Error::data(&data.name, format!("holds {theirs}; this model was trained on {ours}")));
                }
            }
            _ => {}
        }
        let (ours, theirs) = (&self.file.data.spec, &data.spec);
        let same_shape = match ours.is_image() {
            true => ours.shape == theirs.shape,
            false => !theirs.is_image() && ours.width() == theirs.width(),
        };
        // A picture of bytes and one of fractions have other units; a table keeps its own.
        if same_shape && (!ours.is_image() || ours.kind != Kind::Byte || theirs.kind != Kind::Real) {
            return Ok(());
        }
        Err(Error::data(&data.name, format!("holds {}; this model was trained on {}", data.spec, self.file.data.spec)))
    }
}

/// What a stored classifier says of itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct ClassifierFile {
    identity: String,
    seed: u64,
    accuracy: f64,
}

/// Numbers that a stored classifier may have.
const MAX_CLASSIFIER: usize = 1 << 28;

impl Run {
    /// Fills in the classifier that sample quality was judged by before; false where there is none.
    ///
    /// # Errors
    /// A file that is damaged or belongs to another run.
    pub(crate) fn load_classifier(&self, classifier: &mut Classifier) -> Result<bool> {
        let path = self.dir.join(CLASSIFIER);
        if !path.exists() {
            return Ok(false);
        }
        let (tensors, meta) = weights::read(&path, MAX_CLASSIFIER)?;
        let file: Option<ClassifierFile> = serde_json::from_str(&meta).ok();
        let Some(file) = file.filter(|f| f.identity == self.file.identity() && f.seed == classifier.seed) else {
            return Err(Error::run(&path, "belongs to another run; delete it, and it is trained again"));
        };
        assign(&path, tensors, classifier)?;
        classifier.accuracy = file.accuracy;
        Ok(true)
    }

    /// Keeps a classifier beside the model.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(crate) fn save_classifier(&self, classifier: &Classifier) -> Result<()> {
        let (seed, accuracy) = (classifier.seed, classifier.accuracy);
        let file = ClassifierFile { identity: self.file.identity(), seed, accuracy };
        let meta = serde_json::to_string(&file).unwrap_or_default();
        let tensors = classifier.parameters().into_iter().map(|p| Named::of("", p, p.values())).collect();
        weights::write(&self.dir.join(CLASSIFIER), tensors, meta)
    }
}

impl RunFile {
    /// Builds the model that the file describes, with its initial weights.
    ///
    /// # Errors
    /// Settings that no longer hold together.
    pub fn build(&self) -> Result<Recipe> {
        let variant = variants::find(&self.config.variant)?;
        let params = variants::Params::check(variant.params(), &self.config.params)?;
        let rng = Rng::new(self.config.seed);
        let (rows, classes) = (self.data.train_rows, self.data.classes.len());
        let target = Target { spec: &self.data.spec, transform: &self.transform, rows, classes, rng };
        variant.build(&self.config.model, &params, &target)?.perceiving(&self.config.model, &target)
    }

    /// How rows become model values.
    pub fn preparation(&self) -> Preparation {
        Preparation {
            transform: self.transform.clone(),
            binarize: self.config.binarize,
            rng: Rng::new(self.config.seed),
        }
    }
}

/// File names of a run folder.
pub(crate) const RUN: &str = "run.toml";
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const STATE: &str = "state/checkpoint.safetensors";
pub(crate) const CLASSIFIER: &str = "classifier.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";

/// Names in one line, however many.
fn few(names: &[String]) -> String {
    match names.len() {
        0..=20 => names.join(", "),
        n => format!("{}, .. ({n} of them)", names[..20].join(", ")),
    }
}
