//! The weight of the KL over time.

use serde::{Deserialize, Serialize};

/// A factor between 0 and 1 on the KL, a function of the epochs done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KlSchedule {
    /// Always 1.
    Constant,
    /// From 0 to 1 over `period` epochs, then 1 (Bowman et al. 2016).
    Linear,
    /// In each `period`, from 0 to 1 over its first half, then 1 (Fu et al. 2019, R = 0.5).
    Cyclical,
}

impl KlSchedule {
    /// The words of all of them.
    pub const NAMES: &'static [&'static str] = &["constant", "linear", "cyclical"];

    /// The word that settings and files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Cyclical => "cyclical",
        }
    }

    /// The factor after `epoch` epochs.
    pub fn weight(self, epoch: f64, period: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Linear => (epoch / period).min(1.0),
            Self::Cyclical if epoch.is_infinite() => 1.0,
            Self::Cyclical => (2.0 * (epoch / period).fract()).min(1.0),
        }
    }
}

/// What an objective does with its KL over training, as data: the trainer reports the weight and says when training
/// ended before the schedule did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The shape over time.
    pub kind: KlSchedule,
    /// Length in epochs.
    pub period: f64,
    /// Epochs without KL before it, after which the prior is put where the codes lie.
    pub pretrain: u64,
    /// What the KL is multiplied by in the end; none where the schedule is of something else.
    pub beta: Option<f64>,
}

impl Schedule {
    /// The part of the whole after `epoch` epochs, from 0 to 1.
    pub fn part(&self, epoch: f64) -> f64 {
        match epoch < self.pretrain as f64 {
            true => 0.0,
            false => self.kind.weight(epoch - self.pretrain as f64, self.period),
        }
    }

    /// What the KL is multiplied by after `epoch` epochs.
    pub fn weight(&self, epoch: f64) -> Option<f64> {
        self.beta.map(|beta| beta * self.part(epoch))
    }

    /// True once nothing is held back any more.
    pub fn is_over(&self, epoch: f64) -> bool {
        let epoch = epoch - self.pretrain as f64;
        if epoch <= 0.0 && self.pretrain > 0 {
            return false;
        }
        if epoch.is_infinite() {
            return true;
        }
        // The end of a cycle is also the start of the next, where the weight is 0.
        self.kind.weight(epoch, self.period) >= 1.0 || epoch > 0.0 && (epoch / self.period).fract() == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_over_when_nothing_is_held_back() {
        let schedule = |kind, pretrain| Schedule { kind, period: 10.0, pretrain, beta: Some(4.0) };
        assert!(schedule(KlSchedule::Constant, 0).is_over(0.0));
        assert!(!schedule(KlSchedule::Linear, 0).is_over(9.5) && schedule(KlSchedule::Linear, 0).is_over(10.0));
        // Between two cycles the whole cycle was seen.
        assert!(schedule(KlSchedule::Cyclical, 0).is_over(20.0) && !schedule(KlSchedule::Cyclical, 0).is_over(22.0));
        assert!(!schedule(KlSchedule::Constant, 3).is_over(3.0) && schedule(KlSchedule::Constant, 3).is_over(4.0));
        assert_eq!(
            [0.0, 2.0, 8.0].map(|e| schedule(KlSchedule::Linear, 3).weight(e)),
            [Some(0.0), Some(0.0), Some(2.0)]
        );
    }

    #[test]
    fn weights_at_the_corners() {
        let at = |s: KlSchedule, e| s.weight(e, 10.0);
        assert_eq!([0.0, 5.0, 10.0, 40.0].map(|e| at(KlSchedule::Linear, e)), [0.0, 0.5, 1.0, 1.0]);
        assert_eq!([0.0, 2.5, 5.0, 9.0, 12.5].map(|e| at(KlSchedule::Cyclical, e)), [0.0, 0.5, 1.0, 1.0, 0.5]);
        assert_eq!(at(KlSchedule::Constant, 0.0), 1.0);
    }
}
