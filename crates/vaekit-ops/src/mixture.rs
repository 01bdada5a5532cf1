//! log p of a mixture of diagonal Gaussians, without gradients: for scores, which draw many samples a row.
#![allow(clippy::manual_memcpy, clippy::needless_range_loop, reason = "loops by index, as `simd::add` explains")]

use burn::tensor::Tensor;

use crate::simd::vectorised;
use crate::{density, fused, math, pool, to_vec};

/// Rows of a task of a thread.
const PIECE: usize = 64;
/// Components that are compared or added at once.
const LANES: usize = 16;

/// The parameters of sum_c w_c N(m_c, diag v_c).
#[derive(Clone, Debug)]
pub struct Mixture<'a> {
    /// `[1, C]`
    pub log_weight: &'a Tensor<2>,
    /// `[C, D]`
    pub mean: &'a Tensor<2>,
    /// `[C, D]`
    pub log_var: &'a Tensor<2>,
}

/// True where [`log_prob`] can compute: on the central processor, with nothing recorded.
pub fn runs_here(z: &Tensor<2>, mixture: &Mixture<'_>) -> bool {
    let here = |t: &Tensor<2>| fused::runs_here(t) && !t.device().is_autodiff();
    here(z) && here(mixture.mean) && here(mixture.log_var) && here(mixture.log_weight)
}

/// log p of each row of z.
///
/// # Shapes
/// - `z`: `[N, D]`
/// - result: `[N]`
///
/// # Panics
/// When the shapes disagree: they are the caller's invariant.
pub fn log_prob(z: &Tensor<2>, mixture: &Mixture<'_>) -> Vec<f32> {
    let ([rows, d], [c, width]) = (z.dims(), mixture.mean.dims());
    assert!(d == width, "codes of {d} dimensions for components of {width}");
    let of = Transposed::new(mixture, c, d);
    let z = to_vec(z.clone());
    let pieces = pool::map(rows.div_ceil(PIECE), |i| {
        let (from, to) = (i * PIECE, (i * PIECE + PIECE).min(rows));
        let (mut joint, mut out) = (vec![0f32; of.constant.len()], vec![0f32; to - from]);
        vectorised!({
            for r in 0..out.len() {
                let at = (from + r) * d;
                out[r] = of.row(&z[at..at + d], &mut joint);
            }
        });
        out
    });
    pieces.concat()
}

/// Parameters with the components innermost, so that vectors hold components.
struct Transposed {
    /// log w_c - 1/2 sum_d (log v + log 2 pi), `[C]`, with C a multiple of [`LANES`].
    constant: Vec<f32>,
    /// `[D, C]`
    mean: Vec<f32>,
    /// 1 / v, `[D, C]`.
    inverse: Vec<f32>,
}

impl Transposed {
    fn new(of: &Mixture<'_>, c: usize, d: usize) -> Self {
        let [mean, log_var, log_weight] = [of.mean, of.log_var, of.log_weight].map(|t| to_vec(t.clone()));
        // As many components as fill all lanes; those that were added have no weight.
        let padded = c.next_multiple_of(LANES);
        let turned = |v: &[f32]| -> Vec<f32> {
            (0..d * padded).map(|i| if i % padded < c { v[i % padded * d + i / padded] } else { 0.0 }).collect()
        };
        let constant = log_weight.iter().zip(log_var.chunks(d)).map(|(w, v)| {
            let half: f64 = v.iter().map(|&v| f64::from(v) + density::log_two_pi()).sum::<f64>() / 2.0;
            (f64::from(*w) - half) as f32
        });
        let inverse: Vec<f32> = log_var.iter().map(|v| (-v).exp()).collect();
        let constant = constant.chain(std::iter::repeat_n(f32::NEG_INFINITY, padded - c)).collect();
        Self { constant, mean: turned(&mean), inverse: turned(&inverse) }
    }

    #[inline(always)]
    fn row(&self, z: &[f32], joint: &mut [f32]) -> f32 {
        let c = joint.len();
        for j in 0..c {
            joint[j] = self.constant[j];
        }
        for i in 0..z.len() {
            let (mean, inverse) = (&self.mean[i * c..][..c], &self.inverse[i * c..][..c]);
            for j in 0..c {
                let from = z[i] - mean[j];
                joint[j] -= 0.5 * inverse[j] * from * from;
            }
        }
        // Sixteen at once: a single maximum or sum would wait for itself at each step.
        let mut most = [f32::NEG_INFINITY; LANES];
        for block in 0..c / LANES {
            for lane in 0..LANES {
                let value = joint[block * LANES + lane];
                most[lane] = if value > most[lane] { value } else { most[lane] };
            }
        }
        let mut top = most[0];
        for j in 1..LANES {
            top = if most[j] > top { most[j] } else { top };
        }
        for j in 0..c {
            joint[j] = math::exp(joint[j] - top);
        }
        let mut sum = [0f32; LANES];
        for block in 0..c / LANES {
            for lane in 0..LANES {
                sum[lane] += joint[block * LANES + lane];
            }
        }
        let mut total = 0.0;
        for j in 0..LANES {
            total += sum[j];
        }
        top + math::ln(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device, from_vec};

    #[test]
    fn log_p_is_that_of_the_definition_near_and_far() {
        let cpu = device::cpu();
        // Numbers of components and of rows that fill no block.
        let (c, d, n) = (19, 3, 130);
        let number = |i: usize, step: f64| ((i as f64 * step).sin() * 2.0) as f32;
        let log_weight: Vec<f32> = (0..c).map(|i| -3.0 + number(i, 0.7)).collect();
        let mean: Vec<f32> = (0..c * d).map(|i| number(i, 1.3)).collect();
        let log_var: Vec<f32> = (0..c * d).map(|i| number(i, 2.1)).collect();
        let z: Vec<f32> = (0..n * d).map(|i| number(i, 0.9) * if i < 30 { 1e3 } else { 1.0 }).collect();
        let exact = |z: &[f32]| {
            let terms: Vec<f64> = (0..c)
                .map(|j| {
                    let of = |i: usize| {
                        let (v, from) = (f64::from(log_var[j * d + i]), f64::from(z[i]) - f64::from(mean[j * d + i]));
                        -0.5 * (v + density::log_two_pi() + from * from * (-v).exp())
                    };
                    f64::from(log_weight[j]) + (0..d).map(of).sum::<f64>()
                })
                .collect();
            let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            most + terms.iter().map(|t| (t - most).exp()).sum::<f64>().ln()
        };
        let tensor = |v: &[f32], shape: [usize; 2]| from_vec(v.to_vec(), shape, &cpu);
        let (w, m, v) = (tensor(&log_weight, [1, c]), tensor(&mean, [c, d]), tensor(&log_var, [c, d]));
        let found = log_prob(&tensor(&z, [n, d]), &Mixture { log_weight: &w, mean: &m, log_var: &v });
        for (found, z) in found.iter().zip(z.chunks(d)) {
            let exact = exact(z);
            assert!((f64::from(*found) - exact).abs() < 1e-5 * exact.abs().max(1.0), "{found} against {exact}");
        }
    }
}
