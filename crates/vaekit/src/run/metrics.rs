//! `metrics.jsonl`: an object an epoch.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::eval::Figures;
use crate::{Error, Result};

use super::{METRICS, write_atomically};

/// The figures of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epochs so far.
    pub epoch: u64,
    /// Optimizer steps so far.
    pub step: u64,
    /// Training time so far, without the pauses between resumed parts.
    pub seconds: f64,
    /// Rows a second while it trained.
    pub samples_per_second: f64,
    /// The learning rate at its end.
    pub lr: f64,
    /// What the KL was multiplied by at its end.
    pub kl_weight: Option<f64>,
    /// Means over the epoch, while the weights moved.
    pub train: TrainFigures,
    /// Figures of the validation rows.
    pub valid: Option<Figures>,
    /// The objective on the validation rows, which early stopping and `plateau` judge; absent where neither is asked
    /// for, and while the KL warms up or there is pretraining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_loss: Option<f64>,
}

/// Figures of the training rows, nats an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainFigures {
    /// What was minimised.
    pub loss: f64,
    /// The evidence lower bound.
    pub elbo_nats: Option<f64>,
    /// KL(q || p).
    pub rate_nats: Option<f64>,
    /// -E_q log p(x given z).
    pub distortion_nats: f64,
    /// The perceptual loss before its weight, no nats; absent where none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceptual: Option<f64>,
}

/// The file, open for more epochs.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
}

impl Metrics {
    /// Opens the file of a run and drops what lies after `epoch`, torn lines included.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open_after(dir: &Path, epoch: u64) -> Result<Self> {
        let path = dir.join(METRICS);
        let kept: Vec<EpochMetrics> = Self::read(dir)?.into_iter().filter(|m| m.epoch <= epoch).collect();
        write_atomically(&path, |out| kept.iter().try_for_each(|m| writeln!(out, "{}", line(m))))?;
        Ok(Self { path })
    }

    /// Appends an epoch.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn push(&mut self, metrics: &EpochMetrics) -> Result<()> {
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{}\n", line(metrics)).as_bytes()))
            .map_err(|e| Error::io("write", &self.path, e))
    }

    /// Every whole line of a run's file; none where there is no file yet.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(dir: &Path) -> Result<Vec<EpochMetrics>> {
        let path = dir.join(METRICS);
        match std::fs::read_to_string(&path) {
            // A line that does not parse was cut off by a kill; the epoch is trained again.
            Ok(text) => Ok(text.lines().map_while(|l| serde_json::from_str(l).ok()).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Error::run(&path, format!("cannot be read: {e}"))),
        }
    }
}

fn line(metrics: &EpochMetrics) -> String {
    serde_json::to_string(metrics).unwrap_or_default()
}
