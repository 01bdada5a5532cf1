//! Masses of counts, and heavy-tailed densities: what needs the gamma function.

use std::f64::consts::PI;

use burn::tensor::Tensor;

use super::log_two_pi;
use crate::softplus;

/// Steps that move an argument to where the series holds.
const SHIFT: usize = 8;

/// log Gamma(x) for x > 0, by Stirling's series at x + 8:
/// (x - 1/2) log x - x + 1/2 log 2 pi + 1/(12 x) - 1/(360 x^3) + 1/(1260 x^5).
pub fn ln_gamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // One product of few factors at a time: its logarithm is cheaper than theirs.
    let first = x.clone() * (x.clone() + 1.0) * (x.clone() + 2.0) * (x.clone() + 3.0);
    let second = (x.clone() + 4.0) * (x.clone() + 5.0) * (x.clone() + 6.0) * (x.clone() + 7.0);
    let far = x + SHIFT as f64;
    let inverse = far.clone().recip();
    let square = inverse.clone().square();
    let tail = inverse * (square.clone() * (square.mul_scalar(1.0 / 1260.0) - 1.0 / 360.0) + 1.0 / 12.0);
    let main = (far.clone() - 0.5) * far.clone().log() - far + 0.5 * log_two_pi();
    main + tail - first.log() - second.log()
}

/// log Poisson(x; e^l) = x l - e^l - log x!.
///
/// # Shapes
/// `x` broadcasts against `log_rate`.
pub fn poisson<const D: usize>(x: Tensor<D>, log_rate: Tensor<D>) -> Tensor<D> {
    x.clone() * log_rate.clone() - log_rate.exp() - ln_gamma(x + 1.0)
}

/// log of the negative binomial with mean m = e^l and inverse dispersion r = e^d:
/// log Gamma(x + r) - log Gamma(r) - log x! + r log(r / (r + m)) + x log(m / (r + m)).
///
/// Its variance is m + m^2 / r.
///
/// # Shapes
/// All broadcast against each other.
pub fn negative_binomial<const D: usize>(x: Tensor<D>, log_mean: Tensor<D>, log_inverse: Tensor<D>) -> Tensor<D> {
    let r = log_inverse.clone().exp();
    // log(m / (r + m)) = -softplus(d - l), log(r / (r + m)) = -softplus(l - d)
    let gap = log_mean - log_inverse;
    let choose = ln_gamma(x.clone() + r.clone()) - ln_gamma(r.clone()) - ln_gamma(x.clone() + 1.0);
    choose - r * softplus(gap.clone()) - x * softplus(gap.neg())
}

/// The same with a share s(z) of the rows forced to 0 (zero-inflated): log(s(z) [x = 0] + s(-z) NB(x)).
///
/// # Shapes
/// All broadcast against each other.
pub fn zero_inflated<const D: usize>(x: Tensor<D>, zero_logit: Tensor<D>, log_mass: Tensor<D>) -> Tensor<D> {
    let (forced, free) = (softplus(zero_logit.clone().neg()).neg(), softplus(zero_logit).neg() + log_mass);
    let shape = free.dims();
    // log(e^forced + e^free), the larger taken out.
    let gap = free.clone() - forced.clone();
    let at_zero = forced.clone() + softplus(gap);
    free.mask_where(x.expand(shape).lower_elem(0.5), at_zero)
}

/// log of the Laplace density at (x - mean) / scale = z: -|z| - log 2, for scale 1.
pub fn standard_laplace<const D: usize>(z: Tensor<D>) -> Tensor<D> {
    z.abs().neg() - std::f64::consts::LN_2
}

/// log of the hyperbolic secant's density: -log cosh z - log pi, for scale 1.
pub fn standard_log_cosh<const D: usize>(z: Tensor<D>) -> Tensor<D> {
    // log cosh z = |z| + log(1 + e^(-2|z|)) - log 2
    let size = z.abs();
    (size.clone() + size.mul_scalar(-2.0).exp().log1p()).neg() + (std::f64::consts::LN_2 - PI.ln())
}

/// log of Student's t density at z with `freedom` degrees, for scale 1:
/// log Gamma((f+1)/2) - log Gamma(f/2) - 1/2 log(pi f) - (f+1)/2 log(1 + z^2/f).
///
/// # Shapes
/// `freedom` broadcasts against `z`.
pub fn standard_student<const D: usize>(z: Tensor<D>, freedom: Tensor<D>) -> Tensor<D> {
    let half = (freedom.clone() + 1.0).mul_scalar(0.5);
    let constant = ln_gamma(half.clone())
        - ln_gamma(freedom.clone().mul_scalar(0.5))
        - (freedom.clone() * PI).log().mul_scalar(0.5);
    constant - half * (z.square() / freedom).log1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{cpu, cpu_training, from_vec, to_vec};

    fn tensor(v: Vec<f32>) -> Tensor<1> {
        let n = v.len();
        from_vec(v, [n], &cpu())
    }

    #[test]
    fn ln_gamma_agrees_with_libm_over_nine_decades() {
        let xs: Vec<f32> = (-40..50).map(|i| 10f32.powf(i as f32 / 10.0)).collect();
        for (x, got) in xs.iter().zip(to_vec(ln_gamma(tensor(xs.clone())))) {
            let want = libm::lgamma(f64::from(*x));
            assert!((f64::from(got) - want).abs() < 3e-6 * (1.0 + want.abs()) + 4e-6, "{x}: {got} is not {want}");
        }
    }

    #[test]
    fn the_slope_of_ln_gamma_is_digamma() {
        // psi(1) = -0.5772157, psi(10) = 2.2517526, psi(0.5) = -1.9635100
        let x = from_vec(vec![1.0, 10.0, 0.5], [3], &cpu_training()).require_grad();
        let slope = to_vec(x.grad(&ln_gamma(x.clone()).sum().backward()).unwrap());
        for (got, want) in slope.iter().zip([-0.577_215_7, 2.251_752_6, -1.963_51]) {
            assert!((got - want).abs() < 1e-4, "{got} is not {want}");
        }
    }

    #[test]
    fn masses_of_counts_sum_to_one_and_have_their_means() {
        let xs: Vec<f32> = (0..2000).map(|i| i as f32).collect();
        let all = |v: f32| tensor(vec![v; 2000]);
        let check = |name: &str, p: Vec<f32>, mean: f64| {
            let p: Vec<f64> = p.iter().map(|v| f64::from(*v).exp()).collect();
            let found: f64 = p.iter().zip(&xs).map(|(p, x)| p * f64::from(*x)).sum();
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 3e-4, "{name}: {}", p.iter().sum::<f64>());
            assert!((found - mean).abs() < 2e-3 * (1.0 + mean), "{name}: {found} is not {mean}");
        };
        check("poisson", to_vec(poisson(tensor(xs.clone()), all(3.5f32.ln()))), 3.5);
        for (mean, r) in [(3.0f32, 0.5f32), (20.0, 4.0), (0.1, 30.0)] {
            let nb = negative_binomial(tensor(xs.clone()), all(mean.ln()), all(r.ln()));
            check("negative binomial", to_vec(nb.clone()), f64::from(mean));
            let zinb = zero_inflated(tensor(xs.clone()), all(0.4), nb);
            check("zero-inflated", to_vec(zinb), f64::from(mean) * (1.0 - 1.0 / (1.0 + (-0.4f64).exp())));
        }
    }

    #[test]
    fn heavy_tails_have_mass_one() {
        let n = 400_001;
        let step = 2000.0 / (n - 1) as f64;
        let z: Vec<f32> = (0..n).map(|i| (-1000.0 + step * i as f64) as f32).collect();
        let mass = |p: Tensor<1>| to_vec(p).iter().map(|v| f64::from(*v).exp() * step).sum::<f64>();
        assert!((mass(standard_laplace(tensor(z.clone()))) - 1.0).abs() < 1e-4);
        assert!((mass(standard_log_cosh(tensor(z.clone()))) - 1.0).abs() < 1e-4);
        let student = mass(standard_student(tensor(z), from_vec(vec![3.0], [1], &cpu())));
        assert!((student - 1.0).abs() < 1e-4, "{student}");
    }
}
