//! Update rules, each one pass over a flat parameter and its state.
//!
//! Constants and order of operations follow torch.optim, except that bias
//! corrections are computed in f64 (1 - 0.999^t loses four digits in f32).
//! Elements are independent, so the split over threads cannot change a bit.

use crate::gemm::Target;
use crate::pool;
use crate::simd::vectorised;

/// Elements a thread takes at a time: 16 KiB of each array, a first-level cache.
const CHUNK: usize = 4096;

/// Settings of [`adam`] and [`adamw`].
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the mean of the gradient.
    pub beta1: f64,
    /// Decay of the mean of its square.
    pub beta2: f64,
    /// Added to the root of the second mean.
    pub epsilon: f64,
    /// Decay of the weights.
    pub weight_decay: f64,
}

/// Adam (Kingma & Ba 2015, algorithm 1), weight decay added to the gradient.
///
/// `t` counts from 1. `m` and `v` start at zero.
pub fn adam(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], t: u64, s: Adam) {
    adam_pass(p, g, m, v, t, s, s.weight_decay as f32, 1.0);
}

/// AdamW (Loshchilov & Hutter 2019): the decay shrinks the weight itself.
pub fn adamw(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], t: u64, s: Adam) {
    adam_pass(p, g, m, v, t, s, 0.0, (1.0 - s.lr * s.weight_decay) as f32);
}

#[allow(clippy::too_many_arguments, reason = "one call site each, and a struct would only rename them")]
fn adam_pass(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], t: u64, s: Adam, decay: f32, shrink: f32) {
    let t = t as f64;
    let step = (s.lr / (1.0 - s.beta1.powf(t))) as f32;
    let root = (1.0 - s.beta2.powf(t)).sqrt() as f32;
    let (b1, b2, eps) = (s.beta1 as f32, s.beta2 as f32, s.epsilon as f32);
    let (c1, c2) = ((1.0 - s.beta1) as f32, (1.0 - s.beta2) as f32);
    pass(
        g,
        [p, m, v],
        #[inline(always)]
        |g, [p, m, v]| {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                let g = g + decay * *p;
                *m = b1 * *m + c1 * g;
                *v = b2 * *v + c2 * g * g;
                *p = *p * shrink - step * *m / (v.sqrt() / root + eps);
            }
        },
    );
}

/// Calls `update` with pieces of a gradient and of the arrays that it changes, on several threads.
fn pass<const N: usize>(g: &[f32], arrays: [&mut [f32]; N], update: impl Fn(&[f32], [&mut [f32]; N]) + Sync) {
    let n = g.len();
    let targets = arrays.map(|a| Target::over(a, 1, n));
    pool::ranges(n, CHUNK, |range| {
        // SAFETY: ranges do not overlap, and each array is borrowed for itself.
        let pieces = targets.each_ref().map(|t| unsafe { t.part(0, range.clone()) });
        vectorised!(update(&g[range], pieces));
    });
}

/// SGD with momentum: b = momentum b + g, p = p - lr b.
pub fn sgd(p: &mut [f32], g: &[f32], b: &mut [f32], lr: f64, momentum: f64, weight_decay: f64) {
    let (lr, momentum, decay) = (lr as f32, momentum as f32, weight_decay as f32);
    pass(
        g,
        [p, b],
        #[inline(always)]
        |g, [p, b]| {
            for ((p, &g), b) in p.iter_mut().zip(g).zip(b) {
                *b = momentum * *b + (g + decay * *p);
                *p -= lr * *b;
            }
        },
    );
}

/// RMSprop (Hinton 2012, lecture 6e): v = 0.99 v + 0.01 g^2, p = p - lr g / (sqrt(v) + 1e-8).
pub fn rmsprop(p: &mut [f32], g: &[f32], v: &mut [f32], lr: f64, weight_decay: f64) {
    let (lr, decay) = (lr as f32, weight_decay as f32);
    pass(
        g,
        [p, v],
        #[inline(always)]
        |g, [p, v]| {
            for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
                let g = g + decay * *p;
                *v = 0.99 * *v + 0.01 * g * g;
                *p -= lr * g / (v.sqrt() + 1e-8);
            }
        },
    );
}

/// Lion (Chen et al. 2023): p = p - lr (sign(0.9 m + 0.1 g) + decay p), m = 0.99 m + 0.01 g.
pub fn lion(p: &mut [f32], g: &[f32], m: &mut [f32], lr: f64, weight_decay: f64) {
    let (lr, decay) = (lr as f32, weight_decay as f32);
    pass(
        g,
        [p, m],
        #[inline(always)]
        |g, [p, m]| {
            for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                let blend = 0.9 * *m + 0.1 * g;
                // signum maps 0 to 1: a parameter that gets no gradient must rest.
                let sign = if blend == 0.0 { 0.0 } else { blend.signum() };
                *p -= lr * (sign + decay * *p);
                *m = 0.99 * *m + 0.01 * g;
            }
        },
    );
}

/// Sum of squares in f64, chunk by chunk in a fixed order.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let parts = pool::map(values.len().div_ceil(CHUNK), |i| {
        let chunk = &values[i * CHUNK..values.len().min((i + 1) * CHUNK)];
        vectorised!(squares(chunk))
    });
    parts.iter().sum()
}

/// Eight running sums, so that no addition waits for the last one.
#[inline(always)]
fn squares(values: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let (whole, rest) = values.as_chunks::<8>();
    for eight in whole {
        for (lane, v) in lanes.iter_mut().zip(eight) {
            *lane += f64::from(*v) * f64::from(*v);
        }
    }
    for (lane, v) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(*v) * f64::from(*v);
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_adam_step_moves_by_the_learning_rate_against_the_sign() {
        let (mut p, g) = ([1.0f32, 1.0], [0.3f32, -7.0]);
        let (mut m, mut v) = ([0.0; 2], [0.0; 2]);
        let s = Adam { lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        adam(&mut p, &g, &mut m, &mut v, 1, s);
        assert!((p[0] - 0.9).abs() < 1e-6 && (p[1] - 1.1).abs() < 1e-6, "{p:?}");
    }

    #[test]
    fn adamw_shrinks_a_weight_that_gets_no_gradient() {
        let (mut p, mut m, mut v) = ([2.0f32], [0.0], [0.0]);
        let s = Adam { lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.5 };
        adamw(&mut p, &[0.0], &mut m, &mut v, 1, s);
        assert!((p[0] - 1.9).abs() < 1e-6);
    }

    #[test]
    fn momentum_accumulates() {
        let (mut p, mut b) = ([0.0f32], [0.0]);
        sgd(&mut p, &[1.0], &mut b, 0.1, 0.9, 0.0);
        sgd(&mut p, &[1.0], &mut b, 0.1, 0.9, 0.0);
        assert!((p[0] + 0.1 * (1.0 + 1.9)).abs() < 1e-6);
    }

    #[test]
    fn lion_leaves_a_parameter_without_gradient_alone() {
        let (mut p, mut m) = ([3.0f32, 3.0], [0.0; 2]);
        lion(&mut p, &[0.0, 2.0], &mut m, 0.01, 0.0);
        assert_eq!(p[0], 3.0);
        assert!((p[1] - 2.99).abs() < 1e-6);
    }

    #[test]
    fn rmsprop_first_step_by_hand() {
        let (mut p, mut v) = ([0.0f32], [0.0]);
        rmsprop(&mut p, &[2.0], &mut v, 0.01, 0.0);
        assert!((p[0] + 0.1).abs() < 1e-6); // 0.01 * 2 / sqrt(0.01 * 4)
    }

    #[test]
    fn the_sum_of_squares_is_the_same_at_any_thread_count() {
        let values: Vec<f32> = (0..100_000).map(|i| ((i * 37) % 1000) as f32 * 1e-3).collect();
        let at = |n| pool::with_threads(n, || sum_of_squares(&values));
        assert_eq!(at(1).to_bits(), at(3).to_bits());
    }
}
