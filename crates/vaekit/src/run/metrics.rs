//! `metrics.jsonl`: an object an epoch.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::eval::Figures;
use crate::{Error, Result};

use super::{METRICS, must_be_file, open_in_place, write_atomically};

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
    /// Opens the file of a run and drops what lies after `epoch`. The second is what a person should know: lines that are
    /// damaged are left out, and epochs that have no line are named.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open_after(dir: &Path, epoch: u64) -> Result<(Self, Option<String>)> {
        let path = dir.join(METRICS);
        let mut kept = Self::read(dir)?;
        kept.retain(|m| (1..=epoch).contains(&m.epoch));
        // They are in order, each epoch once.
        let missing = epoch - kept.len() as u64;
        let first = kept.iter().zip(1..).find(|(m, e)| m.epoch != *e).map_or(kept.len() as u64 + 1, |(_, e)| e);
        write_atomically(&path, |out| kept.iter().try_for_each(|m| writeln!(out, "{}", line(m))))?;
        let told = (missing > 0).then(|| {
            format!(
                "{}: no readable line for {missing} of {epoch} epochs (first: epoch {first}), so that curves have gaps there; \
                 {} lines are kept",
                path.display(),
                kept.len()
            )
        });
        Ok((Self { path }, told))
    }

    /// Appends an epoch.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn push(&mut self, metrics: &EpochMetrics) -> Result<()> {
        open_in_place(&self.path, OpenOptions::new().append(true))
            .and_then(|mut file| file.write_all(format!("{}\n", line(metrics)).as_bytes()))
            .map_err(|e| Error::io("write", &self.path, e))
    }

    /// Waits until what was appended is on disk, before a checkpoint is that says it happened.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn sync(&self) -> Result<()> {
        let file = open_in_place(&self.path, OpenOptions::new().append(true));
        file.and_then(|file| file.sync_all()).map_err(|e| Error::io("write", &self.path, e))
    }

    /// The lines of a run's file that can be read, in the order of their epochs; none where there is no file yet.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(dir: &Path) -> Result<Vec<EpochMetrics>> {
        let path = dir.join(METRICS);
        must_be_file(&path)?;
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::run(&path, format!("cannot be read: {e}"))),
        };
        // A line that does not parse was cut off by a kill or damaged; the others still tell.
        let lines = bytes.split(|b| *b == b'\n');
        let mut all: Vec<EpochMetrics> = lines.filter_map(|l| serde_json::from_slice(l).ok()).collect();
        all.sort_by_key(|m| m.epoch);
        all.dedup_by_key(|m| m.epoch);
        Ok(all)
    }
}

fn line(metrics: &EpochMetrics) -> String {
    serde_json::to_string(metrics).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u64) -> EpochMetrics {
        let train =
            TrainFigures { loss: 1.0, elbo_nats: None, rate_nats: None, distortion_nats: 1.0, perceptual: None };
        let (seconds, samples_per_second, lr) = (1.0, 1.0, 1e-3);
        EpochMetrics {
            epoch,
            step: epoch,
            seconds,
            samples_per_second,
            lr,
            kl_weight: None,
            train,
            valid: None,
            valid_loss: None,
        }
    }

    #[test]
    fn a_damaged_line_costs_itself_alone_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (mut metrics, told) = Metrics::open_after(dir.path(), 0).unwrap();
        assert_eq!(told, None);
        (1..=5).for_each(|e| metrics.push(&epoch(e)).unwrap());
        metrics.sync().unwrap();
        let path = dir.path().join(METRICS);
        let mut bytes = std::fs::read(&path).unwrap();
        let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        bytes[second + 3] = 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let epochs = |dir: &Path| Metrics::read(dir).unwrap().iter().map(|m| m.epoch).collect::<Vec<u64>>();
        assert_eq!(epochs(dir.path()), [1, 3, 4, 5]);
        let (_, told) = Metrics::open_after(dir.path(), 4).unwrap();
        assert!(told.is_some_and(|told| told.contains("1 of 4 epochs (first: epoch 2)")));
        assert_eq!(epochs(dir.path()), [1, 3, 4]);
    }
}
