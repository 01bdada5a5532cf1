//! z = mean + sigma eps and KL(q || N(0, I)) from raw encoder outputs.

use burn_flex::FlexTensor;

use super::{Kernel, contiguous, dims, tensor, values};
use crate::math;
use crate::simd::vectorised;

/// Inputs `raw [B, 2 D]` and `eps [K, B, D]`; result `[K + 1, B, D]`: the samples, then the KL.
#[derive(Debug)]
pub(crate) struct Latent {
    /// Where log-variances are held.
    pub low: f32,
    pub high: f32,
}

impl Kernel for Latent {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [raw, eps, _] = contiguous(inputs);
        let [k, b, d] = dims::<3>(&eps);
        let (raws, noise) = (values(&raw), values(&eps));
        let mut out = vec![0f32; (k + 1) * b * d];
        let (z, kl) = out.split_at_mut(k * b * d);
        let mut sigmas = vec![0f32; d];
        vectorised!({
            for row in 0..b {
                let (mean, log_var) = raws[row * 2 * d..][..2 * d].split_at(d);
                let (kl, sigma) = (&mut kl[row * d..][..d], &mut sigmas[..d]);
                for j in 0..d {
                    let v = self.hold(log_var[j]);
                    kl[j] = 0.5 * (mean[j] * mean[j] + math::exp(v) - v - 1.0);
                    sigma[j] = math::exp(0.5 * v);
                }
                for sample in 0..k {
                    let at = (sample * b + row) * d;
                    let (z, e) = (&mut z[at..at + d], &noise[at..at + d]);
                    for j in 0..d {
                        z[j] = mean[j] + sigma[j] * e[j];
                    }
                }
            }
        });
        let out = tensor(out, [k + 1, b, d]);
        (out, if keep { vec![raw, eps] } else { Vec::new() })
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        if !wanted[0] {
            return [None, None, None];
        }
        let [gradient, raw, eps] = contiguous([gradient, kept[0].clone(), kept[1].clone()]);
        let [k, b, d] = dims::<3>(&eps);
        let (g, raws, noise) = (values(&gradient), values(&raw), values(&eps));
        let (of_z, of_kl) = g.split_at(k * b * d);
        let mut out = vec![0f32; b * 2 * d];
        let mut sigmas = vec![0f32; d];
        vectorised!({
            for row in 0..b {
                let sigma = &mut sigmas[..d];
                let (mean, log_var) = raws[row * 2 * d..][..2 * d].split_at(d);
                let (to_mean, to_log_var) = out[row * 2 * d..][..2 * d].split_at_mut(d);
                let g = &of_kl[row * d..][..d];
                for j in 0..d {
                    to_mean[j] = g[j] * mean[j];
                    let v = self.hold(log_var[j]);
                    to_log_var[j] = 0.5 * g[j] * (math::exp(v) - 1.0);
                    sigma[j] = math::exp(0.5 * v);
                }
                for sample in 0..k {
                    let at = (sample * b + row) * d;
                    let (g, e) = (&of_z[at..at + d], &noise[at..at + d]);
                    for j in 0..d {
                        to_mean[j] += g[j];
                        to_log_var[j] += 0.5 * g[j] * e[j] * sigma[j];
                    }
                }
                for j in 0..d {
                    let held = log_var[j] < self.low || log_var[j] > self.high;
                    to_log_var[j] = if held { 0.0 } else { to_log_var[j] };
                }
            }
        });
        [Some(tensor(out, [b, 2 * d])), None, None]
    }
}

impl Latent {
    /// NaN stays NaN.
    #[inline(always)]
    fn hold(&self, log_var: f32) -> f32 {
        let v = if log_var < self.low { self.low } else { log_var };
        if v > self.high { self.high } else { v }
    }
}
