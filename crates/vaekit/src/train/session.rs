//! A training under way: model, optimizer, position, and their way to disk.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vaekit_ops::device;

use crate::data::{Batches, Dataset, HostBatch, Preparation, Splits};
use crate::error::ErrorKind;
use crate::eval::quality::Classifier;
use crate::eval::{Figures, evaluate};
use crate::nn::Parameters;
use crate::objective::Progress;
use crate::rng::{Purpose, Rng};
use crate::run::{
    Checkpoint, EpochMetrics, EpochSums, Metrics, Named, OutputBias, Run, RunFile, TrainFigures, TrainState,
    clear_leftovers,
};
use crate::variants::Recipe;
use crate::{Error, Result};

use super::gradient::{BatchLoss, Gradients, gradients};
use super::{learning_rate, optim, optim::Optim};

/// Time between saves at ends of epochs, and inside long ones. Exact resume
/// makes the result independent of when these fall.
#[derive(Clone, Copy, Debug)]
pub struct SaveEvery {
    pub ends: Duration,
    pub inside: Duration,
}

impl Default for SaveEvery {
    fn default() -> Self {
        Self { ends: Duration::from_secs(5), inside: Duration::from_secs(60) }
    }
}

/// What sets the seed of the classifier behind a perceptual loss apart.
const PERCEPTUAL: u64 = 0x5045_5243_0000_0000;
/// Rows that evaluation takes at once.
const EVAL_BATCH: usize = 512;

pub struct Session<'a> {
    pub dir: PathBuf,
    pub file: RunFile,
    pub recipe: Recipe,
    pub data: &'a Dataset,
    pub splits: Splits,
    pub preparation: Preparation,
    pub state: TrainState,
    optim: Optim,
    best: Vec<Named>,
    metrics: Metrics,
    /// Gradients of the batches since the last step, with their number of rows.
    pending: Option<(Gradients, usize)>,
    saved: Instant,
    pub save_every: SaveEvery,
    /// When this epoch's clock started, and the rows since then.
    since: (Instant, u64),
    kl_weight: Option<f64>,
    /// Held so that a second process cannot train in the same folder.
    _lock: File,
}

impl<'a> Session<'a> {
    /// Opens a folder for training, from its checkpoint if it has one.
    pub fn open(dir: PathBuf, file: RunFile, recipe: Recipe, data: &'a Dataset) -> Result<Self> {
        let lock = lock(&dir)?;
        [dir.clone(), dir.join("state")].iter().for_each(|d| clear_leftovers(d));
        file.write(&dir)?;
        let splits = Run::from_parts(dir.clone(), file.clone(), file.build()?).split(data)?;
        let first_own = recipe.vae.parameters().len();
        let optim = Optim::new(&file.config, &recipe).with_own(first_own, recipe.objective.group());
        let checkpoint = super::trainer::checkpoint(&dir, &file, &recipe)?;
        let epoch = checkpoint.as_ref().map_or(0, |c| c.state.epoch);
        let mut session = Self {
            metrics: Metrics::open_after(&dir, epoch)?,
            state: TrainState { identity: file.identity(), ..TrainState::default() },
            preparation: file.preparation(),
            best: Vec::new(),
            pending: None,
            saved: Instant::now(),
            save_every: SaveEvery::default(),
            since: (Instant::now(), 0),
            kl_weight: None,
            _lock: lock,
            dir,
            file,
            recipe,
            data,
            splits,
            optim,
        };
        match checkpoint {
            Some(checkpoint) => session.restore(checkpoint)?,
            None => session.start()?,
        }
        session.recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        Ok(session)
    }

    /// What begins where the data lies.
    fn start(&mut self) -> Result<()> {
        if self.file.config.output_bias == OutputBias::Mean {
            self.start_at_mean();
        }
        let wanted = self.recipe.vae.prior.wanted_rows();
        if wanted > 0 {
            let order = Rng::new(self.file.config.seed).permutation(Purpose::Choice, self.splits.train.len());
            let rows: Vec<u32> =
                order.into_iter().cycle().take(wanted).map(|i| self.splits.train[i as usize]).collect();
            self.recipe.vae.prior.start_at(self.preparation.prepare(self.data, &rows, 0).x);
        }
        if let Some(net) = self.recipe.objective.features_mut() {
            let classes = self.file.data.classes.len();
            // Another than the one that sample quality is judged by.
            let seed = self.file.config.seed ^ PERCEPTUAL;
            let mut classifier = Classifier::new(self.data.spec.width(), classes, seed);
            classifier.train(self.data, &self.preparation, &self.splits.train, &self.splits.test)?;
            net.parameters_mut().into_iter().zip(classifier.body()).for_each(|(p, values)| p.set(values, false));
        }
        Ok(())
    }

    /// Starts the decoder at the mean of the training rows (Burda et al. 2016
    /// start there, in their code): fewer latent dimensions fall idle while
    /// training would still look for it.
    fn start_at_mean(&mut self) {
        let mut sums = vec![0f64; self.data.spec.width()];
        let mut row = Vec::with_capacity(sums.len());
        for &r in &self.splits.train {
            row.clear();
            self.data.extend_with_row(r as usize, &mut row);
            self.preparation.transform.apply(&mut row);
            sums.iter_mut().zip(&row).for_each(|(s, v)| *s += f64::from(*v));
        }
        let n = self.splits.train.len() as f64;
        self.recipe.vae.start_at(&sums.iter().map(|s| (s / n) as f32).collect::<Vec<f32>>());
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let path = self.dir.join(crate::run::STATE);
        if !checkpoint.best.is_empty() {
            // Checked now rather than after all the training that follows.
            crate::run::assign(&path, checkpoint.best.clone(), &mut self.recipe)?;
        }
        crate::run::assign(&path, checkpoint.weights, &mut self.recipe)?;
        if !self.optim.remember(&self.recipe, checkpoint.optimizer) {
            return Err(Error::run(&path, "its optimizer state is not that of this run's optimizer"));
        }
        self.best = checkpoint.best;
        self.state = checkpoint.state;
        Ok(())
    }

    /// One batch: forward, backward, and a step when `last_of_step`.
    pub fn learn(&mut self, host: HostBatch, done: f64, last_of_step: bool) -> Result<BatchLoss> {
        let c = &self.file.config;
        let epoch = self.state.epoch;
        // The noise of a row belongs to the epoch: how the epoch is cut into batches cannot change it.
        let rng = Rng::new(c.seed).at(epoch + 1);
        let batch = host.to_device(&device::here());
        let progress = Progress { epoch: epoch as f64 + done, rng };
        let (value, gradients) = gradients(&self.recipe, &batch, progress);
        let Some(gradients) = gradients else {
            return Err(self.diverged(&format!("the loss became {}", value.loss)));
        };
        self.kl_weight = value.kl_weight;
        self.accumulate(gradients, batch.len());
        self.count(&value, batch.len());
        if last_of_step {
            self.step(epoch as f64 + done)?;
        }
        self.state.batch += 1;
        Ok(value)
    }

    /// Adds a batch's gradients, weighted by its rows, so that several small batches equal a large one.
    fn accumulate(&mut self, gradients: Gradients, rows: usize) {
        let weighted = |g: Vec<f32>, w: f32| g.into_iter().map(|v| v * w).collect::<Vec<f32>>();
        self.pending = Some(match self.pending.take() {
            None if self.file.config.accumulate == 1 => (gradients, 1),
            None => (gradients.into_iter().map(|g| g.map(|g| weighted(g, rows as f32))).collect(), rows),
            Some((mut sum, n)) => {
                for (sum, g) in sum.iter_mut().zip(gradients) {
                    match (sum.as_mut(), g) {
                        (Some(sum), Some(g)) => sum.iter_mut().zip(g).for_each(|(s, v)| *s += v * rows as f32),
                        (None, Some(g)) => *sum = Some(weighted(g, rows as f32)),
                        (_, None) => {}
                    }
                }
                (sum, n + rows)
            }
        });
    }

    fn step(&mut self, epoch: f64) -> Result<()> {
        let Some((mut gradients, rows)) = self.pending.take() else { return Ok(()) };
        if rows > 1 {
            let scale = 1.0 / rows as f32;
            gradients.iter_mut().flatten().flatten().for_each(|g| *g *= scale);
        }
        let norm = optim::clip(&mut gradients, self.file.config.clip);
        if !norm.is_finite() {
            return Err(self.diverged(&format!("the gradient's norm became {norm}")));
        }
        let lr = learning_rate::at(&self.file.config, epoch, &self.state.plateau);
        self.state.step += 1;
        self.optim.step(&mut self.recipe, &gradients, lr, self.state.step);
        self.recipe.vae.prior.after_step();
        Ok(())
    }

    fn diverged(&self, what: &str) -> Error {
        let step = self.state.step + 1;
        let c = &self.file.config;
        let hint = if c.clip > 0.0 { "a smaller --lr" } else { "a smaller --lr or --clip 1" };
        let kept = match self.dir.join(crate::run::STATE).exists() {
            true => format!("the last good checkpoint stands in {}", self.dir.display()),
            false => format!("no checkpoint was made yet, so delete {} before the next try", self.dir.display()),
        };
        ErrorKind::Diverged {
            step,
            problem: format!(
                "step {step} (epoch {}): {what}; {kept}; lr is {}, try {hint}, and look for extreme values in the data",
                (self.state.epoch + 1).min(c.epochs),
                c.lr
            ),
        }
        .into()
    }

    fn count(&mut self, value: &BatchLoss, rows: usize) {
        let n = rows as f64;
        let sums = &mut self.state.sums;
        sums.rows += rows as u64;
        sums.loss += n * value.loss;
        sums.rate += n * value.rate.unwrap_or(0.0);
        sums.distortion += n * value.distortion;
        sums.perceptual += n * value.perceptual.unwrap_or(0.0);
        self.since.1 += rows as u64;
    }

    /// Closes an epoch: validates, and writes its line of metrics.
    pub fn finish_epoch(&mut self) -> Result<EpochMetrics> {
        let speed = self.speed();
        self.clock();
        let valid = if self.splits.valid.is_empty() { None } else { Some(self.measure(&self.splits.valid.clone())?) };
        if let Some(v) = &valid
            && !(v.distortion_nats.is_finite() && v.elbo_nats.is_none_or(f64::is_finite))
        {
            return Err(self.diverged("the validation value is not finite"));
        }
        let sums = std::mem::take(&mut self.state.sums);
        let lr = learning_rate::at(&self.file.config, self.state.epoch as f64, &self.state.plateau);
        self.state.epoch += 1;
        self.state.batch = 0;
        if self.recipe.objective.pretrain() == Some(self.state.epoch) {
            self.fit_prior()?;
        }
        let metrics = EpochMetrics {
            epoch: self.state.epoch,
            step: self.state.step,
            seconds: self.state.seconds,
            samples_per_second: speed,
            lr,
            kl_weight: self.kl_weight,
            train: self.train_figures(sums),
            valid,
        };
        self.metrics.push(&metrics)?;
        Ok(metrics)
    }

    fn train_figures(&self, sums: EpochSums) -> TrainFigures {
        let n = sums.rows.max(1) as f64;
        let density = self.recipe.vae.posterior.is_density();
        TrainFigures {
            loss: sums.loss / n,
            elbo_nats: density.then_some(-(sums.distortion + sums.rate) / n),
            rate_nats: density.then_some(sums.rate / n),
            distortion_nats: sums.distortion / n,
            perceptual: (self.file.config.model.perceptual != "none").then_some(sums.perceptual / n),
        }
    }

    /// Figures of some rows, with the present weights.
    fn measure(&mut self, rows: &[u32]) -> Result<Figures> {
        self.recipe.vae.set_tracking(false);
        let batches = Batches::in_order(self.data, &self.preparation, rows, EVAL_BATCH);
        let figures = evaluate(&self.recipe.vae, &batches, 1, Rng::new(self.file.config.seed));
        self.recipe.vae.set_tracking(true);
        Ok(figures?.0)
    }

    /// Active latent dimensions and rate of the model as it stands, on
    /// validation rows or else on some training rows; each where the model has it.
    pub fn activity(&mut self) -> Result<(Option<usize>, Option<f64>)> {
        let rows = if self.splits.valid.is_empty() { &self.splits.train } else { &self.splits.valid };
        let rows = rows[..rows.len().min(2_000)].to_vec();
        let figures = self.measure(&rows)?;
        Ok((figures.active_units, figures.rate_nats))
    }

    /// Remembers the present weights as the best.
    pub fn keep_best(&mut self) {
        self.best = self.weights();
    }

    fn weights(&self) -> Vec<Named> {
        self.recipe.parameters().into_iter().map(|p| Named::of("", p, p.values())).collect()
    }

    /// Saves when the last save is long ago, or when `now`.
    pub fn save(&mut self, now: bool) -> Result<()> {
        self.clock();
        if !now && self.saved.elapsed() < self.save_every.ends {
            return Ok(());
        }
        let identity = self.file.identity();
        let weights = self.weights();
        let memory = self.optim.memory(&self.recipe);
        let finite = |t: &Named| t.values.iter().all(|v| v.is_finite());
        if !weights.iter().chain(memory.iter().flatten()).all(finite) {
            return Err(self.diverged("a weight or the optimizer's memory of it is not finite"));
        }
        let best = if self.best.is_empty() { &weights } else { &self.best };
        crate::run::save_model(&self.dir.join(crate::run::MODEL), &identity, best.clone())?;
        let checkpoint = Checkpoint { state: self.state.clone(), best: self.best.clone(), optimizer: memory, weights };
        checkpoint.write(&self.dir)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Saves inside an epoch that takes long.
    pub fn save_if_due(&mut self) -> Result<()> {
        if self.saved.elapsed() < self.save_every.inside { Ok(()) } else { self.save(true) }
    }

    /// Adds the time since the last call to the run's.
    pub fn clock(&mut self) {
        self.state.seconds += self.since.0.elapsed().as_secs_f64();
        self.since = (Instant::now(), 0);
    }

    /// Rows a second since the clock was last read.
    pub fn speed(&self) -> f64 {
        self.since.1 as f64 / self.since.0.elapsed().as_secs_f64().max(1e-9)
    }

    /// The trained run, with the weights that its file holds.
    pub fn into_run(mut self) -> Result<Run> {
        self.recipe.parameters_mut().into_iter().for_each(|p| p.track(false));
        if !self.best.is_empty() {
            crate::run::assign(&self.dir.join(crate::run::MODEL), self.best, &mut self.recipe)?;
        }
        Ok(Run::from_parts(self.dir, self.file, self.recipe))
    }
}

/// Takes the folder for this process.
fn lock(dir: &std::path::Path) -> Result<File> {
    let path = dir.join("state/lock");
    let file = std::fs::create_dir_all(dir.join("state"))
        .and_then(|()| File::create(&path))
        .map_err(|e| Error::setting("out", format!("{} cannot be written: {e}", dir.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Error::run(dir, "another process is training this run; wait for it or stop it"))
        }
        // Some network file systems cannot lock; the risk is the user's then.
        Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}
