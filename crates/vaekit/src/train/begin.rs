//! Starts training, or resumes it from its checkpoint.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::data::Dataset;
use crate::model::Moment;
use crate::nn::Classifier;
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};
use crate::run::{Checkpoint, Metrics, RunFile, TrainState, clear_leftovers, must_be_file, open_in_place};
use crate::settings::OutputBias;
use crate::variants::Recipe;
use crate::{Error, Result};

use super::event::TrainEvent;
use super::optim::Optim;
use super::session::{SaveEvery, Session};

/// What sets the seed of the classifier behind a perceptual loss apart.
const PERCEPTUAL: u64 = 0x5045_5243_0000_0000;
/// Stored values that are encoded at once.
const ENCODED: usize = 1 << 14;

impl<'a> Session<'a> {
    /// Opens a folder for training, from its checkpoint if it has one.
    pub fn open(
        dir: PathBuf,
        file: RunFile,
        recipe: Recipe,
        data: &'a Dataset,
        samples_from_prior: bool,
        tell: &mut dyn FnMut(TrainEvent),
    ) -> Result<Self> {
        use crate::run::{METRICS, MODEL, RUN, STATE};
        // What is written into a pipe or a device is lost, or waits.
        [RUN, MODEL, STATE, METRICS].iter().try_for_each(|name| must_be_file(&dir.join(name)))?;
        let lock = lock(&dir)?;
        [dir.clone(), dir.join("state")].iter().for_each(|d| clear_leftovers(d));
        file.write(&dir)?;
        let splits = file.config.split(data)?;
        let optim = Optim::new(&file.config, &recipe);
        let checkpoint = super::trainer::checkpoint(&dir, &file, &recipe)?;
        let epoch = checkpoint.as_ref().map_or(0, |c| c.state.epoch);
        if epoch > file.config.epochs {
            let problem = format!("has done {epoch} epochs of {}, which no training does", file.config.epochs);
            return Err(Error::run(&dir.join(STATE), problem));
        }
        let (metrics, damage) = Metrics::open_after(&dir, epoch)?;
        damage.into_iter().for_each(|text| tell(TrainEvent::Warning(text)));
        let mut session = Self {
            metrics,
            state: TrainState { identity: file.identity(), judged_by_objective: true, ..TrainState::default() },
            preparation: file.preparation(),
            best: Vec::new(),
            pending: None,
            outputs: Vec::new(),
            saved: Instant::now(),
            save_every: SaveEvery::default(),
            since: (Instant::now(), 0),
            kl_weight: None,
            is_perceptual: false,
            samples_from_prior,
            lock,
            dir,
            file,
            recipe,
            data,
            splits,
            optim,
        };
        match checkpoint {
            Some(checkpoint) => session.restore(checkpoint)?,
            None => {
                if session.dir.join(MODEL).exists() {
                    tell(TrainEvent::Warning(
                        "the run has a model and no checkpoint to go on from: training begins anew, and its model is \
                         replaced"
                            .into(),
                    ));
                }
                session.start(tell)?;
            }
        }
        session.recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        Ok(session)
    }

    /// Data-dependent initialisation.
    fn start(&mut self, tell: &mut dyn FnMut(TrainEvent)) -> Result<()> {
        if self.file.config.output_bias == OutputBias::Mean {
            self.start_at_mean()?;
        }
        let (data, preparation, train) = (self.data, &self.preparation, &self.splits.train);
        let rows = |wanted: usize| {
            let order = Rng::new(self.file.config.seed).permutation(Purpose::Choice, train.len());
            let rows: Vec<u32> = order.into_iter().cycle().take(wanted).map(|i| train[i as usize]).collect();
            Ok(preparation.prepare(data, &rows, 0)?.x)
        };
        self.recipe.vae.prior.begin(Moment::Start(&rows))?;
        let splits = &self.splits;
        let (classes, seed) = (self.file.schema.classes().len(), self.file.config.seed);
        self.recipe.objective.begin(&mut || {
            tell(TrainEvent::Preparing("teaching a classifier whose features the loss compares"));
            // Another than the one that sample quality is judged by.
            let mut classifier = Classifier::new(preparation.encoding.width(data.schema()), classes, seed ^ PERCEPTUAL);
            classifier.train(data, preparation, &splits.train, &splits.test)?;
            Ok(classifier.body())
        })
    }

    /// Starts the decoder at the mean of the training rows (Burda et al. 2016
    /// start there, in their code): fewer latent dimensions fall idle while
    /// training would still look for it.
    fn start_at_mean(&mut self) -> Result<()> {
        let (encoding, schema) = (&self.preparation.encoding, self.data.schema());
        let mut sums = vec![0f64; encoding.width(schema)];
        let mut known = vec![0f64; sums.len()];
        let (width, mut stored) = (sums.len(), Vec::new());
        let mut add = |stored: &mut Vec<f32>| {
            let mut x = vec![0f32; stored.len() / self.data.width() * width];
            encoding.encode(schema, stored, &mut x);
            stored.clear();
            for (i, v) in x.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                sums[i % width] += f64::from(*v);
                known[i % width] += 1.0;
            }
        };
        self.data.for_each_row(&self.splits.train, |_, row| {
            stored.extend_from_slice(row);
            if stored.len() >= ENCODED {
                add(&mut stored);
            }
            Ok(())
        })?;
        add(&mut stored);
        let mean = |(sum, known): (&f64, &f64)| (sum / known.max(1.0)) as f32;
        self.recipe.vae.start_at(&sums.iter().zip(&known).map(mean).collect::<Vec<f32>>());
        Ok(())
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let path = self.dir.join(crate::run::STATE);
        if !checkpoint.best.is_empty() {
            // Checked now rather than after all the training that follows.
            crate::run::assign(&path, checkpoint.best.clone(), &mut self.recipe)?;
        }
        crate::run::assign(&path, checkpoint.weights, &mut self.recipe)?;
        let known = (checkpoint.state.step, &checkpoint.state.late);
        if !self.optim.remember(&self.recipe, checkpoint.optimizer, known) {
            return Err(Error::run(&path, "its optimizer state is not that of this run's optimizer"));
        }
        self.best = checkpoint.best;
        self.state = checkpoint.state;
        if !self.state.judged_by_objective {
            // Of builds that judged the ELBO, which is another scale.
            (self.state.best, self.state.plateau.best, self.state.judged_by_objective) = (None, None, true);
        }
        Ok(())
    }
}

/// How long a folder that another process trains in is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes the folder for this process.
fn lock(dir: &std::path::Path) -> Result<File> {
    let path = dir.join("state/lock");
    if path.is_symlink() {
        return Err(Error::run(&path, "is a symbolic link, which is not followed; remove it"));
    }
    let file = std::fs::create_dir_all(dir.join("state"))
        .and_then(|()| open_in_place(&path, OpenOptions::new().write(true)))
        .map_err(|e| Error::setting("out", format!("{} cannot be written: {e}", path.display())))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // One that was told to end may still be saving.
            Err(std::fs::TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::run(dir, "another process is training this run; wait for it or stop it"));
            }
            // Some network file systems cannot lock; the risk is the user's then.
            Err(std::fs::TryLockError::Error(_)) => return Ok(file),
        }
    }
}
