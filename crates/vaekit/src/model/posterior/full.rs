//! N(mean, L L'): a Gaussian with all covariances.

use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec};

use crate::model::{Form, Latents, Mode, Prior};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Draws, Kl, Posterior, PosteriorFamily};

/// log of a factor's diagonal stays inside.
const LOG_DIAGONAL: (f32, f32) = (-15.0, 10.0);

/// Raw outputs are D means, the logarithms of L's diagonal, and the D (D - 1) / 2 numbers below it, row by row.
///
/// KL(q || N(0, I)) = 1/2 (tr L L' + m'm - D) - sum log L_ii.
#[derive(Debug)]
pub struct FullGaussian;

impl Parameters for FullGaussian {}

impl PosteriorFamily for FullGaussian {
    fn name(&self) -> &'static str {
        "full-gaussian"
    }

    fn raw_width(&self, latent: usize) -> usize {
        2 * latent + latent * (latent - 1) / 2
    }

    fn is_held(&self) -> bool {
        true
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        Box::new(Full::new(raw.swap_remove(0)))
    }
}

struct Full {
    /// `[B, D]`
    mean: Tensor<2>,
    log_diagonal: Tensor<2>,
    /// L, `[B, D, D]`.
    factor: Tensor<3>,
}

/// The D for which D means, D diagonals and D (D - 1) / 2 others make `raw` numbers: D (D + 3) / 2 = raw.
fn dimensions(raw: usize) -> usize {
    (((9 + 8 * raw) as f64).sqrt() as usize - 3) / 2
}

impl Full {
    fn new(raw: Tensor<2>) -> Self {
        let [b, width] = raw.dims();
        let d = dimensions(width);
        let mean = raw.clone().slice([0..b, 0..d]);
        let log_diagonal = raw.clone().slice([0..b, d..2 * d]).clamp(LOG_DIAGONAL.0, LOG_DIAGONAL.1);
        let mut factor = diagonal(log_diagonal.clone().exp());
        if d > 1 {
            let below = raw.slice([0..b, 2 * d..width]);
            // Row i of L holds i numbers before its diagonal.
            let rows = (1..d).map(|i| {
                let start = i * (i - 1) / 2;
                let row = below.clone().slice([0..b, start..start + i]).reshape([b, 1, i]);
                let zeros = from_vec(vec![0.0; b * (d - i)], [b, 1, d - i], &device::here());
                Tensor::cat(vec![row, zeros], 2)
            });
            let first = from_vec(vec![0.0; b * d], [b, 1, d], &device::here());
            factor = factor + Tensor::cat(std::iter::once(first).chain(rows).collect(), 1);
        }
        Self { mean, log_diagonal, factor }
    }

    /// Half the log-determinant of the covariance, `[1, B]`.
    fn half_log_det(&self) -> Tensor<2> {
        let b = self.mean.dims()[0];
        self.log_diagonal.clone().sum_dim(1).reshape([1, b])
    }
}

/// `[B, D]` to `[B, D, D]` with the numbers on the diagonal.
fn diagonal(values: Tensor<2>) -> Tensor<3> {
    let [b, d] = values.dims();
    let eye = (0..d * d).map(|i| f32::from(i / d == i % d)).collect();
    values.reshape([b, d, 1]) * from_vec(eye, [1, d, d], &device::here())
}

impl Posterior for Full {
    fn mean(&self) -> Tensor<2> {
        self.mean.clone()
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let [b, d] = self.mean.dims();
        let draws = rng.normal(Purpose::Posterior, rows, k * d);
        let eps = from_vec(draws, [b, k, d], &device::here());
        // Rows are batches of the product: [B, K, D] (L')  = [B, K, D].
        let moved = eps.clone().matmul(self.factor.clone().swap_dims(1, 2)).swap_dims(0, 1);
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        let of_noise = density::unit_gaussian(eps, zero).sum_dim(2).reshape([b, k]).swap_dims(0, 1);
        Draws { z: vec![moved + self.mean.clone().unsqueeze()], log_q: Some(of_noise - self.half_log_det()) }
    }

    /// By forward substitution of L eps = z - mean.
    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, d] = z[0].dims();
        let left = (z[0].clone() - self.mean.clone().unsqueeze()).swap_dims(0, 1); // [B, K, D]
        let mut eps: Vec<Tensor<3>> = Vec::with_capacity(d); // [B, K, 1] each
        for i in 0..d {
            let mut value = left.clone().narrow(2, i, 1);
            if i > 0 {
                let row = self.factor.clone().slice([0..b, i..i + 1, 0..i]).swap_dims(1, 2); // [B, i, 1]
                value = value - Tensor::cat(eps.clone(), 2).matmul(row);
            }
            eps.push(value / self.log_diagonal.clone().narrow(1, i, 1).exp().reshape([b, 1, 1]));
        }
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        let of_noise = density::unit_gaussian(Tensor::cat(eps, 2), zero).sum_dim(2).reshape([b, k]).swap_dims(0, 1);
        Some(of_noise - self.half_log_det())
    }

    fn detached(&self) -> Option<Box<dyn Posterior>> {
        Some(Box::new(Self {
            mean: self.mean.clone().detach(),
            log_diagonal: self.log_diagonal.clone().detach(),
            factor: self.factor.clone().detach(),
        }))
    }

    fn centre(&self) -> Latents {
        vec![self.mean.clone().unsqueeze()]
    }

    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        let Form::Standard = prior.form() else { return None };
        let [b, d] = self.mean.dims();
        let trace = self.factor.clone().square().sum_dim(2).reshape([b, d]);
        // Its trace, mean and log-determinant go by dimension; the sum is what has a meaning.
        let each = (trace + self.mean.clone().square() - 1.0).mul_scalar(0.5) - self.log_diagonal.clone();
        Some(Kl { total: each.sum_dim(1).reshape([b]), per_dim: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prior::StandardNormal;
    use vaekit_ops::{scalar, to_vec};

    fn posterior(d: usize) -> Full {
        let raw = (0..FullGaussian.raw_width(d)).map(|i| 0.4 * (1.3 * i as f32 + 0.5).sin()).collect::<Vec<f32>>();
        let n = raw.len();
        Full::new(from_vec(raw, [1, n], &device::cpu()))
    }

    #[test]
    fn the_closed_form_agrees_with_monte_carlo_and_both_densities_with_each_other() {
        let q = posterior(4);
        let k = 100_000;
        let draws = q.rsample(k, &[3], Rng::new(2));
        let own = to_vec(draws.log_q.clone().unwrap());
        let solved = to_vec(q.log_prob(&draws.z).unwrap());
        assert!(own.iter().zip(&solved).all(|(a, b)| (a - b).abs() < 1e-4));
        let log_p = to_vec(StandardNormal::new(4).log_prob(&draws.z));
        let terms: Vec<f64> = own.iter().zip(&log_p).map(|(q, p)| f64::from(q - p)).collect();
        let mean = terms.iter().sum::<f64>() / k as f64;
        let sd = (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / k as f64).sqrt();
        let exact = f64::from(scalar(q.kl(&StandardNormal::new(4)).unwrap().total));
        assert!((mean - exact).abs() < 4.0 * sd / (k as f64).sqrt(), "{mean} is not {exact}");
    }

    #[test]
    fn draws_have_the_covariance_of_the_factor() {
        let q = posterior(3);
        let z = to_vec(q.rsample(50_000, &[0], Rng::new(5)).z.remove(0));
        let (l, mean) = (to_vec(q.factor.clone()), to_vec(q.mean.clone()));
        for i in 0..3 {
            for j in 0..3 {
                let want: f32 = (0..3).map(|m| l[3 * i + m] * l[3 * j + m]).sum();
                let got = z.chunks(3).map(|z| (z[i] - mean[i]) * (z[j] - mean[j])).sum::<f32>() / 50_000.0;
                assert!((got - want).abs() < 0.03, "{i} {j}: {got} is not {want}");
            }
        }
    }
}
