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
            Self::Cyclical => (2.0 * (epoch / period).fract()).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_at_the_corners() {
        let at = |s: KlSchedule, e| s.weight(e, 10.0);
        assert_eq!([0.0, 5.0, 10.0, 40.0].map(|e| at(KlSchedule::Linear, e)), [0.0, 0.5, 1.0, 1.0]);
        assert_eq!([0.0, 2.5, 5.0, 9.0, 12.5].map(|e| at(KlSchedule::Cyclical, e)), [0.0, 0.5, 1.0, 1.0, 0.5]);
        assert_eq!(at(KlSchedule::Constant, 0.0), 1.0);
    }
}
