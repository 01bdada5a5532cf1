//! Settings that nothing would look at are refused: who gives one expects it to do something.

use std::path::Path;

use crate::data::public;
use crate::{Error, Result};

use super::config::{LrSchedule, Optimizer, TrainConfig};

impl LrSchedule {
    /// True where `lr_epochs` says how long it lasts.
    pub(super) fn reads_lr_epochs(self) -> bool {
        matches!(self, Self::Cosine | Self::Step | Self::Stages)
    }
}

impl TrainConfig {
    /// Refuses settings of the trainer and of reading that have no effect beside the others.
    ///
    /// # Errors
    /// The first of them, and what looks at it.
    pub(super) fn all_read(&self) -> Result<()> {
        let plain = Self::default();
        use LrSchedule::{Cosine, Exponential, Plateau, Stages, Step};
        use Optimizer::{Adam, AdamW, Sgd};
        let by_optimizer =
            |key, given, of: &[Optimizer]| (key, given && !of.contains(&self.optimizer), "--optimizer", names(of));
        let by_schedule =
            |key, given, of: &[LrSchedule]| (key, given && !of.contains(&self.lr_schedule), "--lr-schedule", names(of));
        let idle = [
            by_optimizer("momentum", self.momentum != plain.momentum, &[Sgd]),
            by_optimizer("epsilon", self.epsilon != plain.epsilon, &[Adam, AdamW]),
            by_schedule("lr_factor", self.lr_factor != plain.lr_factor, &[Step, Exponential, Plateau]),
            by_schedule("lr_patience", self.lr_patience != plain.lr_patience, &[Plateau]),
            by_schedule("lr_min", self.lr_min != plain.lr_min, &[Cosine, Step, Exponential, Plateau, Stages]),
            by_schedule("lr_epochs", self.lr_epochs != 0, &[Cosine, Step, Stages]),
        ];
        if let Some((key, _, by, readers)) = idle.iter().find(|(_, idle, ..)| *idle) {
            return Err(Error::setting(key, format!("only goes with {by} {readers}; leave it out")));
        }
        self.all_of_reading()
    }

    /// Refuses ways of reading that the data does not have.
    fn all_of_reading(&self) -> Result<()> {
        let path = Path::new(&self.data);
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let is = |wanted: &str| extension == wanted && path.exists();
        let given = [
            ("size", self.size.is_some(), path.is_dir() && !public::is_idx_folder(path), "a folder of pictures"),
            ("key", self.key.is_some(), is("npz"), "an npz archive"),
            ("columns", !self.columns.is_empty(), is("csv"), "a csv table"),
            ("label_column", self.label_column.is_some(), is("csv"), "a csv table"),
        ];
        match given.iter().find(|(_, given, fits, _)| *given && !fits) {
            Some((key, _, _, of)) => {
                Err(Error::setting(key, format!("says how to read {of}, and '{}' is none; leave it out", self.data)))
            }
            None => Ok(()),
        }
    }
}

/// Choices as settings name them.
fn names(all: &[impl std::fmt::Debug]) -> String {
    all.iter().map(|choice| format!("{choice:?}").to_lowercase()).collect::<Vec<_>>().join(", ")
}
