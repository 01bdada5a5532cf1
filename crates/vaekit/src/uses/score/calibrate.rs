//! What a score means beside those of rows that no training saw.

/// Scores of held-out rows, in order.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    sorted: Vec<f64>,
    /// False where training rows stand in for held-out ones, so that p-values are too small.
    pub held_out: bool,
}

/// From which score on a row is an anomaly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// Beyond the upper fence of held-out scores, their third quartile plus three times the distance between the quartiles
    /// (Tukey 1977, "far out").
    Fence,
    /// This share of ordinary rows is above.
    FalseAlarms(f64),
    /// This share of the training data is taken for anomalies.
    Contamination(f64),
}

impl Calibration {
    /// Of the scores of held-out rows.
    pub fn new(mut scores: Vec<f64>, held_out: bool) -> Self {
        scores.sort_by(f64::total_cmp);
        Self { sorted: scores, held_out }
    }

    /// Number of rows behind it.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The conformal p-value of a score: (1 + held-out rows that are as strange) / (1 + held-out rows).
    ///
    /// For a row that is exchangeable with the held-out ones, P(p <= a) <= a for every a, whatever the score (Vovk et al.,
    /// Algorithmic Learning in a Random World, 2005; Bates et al., Annals of Statistics 2023).
    pub fn p_value(&self, score: f64) -> f64 {
        let below = self.sorted.partition_point(|s| *s < score);
        (1 + self.sorted.len() - below) as f64 / (1 + self.sorted.len()) as f64
    }

    /// The score from which on rows are anomalies.
    pub fn threshold(&self, how: Threshold) -> f64 {
        match how {
            Threshold::Fence => {
                let (low, high) = (self.quantile(0.25), self.quantile(0.75));
                high + 3.0 * (high - low)
            }
            Threshold::FalseAlarms(share) | Threshold::Contamination(share) => self.quantile(1.0 - share),
        }
    }

    /// The score below which a share of the held-out rows lies, between two of them in proportion.
    pub fn quantile(&self, share: f64) -> f64 {
        let Some(last) = self.sorted.len().checked_sub(1) else { return f64::INFINITY };
        let at = share.clamp(0.0, 1.0) * last as f64;
        let (low, high) = (self.sorted[at.floor() as usize], self.sorted[at.ceil() as usize]);
        low + (high - low) * (at - at.floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    #[test]
    fn p_values_of_ordinary_rows_are_uniform() {
        let draws = |seed: u64| -> Vec<f64> {
            let ids: Vec<u64> = (0..400).collect();
            Rng::new(seed).normal(Purpose::Builtin, &ids, 1).into_iter().map(f64::from).collect()
        };
        let calibration = Calibration::new(draws(1), true);
        let p: Vec<f64> = draws(2).into_iter().map(|score| calibration.p_value(score)).collect();
        for share in [0.05, 0.25, 0.5, 0.9] {
            let found = p.iter().filter(|p| **p <= share).count() as f64 / p.len() as f64;
            assert!((found - share).abs() < 0.07, "{found} of p-values are at most {share}");
        }
        assert_eq!(calibration.p_value(f64::INFINITY), 1.0 / 401.0);
        assert_eq!(calibration.p_value(f64::NEG_INFINITY), 1.0);
    }

    #[test]
    fn thresholds_are_quantiles_and_fences() {
        let calibration = Calibration::new((0..=100).map(f64::from).collect(), true);
        assert_eq!(calibration.threshold(Threshold::FalseAlarms(0.05)), 95.0);
        assert_eq!(calibration.threshold(Threshold::Fence), 75.0 + 150.0);
    }
}
