//! The KL taken apart: what codes say, how they depend on each other, and where each dimension lies.

use vaekit_ops::{Tensor, density, device, from_vec};

use crate::model::ElboTerms;
use crate::nn::Parameters;

use super::{Elbo, Loss, Objective, Progress, Schedule};

/// How q(z) is estimated from a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// Minibatch-weighted: every row of the batch counts alike (Chen et al. 2018, equation S3).
    Weighted,
    /// Stratified: the row that z came from stands for itself, the others for the rest of the data (equation S6).
    Stratified,
}

/// distortion + alpha I(x; z) + beta TC(z) + gamma sum_d KL(q(z_d) || p(z_d)).
///
/// Chen et al., Isolating Sources of Disentanglement in VAEs, NeurIPS 2018, arXiv:1802.04942, equations 2 and 4. One
/// sample of z a row is used. q must be a diagonal Gaussian.
#[derive(Clone, Debug)]
pub struct TotalCorrelation {
    /// Samples, and the weight of the total correlation.
    pub elbo: Elbo,
    /// Weight of the mutual information of codes and rows.
    pub alpha: f64,
    /// Weight of the KL of single dimensions.
    pub gamma: f64,
    /// How a batch stands for the data.
    pub weighting: Weighting,
    /// Rows of the training data.
    pub rows: usize,
}

impl TotalCorrelation {
    /// log q(z) and log prod_d q(z_d) at each row's sample, `[B]` each.
    fn aggregate(&self, terms: &ElboTerms<'_>) -> Option<(Tensor<1>, Tensor<1>)> {
        let (mean, log_var) = (terms.posterior.mean(), terms.posterior.log_var()?);
        let [b, d] = mean.dims();
        let z = terms.z()[0].clone().narrow(0, 0, 1).reshape([b, 1, d]);
        let row = |t: Tensor<2>| t.reshape([1, b, d]);
        // log q(z_i given x_j), a dimension each: [B, B, D].
        let each = density::gaussian(z, row(mean), row(log_var));
        let log_weight = from_vec(self.log_weights(b), [b, b], &device::here());
        let joint = each.clone().sum_dim(2).reshape([b, b]) + log_weight.clone();
        let log_q = density::log_sum_exp(joint, 1).reshape([b]);
        let log_product = density::log_sum_exp(each + log_weight.reshape([b, b, 1]), 1).sum_dim(2).reshape([b]);
        Some((log_q, log_product))
    }

    /// log of the weight of row j in the estimate at sample i, `[B, B]`.
    fn log_weights(&self, b: usize) -> Vec<f32> {
        let (n, b_f) = (self.rows.max(b) as f64, b as f64);
        match self.weighting {
            Weighting::Weighted => vec![-(n * b_f).ln() as f32; b * b],
            Weighting::Stratified => {
                let others = b_f - 1.0;
                let rest = (n - others) / (n * others.max(1.0));
                let weight = |i: usize, j: usize| match (j + b - i) % b {
                    0 => 1.0 / n,
                    1 => rest,
                    _ => 1.0 / others.max(1.0),
                };
                (0..b * b).map(|at| weight(at / b, at % b).ln() as f32).collect()
            }
        }
    }
}

impl Parameters for TotalCorrelation {}

impl Objective for TotalCorrelation {
    fn pairs(&self) -> usize {
        64
    }

    fn least_rows(&self) -> usize {
        2
    }

    fn samples(&self) -> usize {
        self.elbo.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let Some((log_q, log_product)) = self.aggregate(terms) else {
            return self.elbo.loss(terms, progress);
        };
        let b = terms.batch.len();
        let first = |t: Tensor<2>| t.narrow(0, 0, 1).reshape([b]);
        let (log_q_given_x, log_p) = (first(terms.log_q_z_given_x()), first(terms.log_p_z()));
        let information = (log_q_given_x - log_q.clone()).mean();
        let correlation = (log_q - log_product.clone()).mean();
        let dimensions = (log_product - log_p).mean();
        let value = terms.distortion().mean()
            + information.mul_scalar(self.alpha)
            + correlation.mul_scalar(self.elbo.weight(progress))
            + dimensions.mul_scalar(self.gamma);
        Loss::new(value, terms)
    }

    fn schedule(&self) -> Option<Schedule> {
        self.elbo.schedule()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Estimator, KlSchedule};

    #[test]
    fn weights_of_a_sample_sum_to_one_over_the_data() {
        let elbo = Elbo {
            estimator: Estimator::Reparameterized,
            beta: 1.0,
            samples: 1,
            schedule: KlSchedule::Constant,
            period: 1.0,
            free_bits: 0.0,
            pretrain: 0,
        };
        let of = |weighting| TotalCorrelation { elbo: elbo.clone(), alpha: 1.0, gamma: 1.0, weighting, rows: 100 };
        let stratified = of(Weighting::Stratified).log_weights(5);
        for row in stratified.chunks(5) {
            let sum: f64 = row.iter().map(|w| f64::from(*w).exp()).sum();
            // 1/N + (N - M)/(N M) + (M - 1)/M with M = B - 1 others.
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        }
        assert!(of(Weighting::Weighted).log_weights(5).iter().all(|w| (f64::from(*w) + 500f64.ln()).abs() < 1e-6));
    }
}
