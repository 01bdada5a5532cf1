//! Estimates of log p(x), row by row, and their mean with its error.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use crate::eval::statistics::{mean, standard_error};

/// log of a mean of exponentials, a term at a time.
///
/// Terms are added in the order in which they come, in double precision, so
/// that the same terms give the same bits.
#[derive(Clone, Copy, Debug)]
pub struct LogMeanExp {
    largest: f64,
    /// Sum of exp(term - largest), and of its square.
    sum: f64,
    squares: f64,
    terms: usize,
}

impl Default for LogMeanExp {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0, squares: 0.0, terms: 0 }
    }
}

impl LogMeanExp {
    /// Takes a term.
    pub fn push(&mut self, term: f64) {
        self.terms += 1;
        if term == f64::NEG_INFINITY {
            return;
        }
        if term > self.largest {
            let shrink = (self.largest - term).exp();
            self.sum = self.sum * shrink + 1.0;
            self.squares = self.squares * shrink * shrink + 1.0;
            self.largest = term;
        } else {
            let w = (term - self.largest).exp();
            self.sum += w;
            self.squares += w * w;
        }
    }

    /// log (1/K sum exp(term)).
    pub fn value(&self) -> f64 {
        self.largest + self.sum.ln() - (self.terms as f64).ln()
    }

    /// Standard error of [`value`](Self::value) by the delta method: that of
    /// the mean weight over the mean weight. Trust it only where the effective
    /// sample size is well above 1; NaN for a single term.
    pub fn error(&self) -> f64 {
        let k = self.terms as f64;
        let mean = self.sum / k;
        let variance = (self.squares / k - mean * mean).max(0.0);
        (variance / (k - 1.0)).sqrt() / mean
    }

    /// (sum w)^2 / sum w^2, Kish's effective number of samples.
    pub fn effective(&self) -> f64 {
        self.sum * self.sum / self.squares
    }
}

/// log p(x) of many rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The estimate for each row, nats.
    pub log_p: Vec<f64>,
    /// Its Monte Carlo standard error for each row.
    pub error: Vec<f64>,
    /// The evidence lower bound of each row by the same samples.
    pub elbo: Vec<f64>,
    /// Effective number of samples of each row.
    pub effective: Vec<f64>,
    /// The estimate for each row by half as many samples, the mean of both halves; the estimate itself for one sample.
    pub by_half: Vec<f64>,
    /// By how much the nats of model values exceed those in the file's units, for each row; 0 for probabilities.
    pub log_volume: Vec<f64>,
    /// Samples or chains a row.
    pub samples: usize,
    /// Known values of all rows.
    pub values: f64,
}

impl Evidence {
    /// Mean of -log p(x), nats an example, lower is better.
    pub fn nll_nats(&self) -> f64 {
        -mean(&self.log_p)
    }

    /// Standard error of [`nll_nats`](Self::nll_nats) over rows: what another draw of
    /// test rows would change. It contains the Monte Carlo error.
    pub fn nll_se(&self) -> f64 {
        standard_error(&self.log_p)
    }

    /// Standard error of the mean that is due to finitely many samples alone.
    pub fn monte_carlo_se(&self) -> f64 {
        self.error.iter().map(|e| e * e).sum::<f64>().sqrt() / self.error.len().max(1) as f64
    }

    /// How much the estimate rose from half the samples to all of them, nats an example. The estimate is too low by about
    /// as much again where its bias falls as 1/K (Nowozin 2018), and by more where few samples carry the weight. The
    /// errors above know nothing of it.
    pub fn rise_nats(&self) -> f64 {
        mean(&self.log_p) - mean(&self.by_half)
    }

    /// True where the estimate is still rising, or hangs on few samples: then more are needed.
    pub fn is_short(&self) -> bool {
        // What is no number is short as well.
        let enough = self.effective.iter().filter(|n| **n >= 10.0).count();
        !self.rise_nats().le(&0.1) || 2 * enough < self.effective.len()
    }

    /// Mean over rows of the effective number of samples.
    pub fn effective_samples(&self) -> f64 {
        mean(&self.effective)
    }

    /// [`nll_nats`](Self::nll_nats) of the values as the file holds them.
    pub fn nll_stored_nats(&self) -> f64 {
        self.nll_nats() + mean(&self.log_volume)
    }

    /// -log p / log 2 a known value.
    pub fn bits_per_dim(&self) -> f64 {
        self.nll_nats() * self.log_p.len() as f64 / (self.values.max(1.0) * LN_2)
    }

    /// Mean evidence lower bound by the same samples.
    pub fn elbo_nats(&self) -> f64 {
        mean(&self.elbo)
    }

    /// Takes a row's terms, those of its first half and of its second.
    pub(super) fn push(&mut self, weights: &LogMeanExp, halves: &[LogMeanExp; 2], elbo: f64) {
        let known: Vec<f64> = halves.iter().filter(|half| half.terms > 0).map(LogMeanExp::value).collect();
        self.by_half.push(mean(&known));
        self.log_p.push(weights.value());
        self.error.push(weights.error());
        self.effective.push(weights.effective());
        self.elbo.push(elbo);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terms: &[f64]) -> LogMeanExp {
        let mut sum = LogMeanExp::default();
        terms.iter().for_each(|t| sum.push(*t));
        sum
    }

    #[test]
    fn a_mean_of_exponentials_survives_terms_that_f64_cannot_exponentiate() {
        let value = of(&[-5000.0, -5000.0 + 3f64.ln(), f64::NEG_INFINITY]).value();
        assert!((value - (-5000.0 + (4f64 / 3.0).ln())).abs() < 1e-9, "{value}");
    }

    #[test]
    fn equal_terms_have_no_error_and_count_in_full() {
        let sum = of(&[-3.0; 50]);
        assert!(sum.error() < 1e-7 && of(&[1.0]).error().is_nan() && (sum.effective() - 50.0).abs() < 1e-9);
        assert!((of(&[0.0, -800.0]).effective() - 1.0).abs() < 1e-9);
    }
}
