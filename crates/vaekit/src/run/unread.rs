//! Settings that nothing would look at are refused: who gives one expects it to do something.

use std::path::Path;

use crate::data::{READERS, reader_of};
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
        let reader = if path.exists() { reader_of(path).ok() } else { None };
        let given = [
            ("size", self.size.is_some()),
            ("key", self.key.is_some()),
            ("columns", !self.columns.is_empty()),
            ("label_column", self.label_column.is_some()),
            ("condition", !self.condition.is_empty()),
            ("id_column", self.id_column.is_some()),
            ("missing", !self.missing.is_empty()),
        ];
        let unread = |key: &str| reader.is_none_or(|reader| !reader.settings.contains(&key));
        match given.iter().find(|(key, given)| *given && unread(key)) {
            Some((key, _)) => {
                let of: Vec<&str> = READERS.iter().filter(|r| r.settings.contains(key)).map(|r| r.name).collect();
                let problem = format!("says how to read {}, and '{}' is none; leave it out", of.join(", "), self.data);
                Err(Error::setting(key, problem))
            }
            None => Ok(()),
        }
    }
}

/// Choices as settings name them.
fn names(all: &[impl std::fmt::Debug]) -> String {
    all.iter().map(|choice| format!("{choice:?}").to_lowercase()).collect::<Vec<_>>().join(", ")
}
