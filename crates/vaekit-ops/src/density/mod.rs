//! Log-densities and divergences, normalised, in nats.
//!
//! Each function is elementwise and leaves sums to its caller, so that one
//! definition serves training, scoring per column and coding.

mod bounded;
mod counts;

pub use bounded::{
    categorical, continuous_bernoulli, continuous_bernoulli_logit, continuous_bernoulli_mean, discretized_logistic,
    log_softmax, log_sum_exp,
};
pub use counts::{
    ln_gamma, negative_binomial, poisson, standard_laplace, standard_log_cosh, standard_student, zero_inflated,
};

use std::f64::consts::PI;

use burn::tensor::Tensor;

use crate::softplus;

/// log(2 pi), the constant that Gaussian log-densities keep.
pub fn log_two_pi() -> f64 {
    (2.0 * PI).ln()
}

/// log Bernoulli(x; sigmoid(logit)) = x l - log(1 + e^l).
///
/// At x in {0, 1} this is a probability mass. In between it is the usual
/// cross-entropy, which is no likelihood of x.
///
/// # Shapes
/// `x` broadcasts against `logits`.
pub fn bernoulli<const D: usize>(x: Tensor<D>, logits: Tensor<D>) -> Tensor<D> {
    x * logits.clone() - softplus(logits)
}

/// log N(x; mean, exp(log_var)) = -1/2 (log 2 pi + log_var + (x - mean)^2 / exp(log_var)).
///
/// # Shapes
/// All three broadcast against each other.
pub fn gaussian<const D: usize>(x: Tensor<D>, mean: Tensor<D>, log_var: Tensor<D>) -> Tensor<D> {
    let scaled = (x - mean).square() * log_var.clone().neg().exp();
    (scaled + log_var + log_two_pi()).mul_scalar(-0.5)
}

/// log N(x; mean, 1): the squared error up to the factor 1/2 and the constant.
pub fn unit_gaussian<const D: usize>(x: Tensor<D>, mean: Tensor<D>) -> Tensor<D> {
    ((x - mean).square() + log_two_pi()).mul_scalar(-0.5)
}

/// KL(N(m, e^v) || N(pm, e^pv)) for each dimension:
/// 1/2 (pv - v + (e^v + (m - pm)^2) / e^pv - 1).
///
/// # Shapes
/// The prior's tensors broadcast against the posterior's.
pub fn gaussian_kl<const D: usize>(
    mean: Tensor<D>,
    log_var: Tensor<D>,
    prior_mean: Tensor<D>,
    prior_log_var: Tensor<D>,
) -> Tensor<D> {
    let spread = (log_var.clone().exp() + (mean - prior_mean).square()) * prior_log_var.clone().neg().exp();
    (spread + prior_log_var - log_var - 1.0).mul_scalar(0.5)
}

/// KL(N(m, e^v) || N(0, 1)) for each dimension: 1/2 (m^2 + e^v - v - 1).
///
/// Kingma & Welling 2014, appendix B.
pub fn standard_normal_kl<const D: usize>(mean: Tensor<D>, log_var: Tensor<D>) -> Tensor<D> {
    (mean.square() + log_var.clone().exp() - log_var - 1.0).mul_scalar(0.5)
}

/// z = mean + exp(log_var / 2) eps.
///
/// # Shapes
/// `mean` and `log_var` broadcast against `eps`.
pub fn reparameterize<const D: usize>(mean: Tensor<D>, log_var: Tensor<D>, eps: Tensor<D>) -> Tensor<D> {
    eps * log_var.mul_scalar(0.5).exp() + mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{cpu, from_vec, scalar, to_vec};

    fn one(v: f32) -> Tensor<1> {
        from_vec(vec![v], [1], &cpu())
    }

    #[test]
    fn gaussian_constants_agree_with_hand_worked_values() {
        // log N(0; 0, 1) = -log(2 pi)/2.
        assert!((scalar(unit_gaussian(one(0.0), one(0.0))) + 0.918_938_5).abs() < 1e-6);
        // log N(3; 1, 4) = -(log 2 pi + log 4 + 1)/2.
        let got = scalar(gaussian(one(3.0), one(1.0), one(4f32.ln())));
        assert!((got + 2.112_085_7).abs() < 1e-6, "{got}");
    }

    #[test]
    fn kl_agrees_with_hand_worked_values() {
        // m = 1, variance 4: (1 + 4 - log 4 - 1)/2 = 1.306852819.
        assert!((scalar(standard_normal_kl(one(1.0), one(4f32.ln()))) - 1.306_852_8).abs() < 1e-6);
        assert_eq!(scalar(standard_normal_kl(one(0.0), one(0.0))), 0.0);
        // N(1, 4) from N(-1, 9): (log 9/4 + (4 + 4)/9 - 1)/2 = 0.349909553.
        let got = scalar(gaussian_kl(one(1.0), one(4f32.ln()), one(-1.0), one(9f32.ln())));
        assert!((got - 0.349_909_6).abs() < 1e-6, "{got}");
    }

    #[test]
    fn bernoulli_masses_sum_to_one_and_survive_extreme_logits() {
        for logit in [-8.0f32, -0.5, 0.0, 3.0] {
            let total = scalar(bernoulli(one(0.0), one(logit))).exp() + scalar(bernoulli(one(1.0), one(logit))).exp();
            assert!((total - 1.0).abs() < 1e-6, "{total} at {logit}");
        }
        assert_eq!(to_vec(bernoulli(one(1.0), one(500.0))), [0.0]);
        assert_eq!(to_vec(bernoulli(one(0.0), one(500.0))), [-500.0]);
    }
}
