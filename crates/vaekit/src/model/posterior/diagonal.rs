//! N(mean, diag(variance)): the posterior of Kingma & Welling 2014.

use std::cell::OnceCell;
use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec, sample_with_kl};

use crate::model::{Form, Latents, Mode, Prior};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Draws, Kl, Posterior, PosteriorFamily};

/// Where exp(log_var) is still far from the ends of f32; inside, nothing changes.
const LOG_VAR_RANGE: (f32, f32) = (-30.0, 20.0);

/// Raw outputs are D means, then D log-variances.
#[derive(Debug)]
pub struct DiagonalGaussian;

impl Parameters for DiagonalGaussian {}

impl PosteriorFamily for DiagonalGaussian {
    fn name(&self) -> &'static str {
        "diagonal-gaussian"
    }

    fn raw_width(&self, latent: usize) -> usize {
        2 * latent
    }

    fn begins_with_gaussian(&self) -> bool {
        true
    }

    fn is_held(&self) -> bool {
        true
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        Box::new(Gaussian::new(raw.swap_remove(0)))
    }
}

/// A Gaussian for each row.
pub(super) struct Gaussian {
    /// `[B, 2 D]`: means, then log-variances not yet held in their range.
    raw: Tensor<2>,
    /// KL from N(0, I), `[B, D]`, which comes with the samples.
    kl: OnceCell<Tensor<2>>,
}

impl Gaussian {
    /// `raw`: `[B, 2 D]`.
    pub(super) fn new(raw: Tensor<2>) -> Self {
        Self { raw, kl: OnceCell::new() }
    }

    /// Mean and log-variance, `[B, D]` each.
    pub(super) fn parts(&self) -> (Tensor<2>, Tensor<2>) {
        let [b, width] = self.raw.dims();
        let (low, high) = LOG_VAR_RANGE;
        let mean = self.raw.clone().slice([0..b, 0..width / 2]);
        (mean, self.raw.clone().slice([0..b, width / 2..width]).clamp(low, high))
    }
}

/// Standard normal draws, `[K, B, D]`. A row draws its K samples from one stream.
pub(super) fn noise(k: usize, rows: &[u64], d: usize, rng: Rng) -> Tensor<3> {
    let draws = rng.normal(Purpose::Posterior, rows, k * d);
    from_vec(draws, [rows.len(), k, d], &device::here()).swap_dims(0, 1)
}

impl Posterior for Gaussian {
    fn mean(&self) -> Tensor<2> {
        let [b, width] = self.raw.dims();
        self.raw.clone().slice([0..b, 0..width / 2])
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        Some(self.parts().1)
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let d = self.raw.dims()[1] / 2;
        let eps = noise(k, rows, d, rng);
        let (z, kl) = sample_with_kl(self.raw.clone(), eps, LOG_VAR_RANGE);
        // The same value at every call: the first may stay.
        let _ = self.kl.set(kl);
        vec![z].into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, _] = z[0].dims();
        let (mean, log_var) = self.parts();
        Some(density::gaussian(z[0].clone(), mean.unsqueeze(), log_var.unsqueeze()).sum_dim(2).reshape([k, b]))
    }

    fn detached(&self) -> Option<Box<dyn Posterior>> {
        Some(Box::new(Self::new(self.raw.clone().detach())))
    }

    fn centre(&self) -> Latents {
        vec![self.mean().unsqueeze()]
    }

    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        let of_standard = || {
            let (mean, log_var) = self.parts();
            density::standard_normal_kl(mean, log_var)
        };
        match prior.form() {
            Form::Standard => Some(Kl::of_dimensions(self.kl.get_or_init(of_standard).clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prior::StandardNormal;
    use vaekit_ops::{scalar, to_vec};

    fn posterior(mean: &[f32], log_var: &[f32]) -> Gaussian {
        Gaussian::new(from_vec([mean, log_var].concat(), [1, 2 * mean.len()], &device::cpu()))
    }

    #[test]
    fn kl_is_zero_when_posterior_equals_prior() {
        let kl = posterior(&[0.0; 3], &[0.0; 3]).kl(&StandardNormal::new(3)).unwrap();
        assert_eq!(to_vec(kl.total), [0.0]);
    }

    #[test]
    fn closed_form_kl_agrees_with_monte_carlo() {
        let prior = StandardNormal::new(2);
        let q = posterior(&[0.7, -1.2], &[-1.0, 0.5]);
        let exact = f64::from(scalar(q.kl(&prior).unwrap().total));
        let k = 200_000;
        let z = q.rsample(k, &[0], Rng::new(3)).z;
        let terms: Vec<f64> =
            to_vec(q.log_prob(&z).unwrap() - prior.log_prob(&z)).iter().map(|&v| f64::from(v)).collect();
        let mean = terms.iter().sum::<f64>() / k as f64;
        let sd = (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / k as f64).sqrt();
        assert!((mean - exact).abs() < 4.0 * sd / (k as f64).sqrt(), "{mean} against {exact}");
    }

    #[test]
    fn draws_of_a_row_do_not_depend_on_its_neighbours() {
        let raw = from_vec(vec![0.0; 8], [2, 4], &device::cpu());
        let both = to_vec(Gaussian::new(raw).rsample(3, &[8, 5], Rng::new(1)).z.remove(0));
        let alone = to_vec(posterior(&[0.0; 2], &[0.0; 2]).rsample(3, &[5], Rng::new(1)).z.remove(0));
        for k in 0..3 {
            assert_eq!(both[k * 4 + 2..k * 4 + 4], alone[k * 2..k * 2 + 2]);
        }
    }
}
