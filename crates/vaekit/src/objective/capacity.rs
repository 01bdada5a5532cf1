//! A KL that is led to a target rather than weighed.

use vaekit_ops::Tensor;

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::{KlSchedule, Loss, Objective, Progress, Schedule};

/// value = distortion + gamma |KL - C(t)|, C rising from 0 over `period` epochs.
///
/// Burgess et al., Understanding disentangling in beta-VAE, 2018, arXiv:1804.03599, equation 8. Where z has class
/// variables they have a capacity of their own (Dupont, JointVAE, NeurIPS 2018, arXiv:1804.00104, equation 7).
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Samples of z a row.
    pub samples: usize,
    /// Weight of the distance from the capacity.
    pub gamma: f64,
    /// Nats at the end.
    pub capacity: f64,
    /// Nats of the class variables at the end, and how many real dimensions stand before them.
    pub classes: Option<(f64, usize)>,
    /// Epochs until the capacity is reached.
    pub period: f64,
}

impl Parameters for Capacity {}

impl Objective for Capacity {
    fn samples(&self) -> usize {
        self.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let done = (progress.epoch / self.period).min(1.0);
        let led = |kl: Tensor<1>, to: f64| (kl - to * done).abs().mul_scalar(self.gamma);
        let per_dim = terms.analytic_kl.as_ref().and_then(|kl| kl.per_dim.clone());
        let charged = match (self.classes, per_dim, terms.rate()) {
            (Some((of_classes, reals)), Some(each), _) => {
                let [b, d] = each.dims();
                let part = |from: usize, n: usize| each.clone().narrow(1, from, n).sum().mul_scalar(1.0 / b as f64);
                led(part(0, reals), self.capacity) + led(part(reals, d - reals), of_classes)
            }
            (_, _, Some(rate)) => led(rate.mean(), self.capacity),
            (_, _, None) => return Loss::new(terms.distortion().mean(), terms),
        };
        Loss::new(terms.distortion().mean() + charged, terms)
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule { kind: KlSchedule::Linear, period: self.period, pretrain: 0, beta: None })
    }
}
