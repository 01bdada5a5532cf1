//! The evidence lower bound, with a weight on its KL.

use vaekit_ops::Tensor;

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::estimator::{held, others_mean, score};
use super::{Estimator, KlSchedule, Loss, Objective, Progress, Schedule};

/// value = distortion + beta w(t) KL, which is minimised; for beta = 1 it is
/// -ELBO = -E_q log p(x given z) + KL(q(z given x) || p(z)).
///
/// Kingma & Welling 2014, equation 10; beta from Higgins et al. 2017,
/// equation 4. With free bits f, each latent variable counts max(f, its KL averaged
/// over the batch), a variable of classes as one (Kingma et al. 2016, equation 15); in a hierarchy each
/// group counts max(f D, its own), D its dimensions.
#[derive(Clone, Debug)]
pub struct Elbo {
    /// How the encoder gets its gradient.
    pub estimator: Estimator,
    /// Weight of the KL in the end.
    pub beta: f64,
    /// L, the Monte Carlo samples a row.
    pub samples: usize,
    /// The weight of the KL over time.
    pub schedule: KlSchedule,
    /// Length of the schedule in epochs.
    pub period: f64,
    /// Nats a dimension that cost nothing; 0 for none.
    pub free_bits: f64,
    /// Epochs without KL, after which the prior is put where the codes lie.
    pub pretrain: u64,
}

impl Elbo {
    /// The weight of the KL over training.
    pub fn over_time(&self) -> Schedule {
        Schedule { kind: self.schedule, period: self.period, pretrain: self.pretrain, beta: Some(self.beta) }
    }

    /// The weight of the KL now.
    pub fn weight(&self, progress: Progress) -> f64 {
        self.beta * self.over_time().part(progress.epoch)
    }

    /// The KL as it is charged: `[1]`.
    pub fn charged(&self, terms: &ElboTerms<'_>, rate: &Tensor<1>) -> Tensor<1> {
        if self.free_bits == 0.0 {
            return rate.clone();
        }
        if let Some(each) = terms.kl_of_variables() {
            let d = each.dims()[1];
            return each.mean_dim(0).reshape([d]).clamp_min(self.free_bits).sum();
        }
        let allowed = |group: &Tensor<3>| self.free_bits * group.dims()[2] as f64;
        let by_group = terms.posterior.log_ratios(terms.z()).and_then(|ratios| {
            let each = ratios.into_iter().zip(terms.z());
            each.map(|(ratio, z)| ratio.mean().clamp_min(allowed(z))).reduce(|a, b| a + b)
        });
        // Without a value for each dimension or group the allowance is for all of them.
        by_group.unwrap_or_else(|| rate.clone().clamp_min(terms.z().iter().map(allowed).sum::<f64>()))
    }

    /// distortion + weight KL, as the estimator differentiates it: `[1]`.
    pub(super) fn value(&self, terms: &ElboTerms<'_>, weight: f64) -> Option<Tensor<1>> {
        let b = terms.batch.len();
        match self.estimator {
            Estimator::Reparameterized => {
                let rate = terms.rate()?.mean();
                Some(terms.distortion().mean() + self.charged(terms, &rate).mul_scalar(weight))
            }
            Estimator::Score => {
                let terms = terms.at(held(terms));
                let log_q = terms.log_q_z_given_x();
                let log_joint = terms.log_p_x_given_z.clone() + terms.log_p_z().mul_scalar(weight);
                let f = log_joint.clone() - log_q.clone().mul_scalar(weight);
                let signal = (f.clone() - others_mean(f.clone())).detach();
                let k = f.dims()[0] as f64;
                // The bound's value; q gets the score's gradient alone.
                let bound = (log_joint - log_q.clone().detach().mul_scalar(weight)).mean();
                Some(bound.neg() - score(signal.mul_scalar(1.0 / k), log_q))
            }
            Estimator::StickingTheLanding | Estimator::DoublyReparameterized => {
                let log_w = self.estimator.log_weights(terms);
                let rate = (terms.log_p_x_given_z.clone() - log_w).mean_dim(0).reshape([b]).mean();
                Some(terms.distortion().mean() + self.charged(terms, &rate).mul_scalar(weight))
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
        let weight = self.weight(progress);
        let bound = if terms.is_density { self.value(terms, weight) } else { None };
        let Some(value) = bound else {
            return Loss::new(terms.distortion().mean(), terms);
        };
        Loss::new(value, terms)
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(self.over_time())
    }

    fn is_slope_of_value(&self) -> bool {
        self.estimator == Estimator::Reparameterized
    }
}
