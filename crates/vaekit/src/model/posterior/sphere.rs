//! The von Mises-Fisher distribution: a normal distribution for directions.

use std::f64::consts::{LN_2, PI};
use std::rc::Rc;

use rand_distr::{Beta, Distribution, StandardNormal};
use vaekit_ops::{Tensor, device, from_vec, softplus, to_vec};

use crate::model::{Form, Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng, unit};

use super::{Draws, Kl, Posterior, PosteriorFamily};

/// Beyond this a direction is as good as known, and Bessel functions take long.
const MOST: f32 = 700.0;

/// q(z given x) = C(k) e^(k m'z) on the unit sphere. Raw outputs are D numbers for the direction m and one for the
/// concentration k = 1 + softplus.
///
/// Davidson et al., UAI 2018, arXiv:1804.00891. Draws by Wood's rejection (1994); their slope along k is exact, by
/// implicit differentiation (Figurnov et al. 2018), where the paper's estimate takes a correction by scores.
#[derive(Debug)]
pub struct VonMisesFisher;

impl Parameters for VonMisesFisher {}

impl PosteriorFamily for VonMisesFisher {
    fn name(&self) -> &'static str {
        "von-mises-fisher"
    }

    fn raw_width(&self, latent: usize) -> usize {
        latent + 1
    }

    fn support(&self) -> Support {
        Support::Sphere
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        let raw = raw.swap_remove(0);
        let [b, width] = raw.dims();
        let direction = raw.clone().narrow(1, 0, width - 1);
        let length = (direction.clone().square().sum_dim(1) + 1e-12).sqrt();
        let kappa = (softplus(raw.narrow(1, width - 1, 1)) + 1.0).clamp_max(MOST).reshape([b]);
        Box::new(Directed { mean: direction / length, kappa })
    }
}

struct Directed {
    /// Unit vectors, `[B, D]`.
    mean: Tensor<2>,
    /// `[B]`
    kappa: Tensor<1>,
}

/// log I_v(k), by its series with the largest terms taken out.
fn log_bessel(v: f64, k: f64) -> f64 {
    if !k.is_finite() {
        return f64::NAN;
    }
    let step = 2.0 * (k / 2.0).ln();
    let mut term = v * (k / 2.0).ln() - libm::lgamma(v + 1.0);
    let (mut most, mut sum) = (term, 1.0);
    for i in 1.. {
        let i = f64::from(i);
        term += step - i.ln() - (v + i).ln();
        if term > most {
            sum = sum * (most - term).exp() + 1.0;
            most = term;
        } else {
            sum += (term - most).exp();
            if term < most - 40.0 {
                break;
            }
        }
    }
    most + sum.ln()
}

/// A(k) = I_(v+1)(k) / I_v(k), the mean of m'z, by its continued fraction from far behind.
fn mean_cosine(v: f64, k: f64) -> f64 {
    let depth = 60 + k as usize;
    (1..=depth).rev().fold(0.0, |tail, i| 1.0 / (2.0 * (v + i as f64) / k + tail))
}

/// log C(k), nats, in `d` dimensions.
fn log_constant(d: usize, k: f64) -> f64 {
    let v = d as f64 / 2.0 - 1.0;
    v * k.ln() - (v + 1.0) * (2.0 * PI).ln() - log_bessel(v, k)
}

/// log of the uniform density on the sphere in `d` dimensions.
pub(in crate::model) fn log_uniform(d: usize) -> f64 {
    libm::lgamma(d as f64 / 2.0) - LN_2 - d as f64 / 2.0 * PI.ln()
}

/// m'z of a draw, by Wood's rejection.
fn draw_cosine(d: usize, k: f64, rng: &mut rand_chacha::ChaCha8Rng) -> f64 {
    // No trial would ever be accepted; the loss says what is wrong.
    if !k.is_finite() {
        return f64::NAN;
    }
    let m = d as f64 - 1.0;
    let b = m / ((4.0 * k * k + m * m).sqrt() + 2.0 * k);
    let x0 = (1.0 - b) / (1.0 + b);
    let c = k * x0 + m * (1.0 - x0 * x0).ln();
    let Ok(beta) = Beta::new(m / 2.0, m / 2.0) else { return x0 };
    loop {
        let z: f64 = beta.sample(rng);
        let w = (1.0 - (1.0 + b) * z) / (1.0 - (1.0 - b) * z);
        let u = f64::from(unit(rand::Rng::next_u32(rng))).max(1e-12);
        if k * w + m * (1.0 - x0 * w).ln() - c >= u.ln() {
            return w.clamp(-1.0, 1.0);
        }
    }
}

/// dw/dk of a draw w = m'z at a fixed place of its distribution function F:
/// -(dF/dk) / p(w), dF/dk = integral of (t - A) p(t) up to w, over the shorter tail.
fn slope_of_cosine(d: usize, k: f64, mean: f64, w: f64) -> f64 {
    const STEPS: usize = 400;
    let at = w.clamp(-1.0, 1.0).acos();
    let sine = |angle: f64| angle.sin().max(1e-12);
    // In angles p(t) dt is e^(k cos a) sin(a)^(d-2) da.
    let integrand = |a: f64| {
        let log = k * (a.cos() - w) + (d as f64 - 2.0) * sine(a).ln() - (d as f64 - 3.0) * sine(at).ln();
        (a.cos() - mean) * log.exp()
    };
    let (from, to, sign) = if w < mean { (at, PI, -1.0) } else { (0.0, at, 1.0) };
    let h = (to - from) / STEPS as f64;
    let weight = |i: usize| match i {
        0 | STEPS => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let sum: f64 = (0..=STEPS).map(|i| weight(i) * integrand(from + h * i as f64)).sum();
    sign * sum * h / 3.0
}

impl Directed {
    /// f(k) for each row, with the slope that is given beside it: `[B]`.
    fn of_kappa(&self, f: impl Fn(f64) -> (f64, f64)) -> Tensor<1> {
        let all: Vec<(f64, f64)> = to_vec(self.kappa.clone()).into_iter().map(|k| f(f64::from(k))).collect();
        let b = all.len();
        let tensor = |part: &dyn Fn(&(f64, f64)) -> f64| {
            from_vec(all.iter().map(|v| part(v) as f32).collect(), [b], &device::here())
        };
        // The value of k is taken off again, so that only its gradient stays.
        let change = self.kappa.clone() - self.kappa.clone().detach();
        tensor(&|v| v.0) + change * tensor(&|v| v.1)
    }
}

impl Posterior for Directed {
    fn mean(&self) -> Tensor<2> {
        self.mean.clone()
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let [b, d] = self.mean.dims();
        let kappa = to_vec(self.kappa.clone());
        let (mut cosine, mut slope) = (vec![0f32; k * b], vec![0f32; k * b]);
        let mut across = vec![0f32; k * b * d];
        for (row, id) in rows.iter().enumerate() {
            let mut stream = rng.stream(Purpose::Posterior, *id);
            let concentration = f64::from(kappa[row]);
            let mean = mean_cosine(d as f64 / 2.0 - 1.0, concentration);
            for sample in 0..k {
                let at = sample * b + row;
                let w = draw_cosine(d, concentration, &mut stream);
                cosine[at] = w as f32;
                slope[at] = slope_of_cosine(d, concentration, mean, w) as f32;
                // A direction at right angles to the first axis.
                let side: Vec<f64> = (1..d).map(|_| StandardNormal.sample(&mut stream)).collect();
                let length = side.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
                side.iter().enumerate().for_each(|(i, v)| across[at * d + i + 1] = (v / length) as f32);
            }
        }
        let here = &device::here();
        let change = (self.kappa.clone() - self.kappa.clone().detach()).reshape([1, b, 1]);
        let w = from_vec(cosine, [k, b, 1], here) + change * from_vec(slope, [k, b, 1], here);
        let first: Vec<f32> = (0..d).map(|i| f32::from(i == 0)).collect();
        let first = from_vec(first, [1, 1, d], here);
        let rest = (w.clone().square().neg() + 1.0).clamp_min(1e-12).sqrt();
        let around_first = first.clone() * w + from_vec(across, [k, b, d], here) * rest;
        // The reflection that takes the first axis to the mean.
        let mirror = first - self.mean.clone().unsqueeze(); // [1, B, D]
        let size = mirror.clone().square().sum_dim(2) + 1e-12;
        let along = (around_first.clone() * mirror.clone()).sum_dim(2) / size;
        vec![around_first - mirror * along.mul_scalar(2.0)].into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, d] = z[0].dims();
        let v = d as f64 / 2.0 - 1.0;
        let constant = self.of_kappa(|kappa| (log_constant(d, kappa), -mean_cosine(v, kappa)));
        let cosine = (z[0].clone() * self.mean.clone().unsqueeze()).sum_dim(2).reshape([k, b]);
        Some(cosine * self.kappa.clone().unsqueeze() + constant.unsqueeze())
    }

    fn centre(&self) -> Latents {
        vec![self.mean.clone().unsqueeze()]
    }

    /// k A(k) + log C(k) - log of the uniform density; its slope is k A'(k), A' = 1 - A^2 - (D - 1) A / k.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        let Form::Uniform = prior.form() else { return None };
        let d = self.mean.dims()[1];
        let v = d as f64 / 2.0 - 1.0;
        let total = self.of_kappa(|k| {
            let a = mean_cosine(v, k);
            (k * a + log_constant(d, k) - log_uniform(d), k * (1.0 - a * a - (d as f64 - 1.0) * a / k))
        });
        Some(Kl { total, per_dim: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prior::Sphere;

    fn directed(d: usize, kappa: f32) -> Directed {
        let mean: Vec<f32> = (0..d).map(|i| (1.0 + i as f32).sin()).collect();
        let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
        let mean = from_vec(mean.iter().map(|v| v / length).collect(), [1, d], &device::cpu());
        Directed { mean, kappa: from_vec(vec![kappa], [1], &device::cpu()) }
    }

    #[test]
    fn bessel_functions_agree_with_known_values() {
        // I_0(1) = 1.2660658778, I_1(2) = 1.5906368546, I_(1/2)(3) = sqrt(2/(3 pi)) sinh 3.
        assert!((log_bessel(0.0, 1.0) - 1.266_065_877_8f64.ln()).abs() < 1e-9);
        assert!((log_bessel(1.0, 2.0) - 1.590_636_854_6f64.ln()).abs() < 1e-9);
        assert!((log_bessel(0.5, 3.0) - ((2.0 / (3.0 * PI)).sqrt() * 3f64.sinh()).ln()).abs() < 1e-9);
        // coth k - 1/k in three dimensions.
        assert!((mean_cosine(0.5, 5.0) - (1.0 / 5f64.tanh() - 0.2)).abs() < 1e-9);
    }

    #[test]
    fn draws_lie_on_the_sphere_with_the_mean_cosine_and_the_divergence() {
        for (d, kappa) in [(2, 3.0f32), (3, 1.5), (10, 60.0)] {
            let (q, k) = (directed(d, kappa), 40_000);
            let draws = q.rsample(k, &[4], Rng::new(1));
            let z = to_vec(draws.z[0].clone());
            assert!(z.chunks(d).all(|z| (z.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-4));
            let mean = to_vec(q.mean());
            let cosine =
                z.chunks(d).map(|z| z.iter().zip(&mean).map(|(a, b)| a * b).sum::<f32>()).sum::<f32>() / k as f32;
            let want = mean_cosine(d as f64 / 2.0 - 1.0, f64::from(kappa));
            assert!((f64::from(cosine) - want).abs() < 0.01, "{d}: {cosine} is not {want}");
            let log_q = to_vec(q.log_prob(&draws.z).unwrap()).iter().map(|v| f64::from(*v)).sum::<f64>() / k as f64;
            let kl = f64::from(to_vec(q.kl(&Sphere::new(d)).unwrap().total)[0]);
            assert!((log_q - log_uniform(d) - kl).abs() < 0.03, "{d}: {} is not {kl}", log_q - log_uniform(d));
        }
    }

    #[test]
    fn the_slope_of_draws_is_that_of_their_mean() {
        // d E[w] / dk = A'(k): the mean of the slopes of many draws.
        for (d, k) in [(3usize, 2.0f64), (8, 20.0)] {
            let mut rng = Rng::new(3).stream(Purpose::Posterior, 0);
            let a = mean_cosine(d as f64 / 2.0 - 1.0, k);
            let n = 4_000;
            let mean =
                (0..n).map(|_| slope_of_cosine(d, k, a, draw_cosine(d, k, &mut rng))).sum::<f64>() / f64::from(n);
            let want = 1.0 - a * a - (d as f64 - 1.0) * a / k;
            assert!((mean / want - 1.0).abs() < 0.05, "{d}: {mean} is not {want}");
        }
    }
}
