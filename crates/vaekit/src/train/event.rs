//! What training tells while it runs.

use std::path::PathBuf;

use crate::run::EpochMetrics;

/// Something that a progress display or a log may show.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields of an event are named for what they are")]
pub enum TrainEvent {
    /// Before anything that takes long ahead of the first batch.
    Preparing(&'static str),
    /// Once, before the first batch.
    Started {
        dir: PathBuf,
        /// `digits: 28x28 byte images`
        data: String,
        /// Modelled values that are missing.
        missing: usize,
        train_rows: usize,
        valid_rows: usize,
        test_rows: usize,
        /// Trained numbers.
        parameters: usize,
        likelihood: &'static str,
        /// Epochs that a resumed run had done.
        epochs_done: u64,
        epochs: u64,
        batches: usize,
    },
    /// After each batch.
    Batch {
        epoch: u64,
        /// Batches done of the epoch.
        batch: usize,
        loss: f64,
        rate: Option<f64>,
        distortion: f64,
        samples_per_second: f64,
    },
    /// After each epoch.
    Epoch(Box<EpochMetrics>),
    /// Something that the reader of the figures should know.
    Warning(String),
    /// Early stopping ended the run; the best weights are kept.
    StoppedEarly { epoch: u64, best_epoch: u64 },
    /// An interrupt was heard and everything is saved.
    Interrupted { epoch: u64 },
}
