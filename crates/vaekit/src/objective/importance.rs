//! Importance-weighted bounds.

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::estimator::{held, score};
use super::{Elbo, Estimator, Loss, Objective, Progress, Schedule};

/// L_K = E log 1/K sum_k w_k, w_k = p(x, z_k) / q(z_k given x), which rises to log p(x) with K.
///
/// Burda et al. 2016, equation 8. Its relatives of Rainforth et al. 2018 (Tighter Variational Bounds are Not
/// Necessarily Better): a mean of M such bounds (MIWAE), that mean for the encoder and one bound of all M K samples
/// for the decoder (PIWAE), and a share of the ELBO beside it (CIWAE).
#[derive(Clone, Debug)]
pub struct ImportanceWeighted {
    /// Estimator, and the ELBO of a share.
    pub elbo: Elbo,
    /// K, samples of a bound.
    pub samples: usize,
    /// M, bounds that are averaged.
    pub groups: usize,
    /// The decoder takes one bound of all samples.
    pub partial: bool,
    /// The share of the ELBO.
    pub share: f64,
}

impl ImportanceWeighted {
    /// The mean over groups and rows of log 1/K sum w, `[1]`. Samples of a group follow each other.
    fn bound(log_w: Tensor<2>, groups: usize) -> Tensor<1> {
        let [all, b] = log_w.dims();
        let k = all / groups;
        let log_w = log_w.reshape([groups, k, b]);
        (density::log_sum_exp(log_w, 1) - (k as f64).ln()).mean()
    }

    /// Normalised weights of each group, without gradient: `[K, B]`.
    fn weights(log_w: &Tensor<2>, groups: usize) -> Tensor<2> {
        let [all, b] = log_w.dims();
        let log_w = log_w.clone().detach().reshape([groups, all / groups, b]);
        density::log_softmax(log_w, 1).exp().reshape([all, b])
    }

    /// A value whose gradient is the estimator's, `[1]`.
    fn estimated(&self, terms: &ElboTerms<'_>, estimator: Estimator) -> Tensor<1> {
        let groups = self.groups;
        match estimator {
            Estimator::Reparameterized => Self::bound(terms.log_weights(), groups),
            Estimator::StickingTheLanding => Self::bound(estimator.log_weights(terms), groups),
            Estimator::DoublyReparameterized => {
                let weights = Self::weights(&terms.log_weights(), groups);
                // Each sample's gradient comes twice through its weight: once by the bound, once here.
                let scaled: Vec<Tensor<3>> = terms
                    .z()
                    .iter()
                    .map(|z| {
                        let [k, b, _] = z.dims();
                        let weights = weights.clone().reshape([k, b, 1]);
                        z.clone().detach() + (z.clone() - z.clone().detach()) * weights
                    })
                    .collect();
                Self::bound(estimator.log_weights(&terms.at(scaled.into())), groups)
            }
            Estimator::Score => {
                let terms = terms.at(held(terms));
                let log_q = terms.log_q_z_given_x();
                let log_w = terms.log_p_x_given_z.clone() + terms.log_p_z() - log_q.clone().detach();
                let signal = left_out(&log_w, groups);
                let own = Self::weights(&log_w, groups);
                // d/dphi of log q inside the weights has its own term beside the score's.
                let inside = score(own.mul_scalar(1.0 / groups as f64).neg(), log_q.clone());
                Self::bound(log_w, groups) + score(signal.mul_scalar(1.0 / groups as f64), log_q) + inside
            }
        }
    }
}

impl ImportanceWeighted {
    /// What is minimised for a bound, with the share of the ELBO in it.
    fn mixed(&self, bound: Tensor<1>, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        match self.elbo.value(terms, self.elbo.weight(progress)) {
            Some(plain) if self.share > 0.0 => plain.mul_scalar(self.share) - bound.mul_scalar(1.0 - self.share),
            _ => bound.neg(),
        }
    }

    /// A value of 0 whose gradient reaches the encoder through z alone: that of the mean of M bounds, doubly
    /// reparameterised, with the decoder left out. `[1]`
    fn of_encoder(&self, terms: &ElboTerms<'_>) -> Tensor<1> {
        let zero = from_vec(vec![0.0], [1], &device::here());
        let Some(q) = terms.posterior.detached() else { return zero };
        let leaves: Vec<Tensor<3>> = terms
            .z()
            .iter()
            .map(|z| from_vec(to_vec(z.clone()), z.dims(), &device::here_training()).require_grad())
            .collect();
        let at = terms.at(leaves.clone().into());
        let log_w = at.log_p_x_given_z.clone() + at.log_p_z() - q.log_q(&at.draws);
        let weights = Self::weights(&log_w, self.groups).square();
        let rows = (terms.batch.len() * self.groups) as f64;
        let mut slopes = (log_w * weights).sum().mul_scalar(1.0 / rows).backward();
        leaves.iter().zip(terms.z()).fold(zero, |sum, (leaf, z)| match leaf.grad_remove(&mut slopes) {
            Some(slope) => {
                let slope = from_vec(to_vec(slope), z.dims(), &device::here());
                sum + ((z.clone() - z.clone().detach()) * slope).sum()
            }
            None => sum,
        })
    }
}

/// The bound less the bound in which a sample's weight is the geometric mean of the others', `[K, B]`
/// (Mnih & Rezende, ICML 2016, equation 10).
fn left_out(log_w: &Tensor<2>, groups: usize) -> Tensor<2> {
    let [all, b] = log_w.dims();
    let k = all / groups;
    let values = to_vec(log_w.clone());
    let mut signal = vec![0f32; all * b];
    for group in 0..groups {
        for row in 0..b {
            let at = |i: usize| (group * k + i) * b + row;
            let w: Vec<f64> = (0..k).map(|i| f64::from(values[at(i)])).collect();
            let bound = |w: &[f64]| {
                let most = w.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                most + (w.iter().map(|v| (v - most).exp()).sum::<f64>() / k as f64).ln()
            };
            let whole = bound(&w);
            let sum: f64 = w.iter().sum();
            for i in 0..k {
                let mut without = w.clone();
                without[i] = if k > 1 { (sum - w[i]) / (k - 1) as f64 } else { 0.0 };
                signal[at(i)] = (whole - bound(&without)) as f32;
            }
        }
    }
    from_vec(signal, [all, b], &device::here())
}

impl Parameters for ImportanceWeighted {}

impl Objective for ImportanceWeighted {
    fn samples(&self) -> usize {
        self.samples * self.groups
    }

    /// Of its share of the ELBO: the bound itself has no KL to weigh.
    fn schedule(&self) -> Option<Schedule> {
        (self.share > 0.0).then(|| self.elbo.over_time())
    }

    /// The bound that the decoder is trained for, by its value alone.
    fn judged(&self, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        let groups = if self.partial { 1 } else { self.groups };
        self.mixed(Self::bound(terms.log_weights(), groups), terms, progress)
    }

    fn caution(&self) -> Option<&'static str> {
        let biased = self.samples > 1 && self.elbo.estimator == Estimator::StickingTheLanding;
        biased.then_some(
            "sticking-the-landing is biased for several importance-weighted samples: the score that it leaves out has no mean \
             of 0 there (Tucker et al. 2019); use --estimator doubly-reparameterized",
        )
    }

    fn is_slope_of_value(&self) -> bool {
        !self.partial && self.elbo.estimator == Estimator::Reparameterized
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let estimator = self.elbo.estimator;
        let bound = match self.partial {
            false => self.estimated(terms, estimator),
            true => {
                let held_terms = terms.at(held(terms));
                let log_w =
                    held_terms.log_p_x_given_z.clone() + held_terms.log_p_z() - held_terms.log_q_z_given_x().detach();
                Self::bound(log_w, 1) + self.of_encoder(terms)
            }
        };
        Loss::new(self.mixed(bound, terms, progress), terms)
    }
}
