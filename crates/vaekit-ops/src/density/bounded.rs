//! Densities and masses of values from 0 to 1, bytes included.

use burn::tensor::{Tensor, activation};

use crate::softplus;

/// log of the continuous Bernoulli's density with logit l on [0, 1]:
/// x l - A(l), A(l) = log((e^l - 1) / l).
///
/// Loaiza-Ganem & Cunningham 2019; their normalising constant is 1 / ((e^l - 1)/l) times
/// (1 + e^l), written so that nothing cancels.
///
/// # Shapes
/// `x` broadcasts against `logits`.
pub fn continuous_bernoulli<const D: usize>(x: Tensor<D>, logits: Tensor<D>) -> Tensor<D> {
    x * logits.clone() - log_normalizer(logits)
}

/// Where the series takes over from the closed form.
const SMALL: f32 = 0.5;

/// A(l) = log((e^l - 1) / l) = l/2 + log(sinh(l/2) / (l/2)).
fn log_normalizer<const D: usize>(l: Tensor<D>) -> Tensor<D> {
    let small = l.clone().abs().lower_elem(SMALL);
    let far = |v: Tensor<D>| v.mask_fill(small.clone(), SMALL);
    let size = far(l.clone().abs());
    let large = size.clone().mul_scalar(0.5) + (size.clone().neg().exp().neg() + 1.0).log() - size.log();
    let near = l.clone().clamp(-SMALL, SMALL).square();
    // l^2/24 - l^4/2880 + l^6/181440
    let series = near.clone() * (near.clone() * (near.mul_scalar(1.0 / 181_440.0) - 1.0 / 2880.0) + 1.0 / 24.0);
    large.mask_where(small, series) + l.mul_scalar(0.5)
}

/// The mean of the continuous Bernoulli, A'(l) = 1 / (1 - e^-l) - 1 / l.
pub fn continuous_bernoulli_mean(l: f32) -> f32 {
    let l = f64::from(l);
    let mean = match l.abs() < 1e-2 {
        true => 0.5 + l / 12.0,
        false => 1.0 / -(-l).exp_m1() - 1.0 / l,
    };
    mean as f32
}

/// The logit whose mean is `mean`, by bisection.
pub fn continuous_bernoulli_logit(mean: f32) -> f32 {
    let (mut low, mut high) = (-1e3f32, 1e3f32);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if continuous_bernoulli_mean(middle) < mean { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Steps between 0 and 1 that a byte has.
const LEVELS: f64 = 255.0;

/// log of the mass that a logistic distribution puts on the byte x = k/255:
/// log(F(x + 1/510) - F(x - 1/510)), the tails counted to 0 and 255.
///
/// Kingma et al. 2016, appendix; Salimans et al. 2017, equation 2. By
/// s(a) - s(b) = s(a) s(-b) (1 - e^(b-a)) it stays exact far from the mean.
///
/// # Shapes
/// All broadcast against each other; `log_scale` is the logarithm of the scale.
pub fn discretized_logistic<const D: usize>(x: Tensor<D>, mean: Tensor<D>, log_scale: Tensor<D>) -> Tensor<D> {
    let inverse = log_scale.neg().exp();
    let centred = x.clone() - mean;
    let above = (centred.clone() + 0.5 / LEVELS) * inverse.clone();
    let below = (centred - 0.5 / LEVELS) * inverse.clone();
    let log_below_top = softplus(above.neg()).neg(); // log s(above)
    let log_above_bottom = softplus(below).neg(); // log s(-below)
    // 1 - e^(b - a), whose argument is minus the width of a step in scales.
    let width = inverse.mul_scalar(1.0 / LEVELS);
    let between = (width.neg().exp().neg() + 1.0).clamp_min(1e-30).log();
    let shape = (log_below_top.clone() + log_above_bottom.clone() + between.clone()).dims();
    let x = x.expand(shape);
    let inside = log_below_top.clone() + log_above_bottom.clone() + between;
    inside
        .mask_where(x.clone().lower_elem(0.5 / LEVELS), log_below_top.expand(shape))
        .mask_where(x.greater_elem(1.0 - 0.5 / LEVELS), log_above_bottom.expand(shape))
}

/// log p of each byte under a softmax over 256 levels.
///
/// # Shapes
/// `x`: `[B, X]`, values k/255; `logits`: `[K, B, 256, X]`; result: `[K, B, X]`.
pub fn categorical(x: Tensor<2>, logits: Tensor<4>) -> Tensor<3> {
    let [k, b, _, width] = logits.dims();
    let index = (x * LEVELS).round().int().reshape([1, b, 1, width]).expand([k, b, 1, width]);
    activation::log_softmax(logits, 2).gather(2, index).reshape([k, b, width])
}

/// log sum exp over a dimension, which stays with size 1.
pub fn log_sum_exp<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    let most = x.clone().detach().max_dim(dim);
    (x - most.clone()).exp().sum_dim(dim).log() + most
}

/// log softmax over a dimension.
pub fn log_softmax<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    activation::log_softmax(x, dim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{cpu, cpu_training, from_vec, to_vec};

    #[test]
    fn a_continuous_bernoulli_has_mass_one_and_its_mean() {
        let n = 20_001;
        let xs: Vec<f32> = (0..n).map(|i| i as f32 / (n - 1) as f32).collect();
        for l in [-30.0f32, -3.0, -0.49, 0.0, 0.2, 0.51, 9.0] {
            let p = to_vec(continuous_bernoulli(from_vec(xs.clone(), [n], &cpu()), from_vec(vec![l; n], [n], &cpu())));
            let weight = |i: usize| if i == 0 || i == n - 1 { 0.5 } else { 1.0 } / (n - 1) as f64;
            let p: Vec<f64> = p.iter().enumerate().map(|(i, v)| f64::from(*v).exp() * weight(i)).collect();
            let mean: f64 = p.iter().zip(&xs).map(|(p, x)| p * f64::from(*x)).sum();
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{l}: {}", p.iter().sum::<f64>());
            assert!((mean - f64::from(continuous_bernoulli_mean(l))).abs() < 1e-5, "{l}: {mean}");
            let back = continuous_bernoulli_logit(continuous_bernoulli_mean(l));
            assert!((back - l).abs() < 0.02 * (1.0 + l.abs()), "{l}: {back}");
        }
    }

    #[test]
    fn the_slope_of_the_normalizer_is_the_mean_on_both_sides_of_the_seam() {
        for l in [-40.0f32, -0.6, -0.4, 0.0, 0.3, 0.7, 20.0] {
            let t = from_vec(vec![l], [1], &cpu_training()).require_grad();
            let slope = to_vec(t.grad(&log_normalizer(t.clone()).sum().backward()).unwrap())[0];
            assert!((slope - continuous_bernoulli_mean(l)).abs() < 2e-5, "{l}: {slope}");
        }
    }

    #[test]
    fn the_bytes_of_a_discretized_logistic_sum_to_one() {
        let xs: Vec<f32> = (0..256).map(|k| k as f32 / 255.0).collect();
        for (mean, log_scale) in [(0.5f32, -2.0f32), (0.0, -5.0), (1.3, -1.0), (0.7, -7.0), (-2.0, 1.0)] {
            let all = |v: f32| from_vec(vec![v; 256], [256], &cpu());
            let p = to_vec(discretized_logistic(from_vec(xs.clone(), [256], &cpu()), all(mean), all(log_scale)));
            let total: f64 = p.iter().map(|v| f64::from(*v).exp()).sum();
            assert!((total - 1.0).abs() < 1e-4, "{mean} {log_scale}: {total}");
            assert!(p.iter().all(|v| v.is_finite()));
        }
    }
}
