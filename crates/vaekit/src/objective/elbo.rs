//! The evidence lower bound, with a weight on its KL.

use vaekit_ops::Tensor;

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::{KlSchedule, Loss, Objective, Progress};

/// value = distortion + beta w(t) KL, which is minimised; for beta = 1 it is
/// -ELBO = -E_q log p(x given z) + KL(q(z given x) || p(z)).
///
/// Kingma & Welling 2014, equation 10; beta from Higgins et al. 2017,
/// equation 4. With free bits f, each dimension counts max(f, its KL averaged
/// over the batch) (Kingma et al. 2016, equation 15).
#[derive(Clone, Debug)]
pub struct Elbo {
    pub beta: f64,
    /// L, the Monte Carlo samples a row.
    pub samples: usize,
    pub schedule: KlSchedule,
    /// Length of the schedule in epochs.
    pub period: f64,
    /// Nats a dimension that cost nothing; 0 for none.
    pub free_bits: f64,
}

impl Elbo {
    /// The KL as it is charged: `[1]`.
    fn charged(&self, terms: &ElboTerms<'_>, rate: &Tensor<1>) -> Tensor<1> {
        if self.free_bits == 0.0 {
            return rate.clone();
        }
        match terms.analytic_kl.as_ref().and_then(|kl| kl.per_dim.clone()) {
            Some(per_dim) => {
                let d = per_dim.dims()[1];
                per_dim.mean_dim(0).reshape([d]).clamp_min(self.free_bits).sum()
            }
            // Without a value for each dimension the allowance is for all of them.
            None => {
                let dims: usize = terms.z().iter().map(|group| group.dims()[2]).sum();
                rate.clone().clamp_min(self.free_bits * dims as f64)
            }
        }
    }
}

impl Parameters for Elbo {}

impl Objective for Elbo {
    fn samples(&self) -> usize {
        self.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let distortion = terms.distortion().mean();
        let Some(rate) = terms.rate().map(Tensor::mean) else {
            return Loss::new(distortion, terms);
        };
        let weight = self.beta * self.schedule.weight(progress.epoch, self.period);
        Loss {
            value: distortion.clone() + self.charged(terms, &rate).mul_scalar(weight),
            elbo: Some((distortion.clone() + rate.clone()).neg()),
            distortion,
            rate: Some(rate),
            parts: vec![("kl_weight", weight)],
            own: None,
        }
    }

    fn is_warm(&self, epoch: f64) -> bool {
        // The end of a cycle is also the start of the next, where the weight is 0.
        self.schedule.weight(epoch, self.period) >= 1.0 || epoch > 0.0 && (epoch / self.period).fract() == 0.0
    }
}
