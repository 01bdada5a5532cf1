//! Nonlinearities between layers.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::tensor::{Tensor, activation};

use crate::fused::{self, activation::Apply};
use crate::math;
use crate::simd::vectorised;

// Loops written out where they are used: a closure handed to a function may
// stay a function of its own, compiled without the caller's vector instructions.
macro_rules! map {
    ($values:expr, |$x:ident| $y:expr) => {
        for value in $values.iter_mut() {
            let $x = *value;
            *value = $y;
        }
    };
}

macro_rules! scale {
    ($gradients:expr, $at:expr, |$x:ident| $slope:expr) => {
        for (gradient, &$x) in $gradients.iter_mut().zip($at) {
            *gradient *= $slope;
        }
    };
}

/// A nonlinearity, with PyTorch's definition and constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// (e^x - e^-x) / (e^x + e^-x)
    Tanh,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// log(1 + e^x)
    Softplus,
    /// x Phi(x), with the exact normal distribution function
    Gelu,
    /// x for x > 0, else e^x - 1
    Elu,
    /// x for x > 0, else 0.2 x
    LeakyRelu,
}

impl Activation {
    /// Every activation with the name that settings use.
    pub const ALL: [(&'static str, Self); 7] = [
        ("relu", Self::Relu),
        ("tanh", Self::Tanh),
        ("sigmoid", Self::Sigmoid),
        ("softplus", Self::Softplus),
        ("gelu", Self::Gelu),
        ("elu", Self::Elu),
        ("leaky-relu", Self::LeakyRelu),
    ];

    /// Applies the function to every element.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        // On its own relu is all memory traffic, which Burn has less of.
        if self != Self::Relu && fused::runs_here(&x) {
            return fused::apply(Apply(self), [x.into_dispatch(), fused::nothing(), fused::nothing()]);
        }
        self.portable(x)
    }

    /// The same in Burn's operations.
    pub fn portable<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Softplus => softplus(x),
            Self::Gelu => activation::gelu(x),
            // The exponential sees only the negative side: on the positive one
            // it would overflow, and 0 * inf in its gradient is NaN.
            Self::Elu => activation::relu(x.clone()) + (x.clamp_max(0.0).exp() - 1.0),
            Self::LeakyRelu => activation::relu(x.clone()) - activation::relu(x.neg()).mul_scalar(LEAK),
        }
    }
}

/// On host memory, for kernels.
impl Activation {
    /// True when the slope is computed from what goes in rather than from what comes out.
    pub(crate) fn slope_needs_input(self) -> bool {
        matches!(self, Self::Softplus | Self::Gelu)
    }

    /// Applies the function in place; vectorised in the caller's context.
    #[inline(always)]
    pub(crate) fn each(self, values: &mut [f32]) {
        match self {
            Self::Relu => map!(values, |x| if x < 0.0 { 0.0 } else { x }),
            Self::Tanh => map!(values, |x| math::tanh(x)),
            Self::Sigmoid => map!(values, |x| math::sigmoid(x)),
            Self::Softplus => map!(values, |x| math::softplus(x)),
            Self::Gelu => map!(values, |x| x * normal_share(x)),
            Self::Elu => map!(values, |x| if x > 0.0 { x } else { math::exp(x) - 1.0 }),
            Self::LeakyRelu => map!(values, |x| if x > 0.0 { x } else { LEAK * x }),
        }
    }

    /// Multiplies gradients by the slope, given outputs, or inputs where [`slope_needs_input`](Self::slope_needs_input).
    pub(crate) fn scale_by_slope(self, gradients: &mut [f32], at: &[f32]) {
        vectorised!(match self {
            Self::Relu => scale!(gradients, at, |y| if y > 0.0 { 1.0 } else { 0.0 }),
            Self::Tanh => scale!(gradients, at, |y| 1.0 - y * y),
            Self::Sigmoid => scale!(gradients, at, |y| y * (1.0 - y)),
            Self::Softplus => scale!(gradients, at, |x| math::sigmoid(x)),
            Self::Gelu => scale!(gradients, at, |x| normal_share(x) + x * (FRAC_1_SQRT_TAU * math::exp(-0.5 * x * x))),
            Self::Elu => scale!(gradients, at, |y| if y > 0.0 { 1.0 } else { y + 1.0 }),
            Self::LeakyRelu => scale!(gradients, at, |y| if y > 0.0 { 1.0 } else { LEAK }),
        });
    }
}

/// What is left of a negative number, as discriminators have it.
const LEAK: f32 = 0.2;

/// 1 / sqrt(2 pi), the normal density at 0.
const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;

/// Phi(x), the normal distribution function.
#[inline(always)]
fn normal_share(x: f32) -> f32 {
    0.5 + 0.5 * math::erf(x * FRAC_1_SQRT_2)
}

/// log(1 + e^x), without overflow and with the right gradient at 0.
///
/// Written as (x + |x|)/2 + log1p(e^-|x|): the derivative of |x| at 0 is 0
/// here, which leaves the true 1/2.
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let size = x.clone().abs();
    (x + size.clone()).mul_scalar(0.5) + size.neg().exp().log1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{cpu_training, from_vec, to_vec};

    const POINTS: [f32; 9] = [-200.0, -20.0, -1.5, -0.3, 0.1, 0.4, 2.0, 20.0, 200.0];

    fn truth(act: Activation, x: f64) -> f64 {
        match act {
            Activation::Relu => x.max(0.0),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Activation::Gelu => {
                // Phi by Simpson's rule from 0, which needs no erf.
                let n = 2000;
                let h = x.clamp(-10.0, 10.0) / f64::from(n);
                let pdf = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let inner: f64 = (1..n).map(|i| pdf(h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
                x * (0.5 + h / 3.0 * (pdf(0.0) + inner + pdf(h * f64::from(n))))
            }
            Activation::LeakyRelu => x.max(0.2 * x),
            Activation::Elu => {
                if x > 0.0 {
                    x
                } else {
                    x.exp_m1()
                }
            }
        }
    }

    #[test]
    fn values_and_slopes_agree_with_the_definitions_over_the_whole_range() {
        for (name, act) in Activation::ALL {
            let x = from_vec(POINTS.to_vec(), [POINTS.len()], &cpu_training()).require_grad();
            let y = act.apply(x.clone());
            let values = to_vec(y.clone());
            let slopes = to_vec(x.grad(&y.sum().backward()).unwrap());
            for (i, &p) in POINTS.iter().enumerate() {
                let p = f64::from(p);
                let (want, h) = (truth(act, p), 1e-4);
                let slope = (truth(act, p + h) - truth(act, p - h)) / (2.0 * h);
                assert!(
                    (f64::from(values[i]) - want).abs() <= 2e-6 * (1.0 + want.abs()),
                    "{name}({p}) = {}, not {want}",
                    values[i]
                );
                assert!((f64::from(slopes[i]) - slope).abs() <= 1e-4, "{name}'({p}) = {}, not {slope}", slopes[i]);
            }
        }
    }

    #[test]
    fn softplus_has_slope_one_half_at_zero() {
        let x = from_vec(vec![0.0], [1], &cpu_training()).require_grad();
        let grads = softplus(x.clone()).sum().backward();
        assert_eq!(to_vec(x.grad(&grads).unwrap()), [0.5]);
    }
}
