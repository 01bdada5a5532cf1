//! The trainer: a configuration and a data set in, a run folder out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::data::{Batches, Dataset, Encoding, Step, Transform};
use crate::model::likelihood::{self, Domain};
use crate::nn::Parameters;
use crate::run::{Build, Checkpoint, DataInfo, FORMAT_VERSION, Run, RunFile};
use crate::settings::TrainConfig;
use crate::variants::{self, ModelSettings, Recipe, Target};
use crate::{Error, Result};

use super::advice;
use super::early_stopping::{self, Verdict};
use super::event::TrainEvent;
use super::learning_rate;
use super::session::{SaveEvery, Session};

/// What `--resume` may change: nothing that would change the steps already taken.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// More epochs than before, or as many.
    pub epochs: Option<u64>,
    /// Where the same data is now.
    pub data: Option<String>,
}

/// Trains one run.
///
/// ```no_run
/// # fn main() -> vaekit::Result<()> {
/// let config = vaekit::TrainConfig::default();
/// let data = config.open_data(&Default::default(), &mut |_| ())?;
/// let run = vaekit::Trainer::new(config).out("runs/digits").fit(&data)?;
/// # Ok(()) }
/// ```
pub struct Trainer {
    config: TrainConfig,
    out: Option<PathBuf>,
    resume: Option<PathBuf>,
    listener: Box<dyn FnMut(TrainEvent)>,
    interrupt: Arc<AtomicBool>,
    save_every: SaveEvery,
    /// A recipe that is no variant of the list, with its name.
    recipe: Option<(String, Box<Build<'static>>)>,
}

impl Trainer {
    /// A trainer for a configuration, which [`fit`](Self::fit) checks against the data.
    pub fn new(config: TrainConfig) -> Self {
        Self {
            config,
            out: None,
            resume: None,
            listener: Box::new(|_| ()),
            interrupt: Arc::default(),
            save_every: SaveEvery::default(),
            recipe: None,
        }
    }

    /// A trainer that goes on with a run from its last checkpoint.
    ///
    /// # Errors
    /// No run there, or fewer epochs than it has done.
    pub fn resume(dir: impl Into<PathBuf>, changes: &Changes) -> Result<Self> {
        let dir = dir.into();
        let mut config = RunFile::read(&dir)?.config;
        if let Some(epochs) = changes.epochs {
            if epochs < config.epochs {
                let before = config.epochs;
                return Err(Error::setting(
                    "epochs",
                    format!("found {epochs}, the run was made for {before}; on resume it can only be raised"),
                ));
            }
            config.epochs = epochs;
        }
        if let Some(data) = &changes.data {
            config.data.clone_from(data);
        }
        config.check()?;
        Ok(Self { resume: Some(dir), ..Self::new(config) })
    }

    /// The configuration; of a resumed run, its own.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The folder to make. Without it, the first free one of `runs/DATA-VARIANT`, `-2`, `-3` and so on.
    #[must_use]
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out = Some(dir.into());
        self
    }

    /// Who hears of progress.
    #[must_use]
    pub fn on_event(mut self, listener: impl FnMut(TrainEvent) + 'static) -> Self {
        self.listener = Box::new(listener);
        self
    }

    /// The time between two saves; without it 5 seconds, inside an epoch a minute.
    #[must_use]
    pub fn save_every(mut self, time: Duration) -> Self {
        self.save_every = SaveEvery { ends: time, inside: time };
        self
    }

    /// Trains what `build` puts together in place of the variant that the configuration names. The run records `name`,
    /// and [`Run::open_with`] opens it with the same function. To go on with such a run, pass the recipe again:
    /// `Trainer::resume(dir, &changes)?.with_recipe(name, build)`. The likelihood of the configuration stays the one that
    /// [`ModelSettings::model`](crate::variants::ModelSettings::model) reads; it decides the width of the decoder.
    #[must_use]
    pub fn with_recipe(
        mut self,
        name: impl Into<String>,
        build: impl Fn(&ModelSettings, &Target<'_>) -> Result<Recipe> + 'static,
    ) -> Self {
        let name = name.into();
        let name = if name.is_empty() { "unnamed".into() } else { name };
        self.recipe = Some((name, Box::new(build)));
        self
    }

    /// A flag that, once set, makes training save and return.
    #[must_use]
    pub fn interrupt(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupt = flag;
        self
    }

    /// Refuses what [`fit`](Self::fit) would refuse before it begins, and writes nothing.
    ///
    /// # Errors
    /// Settings that do not fit the data or each other.
    pub fn check(&self, data: &Dataset) -> Result<()> {
        self.config.check()?;
        self.describe(data).map(drop)
    }

    /// Trains to the end, to an early stop, or to an interrupt; [`RunFile`] and
    /// the checkpoint tell which.
    ///
    /// # Errors
    /// Settings that do not fit the data or each other; a folder that is taken
    /// or cannot be written; numbers that leave the finite ones, in which case
    /// the last checkpoint stands.
    pub fn fit(mut self, data: &Dataset) -> Result<Run> {
        let (file, recipe) = self.describe(data)?;
        let dir = match &self.resume {
            Some(dir) => dir.clone(),
            None => make_folder(self.out.take(), &file)?,
        };
        let samples = match &self.recipe {
            Some(_) => recipe.vae.posterior.is_density(),
            None => variants::find(&file.config.variant)?.samples_from_prior(),
        };
        let mut session = Session::open(dir, file, recipe, data, samples, &mut *self.listener)?;
        session.save_every = self.save_every;
        self.announce(&session);
        let finished = self.train(&mut session)?;
        session.save(true)?;
        if finished {
            advice::after(&mut session)?.into_iter().for_each(|text| (self.listener)(TrainEvent::Warning(text)));
        }
        session.into_run()
    }

    /// The `run.toml` of this training, and the model that it describes.
    fn describe(&self, data: &Dataset) -> Result<(RunFile, Recipe)> {
        if let Some(dir) = &self.resume {
            let mut file = RunFile::read(dir)?;
            file.check_same(data)?;
            file.config.epochs = self.config.epochs;
            file.config.data.clone_from(&self.config.data);
            // A recipe of its own may have other networks than the settings describe.
            if self.recipe.is_none() {
                file.check_size(&dir.join(crate::run::STATE))?;
            }
            let recipe = self.build(&file)?;
            return Ok((file, recipe));
        }
        let config = self.config.validate(data)?;
        if likelihood::find(&config.model.likelihood).is_ok_and(|known| known.domain() == Domain::Counts) {
            data.check_counts()?;
        }
        let splits = config.split(data)?;
        let encoding = Encoding::fit(config.normalize.unwrap_or(Transform::None), data, &splits.train)?;
        let masked = encoding.masked || config.hide > 0.0;
        let mut encoding = Encoding { binarize: config.binarize, masked, ..encoding };
        if variants::find(&config.variant)?.is_conditional() {
            encoding = encoding.conditional(data, &splits.train)?;
            // A row of any part that lacks a condition is refused now, not when its turn comes.
            encoding.given(data, &(0..data.len() as u32).collect::<Vec<u32>>())?;
        }
        // Rows in memory have no place that the settings could name.
        let config = if data.is_opened() { config } else { TrainConfig { data: data.name.clone(), ..config } };
        let mut file = RunFile {
            format: FORMAT_VERSION,
            vaekit: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: self.recipe.as_ref().map(|(name, _)| name.clone()),
            data: DataInfo::new(data, &splits)?,
            schema: data.schema().clone(),
            encoding,
            config,
        };
        let recipe = self.build(&file)?;
        fits(&recipe, &file, data, splits.train.len())?;
        if recipe.vae.likelihood.parameters().is_empty()
            && file.config.likelihood_lr != TrainConfig::default().likelihood_lr
        {
            let problem =
                format!("'{}' has no numbers of its own to learn; leave it out", recipe.vae.likelihood.name());
            return Err(Error::setting("likelihood_lr", problem));
        }
        // The file names the likelihood that `auto` stood for.
        if likelihood::find(recipe.vae.likelihood.name()).is_ok() {
            file.config.model.likelihood = recipe.vae.likelihood.name().to_owned();
        }
        // Refused before a folder is made for it.
        file.text()?;
        Ok((file, recipe))
    }

    /// The model of a file, by the recipe of its variant or by one of its own.
    fn build(&self, file: &RunFile) -> Result<Recipe> {
        match &self.recipe {
            Some((name, build)) if file.recipe.as_ref() == Some(name) => file.build_by(build),
            Some((name, _)) => {
                let made = file.recipe.as_deref().unwrap_or("a variant of the list");
                Err(Error::setting("recipe", format!("found '{name}', but the run was made by {made}")))
            }
            None => file.build(),
        }
    }

    /// The loop. True when there is nothing left to train.
    fn train(&mut self, session: &mut Session<'_>) -> Result<bool> {
        while session.state.epoch < session.file.config.epochs && !session.state.stopped {
            if !self.epoch(session)? {
                session.save(true)?;
                (self.listener)(TrainEvent::Interrupted { epoch: session.state.epoch });
                return Ok(false);
            }
            let metrics = session.finish_epoch()?;
            let value = metrics.valid_loss.map(|loss| -loss);
            let epoch = metrics.epoch;
            (self.listener)(TrainEvent::Epoch(Box::new(metrics)));
            if let Some(value) = value {
                learning_rate::hear(&session.file.config, &mut session.state.plateau, value);
                let patience = session.file.config.patience;
                match early_stopping::judge(&mut session.state, epoch, value, patience) {
                    Verdict::Best if patience > 0 => session.keep_best(),
                    Verdict::Stop => {
                        session.state.stopped = true;
                        let best_epoch = session.state.best.map_or(epoch, |b| b.epoch);
                        (self.listener)(TrainEvent::StoppedEarly { epoch, best_epoch });
                    }
                    Verdict::Best | Verdict::Wait => {}
                }
            }
            session.save(false)?;
            let more = session.state.epoch < session.file.config.epochs && !session.state.stopped;
            if more && self.interrupt.load(Ordering::SeqCst) {
                session.save(true)?;
                (self.listener)(TrainEvent::Interrupted { epoch: session.state.epoch });
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One pass over the training rows, from where the state stands. False when interrupted.
    fn epoch(&mut self, session: &mut Session<'_>) -> Result<bool> {
        let epoch = session.state.epoch + 1;
        let c = &session.file.config;
        let preparation = session.preparation.clone();
        let batches = Batches::shuffled(session.data, &preparation, &session.splits.train, c.batch, epoch);
        let (count, accumulate) = (batches.count(), c.accumulate);
        let mut interrupted = false;
        session.clock();
        batches.for_each(session.state.batch, |i, host| {
            let last_of_step = (i + 1) % accumulate == 0 || i + 1 == count;
            let loss = session.learn(host, i as f64 / count as f64, last_of_step)?;
            (self.listener)(TrainEvent::Batch {
                epoch,
                batch: i + 1,
                loss: loss.loss,
                rate: loss.rate,
                distortion: loss.distortion,
                samples_per_second: session.speed(),
            });
            // Between steps nothing is half done, so only there can training pause.
            if last_of_step && i + 1 < count {
                session.save_if_due()?;
                if self.interrupt.load(Ordering::SeqCst) {
                    interrupted = true;
                    return Ok(Step::Stop);
                }
            }
            Ok(Step::Continue)
        })?;
        Ok(!interrupted)
    }

    fn announce(&mut self, session: &Session<'_>) {
        let (file, splits) = (&session.file, &session.splits);
        (self.listener)(TrainEvent::Started {
            dir: session.dir.clone(),
            data: format!("{}: {}", file.data.name, file.schema),
            missing: session.data.missing(),
            train_rows: splits.train.len(),
            valid_rows: splits.valid.len(),
            test_rows: splits.test.len(),
            parameters: session.recipe.parameters().iter().map(|p| p.shape().iter().product::<usize>()).sum(),
            likelihood: session.recipe.vae.likelihood.name(),
            epochs_done: session.state.epoch,
            epochs: file.config.epochs,
            batches: splits.train.len().div_ceil(file.config.batch),
        });
        let asked = &self.config.model.likelihood;
        advice::before(session, asked).into_iter().for_each(|text| (self.listener)(TrainEvent::Warning(text)));
    }
}

/// Refuses batches that the objective cannot compare, or that memory cannot hold.
fn fits(recipe: &Recipe, file: &RunFile, data: &Dataset, rows: usize) -> Result<()> {
    let (config, variant) = (&file.config, &file.config.variant);
    let batch = config.batch.min(rows);
    let least = recipe.objective.least_rows();
    let over = rows % batch.max(1);
    if rows < least {
        let problem = format!("has {rows} for training, expected {least} or more: '{variant}' compares rows");
        return Err(Error::data(&data.name, problem));
    }
    if batch < least || over > 0 && over < least {
        let left = if over > 0 { format!(", which leaves a last batch of {over}") } else { String::new() };
        let problem = format!("found {batch}{left}, expected {least} rows or more in each: '{variant}' compares rows");
        return Err(Error::setting("batch", problem));
    }
    let held = (batch * recipe.objective.samples()).max(batch * batch / 16 * recipe.objective.pairs());
    if held > 1 << 26 {
        let problem = format!("found {batch}, which this variant and its samples make too much for memory; lower it");
        return Err(Error::setting("batch", problem));
    }
    Ok(())
}

/// Makes the folder of a new run and writes its first file.
fn make_folder(out: Option<PathBuf>, file: &RunFile) -> Result<PathBuf> {
    let dir = match out {
        Some(dir) => dir,
        None => {
            let stem = format!("runs/{}-{}", file.data.name, file.config.variant);
            let numbered = (2..).map(|i| format!("{stem}-{i}"));
            let free = std::iter::once(stem.clone()).chain(numbered).map(PathBuf::from).find(|p| !p.exists());
            free.unwrap_or_else(|| Path::new(&stem).to_path_buf())
        }
    };
    let cannot = |e: std::io::Error| Error::setting("out", format!("{} cannot be made or written: {e}", dir.display()));
    // What a killed writer left does not count, nor does an empty folder.
    let counts = |e: std::fs::DirEntry| !crate::run::is_leftover(&e.file_name());
    if std::fs::read_dir(&dir).is_ok_and(|entries| entries.flatten().any(counts)) {
        return Err(Error::setting(
            "out",
            format!("{} is not empty; choose a new folder, or go on with --resume {0}", dir.display()),
        ));
    }
    std::fs::create_dir_all(&dir).map_err(cannot)?;
    // First of all, so that a kill at any moment leaves a run or nothing.
    file.write(&dir)?;
    Ok(dir)
}

/// Reads the checkpoint of a run, sized by its model.
///
/// # Errors
/// A damaged checkpoint.
pub(super) fn checkpoint(dir: &Path, file: &RunFile, model: &dyn Parameters) -> Result<Option<Checkpoint>> {
    let values = model.parameters().iter().map(|p| p.shape().iter().product::<usize>()).sum();
    Checkpoint::read(dir, &file.identity(), values)
}
