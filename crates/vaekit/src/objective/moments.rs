//! Codes whose covariance over the data is kept near the identity.

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::{Elbo, Loss, Objective, Progress, Schedule};

/// value = -ELBO + off sum_(i != j) C_ij^2 + diagonal sum_i (C_ii - 1)^2.
///
/// Kumar, Sattigeri & Balakrishnan, DIP-VAE, ICLR 2018, arXiv:1711.00848, equations 6 and 7: C is the covariance of
/// the posterior means over the batch (I), or of the codes, with the mean of the posterior variances added (II).
#[derive(Clone, Debug)]
pub struct Moments {
    /// The bound beside the moments.
    pub elbo: Elbo,
    /// Weight of the covariances.
    pub off_diagonal: f64,
    /// Weight of the distance of variances from 1.
    pub diagonal: f64,
    /// True for DIP-VAE-II.
    pub of_codes: bool,
}

impl Parameters for Moments {}

impl Objective for Moments {
    fn least_rows(&self) -> usize {
        2
    }

    fn samples(&self) -> usize {
        self.elbo.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let mean = terms.posterior.mean();
        let [b, d] = mean.dims();
        let centred = mean.clone() - mean.mean_dim(0);
        let mut covariance = centred.clone().transpose().matmul(centred).mul_scalar(1.0 / b as f64); // [D, D]
        let eye = from_vec((0..d * d).map(|i| f32::from(i / d == i % d)).collect(), [d, d], &device::here());
        if let Some(log_var) = terms.posterior.log_var().filter(|_| self.of_codes) {
            covariance = covariance + log_var.exp().mean_dim(0) * eye.clone();
        }
        let off = (covariance.clone() * (eye.clone().neg() + 1.0)).square().sum();
        let on: Tensor<1> = ((covariance - eye.clone()) * eye).square().sum();
        let loss = self.elbo.loss(terms, progress);
        let value = loss.value.clone() + off.mul_scalar(self.off_diagonal) + on.mul_scalar(self.diagonal);
        Loss { value, ..loss }
    }

    fn schedule(&self) -> Option<Schedule> {
        self.elbo.schedule()
    }
}
