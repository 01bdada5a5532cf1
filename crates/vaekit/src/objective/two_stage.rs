//! Two evidence lower bounds, the second on the codes of the first.

use crate::model::ElboTerms;
use crate::model::prior::StandardNormal;
use crate::nn::Parameters;

use super::{Elbo, Loss, Objective, Progress, Schedule};

/// value = distortion + beta KL(q(z1 given x) || N(0, I)) + E [log q(z2 given z1) - log p(z2) - log p(z1 given z2)],
/// with z1 held in the last term. The bound that is reported is that of both stages as one model,
/// p(z2) p(z1 given z2) p(x given z1), from which samples come.
///
/// Dai & Wipf, ICLR 2019, arXiv:1903.05789, section 3; both stages are trained at once here.
#[derive(Clone, Debug)]
pub struct TwoStage(pub Elbo);

impl Parameters for TwoStage {}

impl Objective for TwoStage {
    fn samples(&self) -> usize {
        self.0.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let latent = terms.z()[0].dims()[2];
        let weight = self.0.weight(progress);
        let mut value = terms.distortion().mean();
        if let Some(kl) = terms.posterior.kl(&StandardNormal::new(latent)) {
            value = value + kl.total.mean().mul_scalar(weight);
        }
        let held = vec![terms.z()[0].clone().detach(), terms.z()[1].clone()];
        let joint = terms.prior.log_prob(&held);
        if let Some(log_q) = terms.posterior.log_prob_of_upper(&held) {
            value = value + (log_q - joint).mean();
        }
        Loss::new(value, terms)
    }

    fn is_slope_of_value(&self) -> bool {
        false
    }

    fn schedule(&self) -> Option<Schedule> {
        self.0.schedule()
    }
}
