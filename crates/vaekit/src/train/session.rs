//! A training under way: model, optimizer, position, and their way to disk.
//!
//! `begin.rs` opens it, `step.rs` learns from a batch, `epoch.rs` closes an epoch, `save.rs` writes it down.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Error;
use crate::data::{Dataset, Preparation, Splits};
use crate::error::ErrorKind;
use crate::run::{Metrics, Named, RunFile, TrainState};
use crate::variants::Recipe;

use super::gradient::Gradients;
use super::optim::Optim;

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

pub struct Session<'a> {
    pub dir: PathBuf,
    pub file: RunFile,
    pub recipe: Recipe,
    pub data: &'a Dataset,
    pub splits: Splits,
    pub preparation: Preparation,
    pub state: TrainState,
    pub(super) optim: Optim,
    pub(super) best: Vec<Named>,
    pub(super) metrics: Metrics,
    /// Gradients of the batches since the last step, with their number of rows.
    pub(super) pending: Option<(Gradients, usize)>,
    /// Encoder outputs of the same batches, where the prior follows them.
    pub(super) outputs: Vec<Vec<f32>>,
    pub(super) saved: Instant,
    pub save_every: SaveEvery,
    /// When this epoch's clock started, and the rows since then.
    pub(super) since: (Instant, u64),
    pub(super) kl_weight: Option<f64>,
    /// True once a batch reported a perceptual loss.
    pub(super) is_perceptual: bool,
    /// True where draws from the prior look like data.
    pub samples_from_prior: bool,
    /// Held so that a second process cannot train in the same folder.
    pub(super) lock: File,
}

impl Session<'_> {
    /// Adds the time since the last call to the run's.
    pub fn clock(&mut self) {
        self.state.seconds += self.since.0.elapsed().as_secs_f64();
        self.since = (Instant::now(), 0);
    }

    /// Rows a second since the clock was last read.
    pub fn speed(&self) -> f64 {
        self.since.1 as f64 / self.since.0.elapsed().as_secs_f64().max(1e-9)
    }

    pub(super) fn diverged(&self, what: &str) -> Error {
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
}
