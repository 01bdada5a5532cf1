//! Gaussians bent by invertible maps: planar, Householder and inverse autoregressive flows.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor, softplus};

use crate::model::{Latents, Mode, Prior};
use crate::nn::{Init, Made, MadeShape, Parameter, Parameters};
use crate::rng::Rng;

use super::diagonal::Gaussian;
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// A map of codes, with what it does to volumes. Its parameters come from the encoder or are its own.
trait Bend: Parameters + Send + Sync {
    const NAME: &'static str;

    /// Raw encoder outputs a step for codes of `latent` dimensions.
    fn raw_width(&self, latent: usize) -> usize;

    /// The code after step `step`, and the log-determinant of the map there.
    ///
    /// # Shapes
    /// `z`: `[N, D]`; `raw`: `[N, raw_width]`; result: `[N, D]` and `[N, 1]`.
    fn bend(&self, step: usize, z: Tensor<2>, raw: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>);
}

/// z' = z + u tanh(w'z + b), with w, b and u from the encoder.
///
/// Rezende & Mohamed, ICML 2015, arXiv:1505.05770, equations 10 to 12 and appendix A.1, which keeps it invertible.
#[derive(Debug)]
pub struct PlanarBend;

impl Parameters for PlanarBend {}

impl Bend for PlanarBend {
    const NAME: &'static str = "planar";

    fn raw_width(&self, latent: usize) -> usize {
        2 * latent + 1
    }

    fn bend(&self, _: usize, z: Tensor<2>, raw: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let [_, d] = z.dims();
        let (w, u, b) = (raw.clone().narrow(1, 0, d), raw.clone().narrow(1, d, d), raw.narrow(1, 2 * d, 1));
        let wu = (w.clone() * u.clone()).sum_dim(1); // [N, 1]
        // m(w'u) = -1 + log(1 + e^(w'u)) keeps w'u above -1.
        let square = w.clone().square().sum_dim(1) + 1e-6;
        let u = u + w.clone() * ((softplus(wu.clone()) - 1.0 - wu) / square);
        let h = Activation::Tanh.apply((w.clone() * z.clone()).sum_dim(1) + b);
        let slope = h.clone().square().neg() + 1.0;
        let wu = (w * u.clone()).sum_dim(1);
        (z + u * h, Some((slope * wu + 1.0).clamp_min(1e-6).log()))
    }
}

/// z' = (I - 2 v v' / v'v) z: reflections, which keep volumes and together give any rotation of the covariance.
///
/// Tomczak & Welling, arXiv:1611.09630, equation 10; every v comes from the encoder.
#[derive(Debug)]
pub struct HouseholderBend;

impl Parameters for HouseholderBend {}

impl Bend for HouseholderBend {
    const NAME: &'static str = "householder";

    fn raw_width(&self, latent: usize) -> usize {
        latent
    }

    fn bend(&self, _: usize, z: Tensor<2>, v: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let along = (v.clone() * z.clone()).sum_dim(1) / (v.clone().square().sum_dim(1) + 1e-6);
        (z - v * along.mul_scalar(2.0), None)
    }
}

/// z' = s z + (1 - s) m, with m and s from a masked network of z and of a context from the encoder.
///
/// Kingma et al., NeurIPS 2016, arXiv:1606.04934, equations 13 and 14; the order of dimensions turns at each step.
#[derive(Debug)]
pub struct AutoregressiveBend {
    nets: Vec<Made>,
}

/// A gate that begins near 1 (0.88): the flow starts out close to doing nothing.
const OPEN: f64 = 2.0;

impl Parameters for AutoregressiveBend {
    fn parameters(&self) -> Vec<&Parameter> {
        self.nets.iter().flat_map(Made::parameters).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.nets.iter_mut().flat_map(Made::parameters_mut).collect()
    }
}

impl Bend for AutoregressiveBend {
    const NAME: &'static str = "iaf";

    fn raw_width(&self, latent: usize) -> usize {
        latent
    }

    fn bend(&self, step: usize, z: Tensor<2>, context: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let [n, d] = z.dims();
        let out = self.nets[step].forward(z.clone(), Some(context)).reshape([n, d, 2]);
        let part = |i: usize| out.clone().narrow(2, i, 1).reshape([n, d]);
        let (m, raw) = (part(0), part(1) + OPEN);
        let gate = Activation::Sigmoid.apply(raw.clone());
        let moved = gate.clone() * (z - m.clone()) + m;
        (moved.flip([1]), Some(softplus(raw.neg()).neg().sum_dim(1)))
    }
}

/// A diagonal Gaussian and then `steps` maps. Raw outputs are those of the Gaussian, then those of each map.
#[derive(Debug)]
pub struct Flow<M> {
    map: M,
    steps: usize,
    latent: usize,
}

/// `planar`
pub type Planar = Flow<PlanarBend>;
/// `householder`
pub type Householder = Flow<HouseholderBend>;
/// `iaf`
pub type InverseAutoregressive = Flow<AutoregressiveBend>;

impl Planar {
    pub fn new(steps: usize, latent: usize) -> Self {
        Self { map: PlanarBend, steps, latent }
    }
}

impl Householder {
    pub fn new(steps: usize, latent: usize) -> Self {
        Self { map: HouseholderBend, steps, latent }
    }
}

impl InverseAutoregressive {
    pub fn new(steps: usize, latent: usize, hidden: usize, init: &mut Init) -> Self {
        let shape = MadeShape { blocks: latent, inputs: 1, outputs: 2, context: latent, hidden };
        let nets = (0..steps).map(|i| Made::new(&format!("posterior.iaf{i}"), shape, init)).collect();
        Self { map: AutoregressiveBend { nets }, steps, latent }
    }
}

impl<M: Bend> Parameters for Flow<M> {
    fn parameters(&self) -> Vec<&Parameter> {
        self.map.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.map.parameters_mut()
    }
}

impl<M: Bend> PosteriorFamily for Flow<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn raw_width(&self, latent: usize) -> usize {
        2 * latent + self.steps * self.map.raw_width(latent)
    }

    fn begins_with_gaussian(&self) -> bool {
        true
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        let raw = raw.swap_remove(0);
        let width = raw.dims()[1];
        let d = self.latent;
        let base = Gaussian::new(raw.clone().narrow(1, 0, 2 * d));
        Box::new(Bent { flow: self, base, raw: raw.narrow(1, 2 * d, width - 2 * d) })
    }
}

struct Bent<'a, M> {
    flow: &'a Flow<M>,
    base: Gaussian,
    /// Raw outputs of all maps, `[B, steps raw_width]`.
    raw: Tensor<2>,
}

impl<M: Bend> Bent<'_, M> {
    /// Codes `[K, B, D]` through all maps, and the sum of the log-determinants `[K, B]`.
    fn through(&self, z: Tensor<3>) -> (Tensor<3>, Option<Tensor<2>>) {
        let [k, b, d] = z.dims();
        let mut z = z.reshape([k * b, d]);
        let wide = self.flow.map.raw_width(d);
        let mut log_det: Option<Tensor<2>> = None;
        for step in 0..self.flow.steps {
            let raw = self.raw.clone().narrow(1, step * wide, wide);
            let raw = raw.unsqueeze::<3>().repeat_dim(0, k).reshape([k * b, wide]);
            let (bent, change) = self.flow.map.bend(step, z, raw);
            z = bent;
            if let Some(change) = change {
                log_det = Some(log_det.map_or(change.clone(), |sum| sum + change));
            }
        }
        (z.reshape([k, b, d]), log_det.map(|sum| sum.reshape([k, b])))
    }
}

impl<M: Bend> Posterior for Bent<'_, M> {
    /// The base Gaussian's mean, bent.
    fn mean(&self) -> Tensor<2> {
        let [b, d] = self.base.mean().dims();
        self.centre().remove(0).reshape([b, d])
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let base = self.base.rsample(k, rows, rng);
        let log_q = self.base.log_q(&base);
        let (z, log_det) = self.through(base.z[0].clone());
        let log_q = match log_det {
            Some(log_det) => log_q - log_det,
            None => log_q,
        };
        Draws { z: vec![z], log_q: Some(log_q) }
    }

    fn log_prob(&self, _z: &Latents) -> Option<Tensor<2>> {
        None
    }

    fn centre(&self) -> Latents {
        vec![self.through(self.base.mean().unsqueeze()).0]
    }

    fn kl(&self, _prior: &dyn Prior) -> Option<Kl> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prior::StandardNormal;
    use vaekit_ops::{device, from_vec, to_vec};

    /// The density of draws, by the volume that a small box around each takes after the maps.
    fn check<M: Bend>(flow: &Flow<M>) {
        let d = flow.latent;
        let width = flow.raw_width(d);
        let raw: Vec<f32> = (0..width).map(|i| 0.8 * (1.7 * i as f32 + 0.3).sin()).collect();
        let mode = Mode::Infer;
        let make = || {
            let prior: Rc<dyn Prior> = Rc::new(StandardNormal::new(d));
            flow.posterior(vec![from_vec(raw.clone(), [1, width], &device::cpu())], prior, mode)
        };
        let bent = Bent {
            flow,
            base: Gaussian::new(from_vec(raw[..2 * d].to_vec(), [1, 2 * d], &device::cpu())),
            raw: from_vec(raw[2 * d..].to_vec(), [1, width - 2 * d], &device::cpu()),
        };
        let z0: Vec<f32> = (0..d).map(|i| 0.5 - 0.3 * i as f32).collect();
        let h = 1e-2f32;
        let at = |z: Vec<f32>| to_vec(bent.through(from_vec(z, [1, 1, d], &device::cpu())).0);
        let column = |j: usize| {
            let moved = |sign: f32| at(z0.iter().enumerate().map(|(i, v)| v + sign * h * f32::from(i == j)).collect());
            moved(1.0).iter().zip(moved(-1.0)).map(|(a, b)| f64::from(a - b) / f64::from(2.0 * h)).collect::<Vec<f64>>()
        };
        let jacobian: Vec<Vec<f64>> = (0..d).map(column).collect();
        let log_det = determinant(jacobian).abs().ln();
        let told = bent.through(from_vec(z0.clone(), [1, 1, d], &device::cpu())).1.map_or(0.0, |t| to_vec(t)[0]);
        assert!((f64::from(told) - log_det).abs() < 1e-2, "{}: {told} is not {log_det}", M::NAME);
        assert!(make().rsample(3, &[1], Rng::new(0)).log_q.is_some());
    }

    /// Of a matrix of three rows.
    fn determinant(m: Vec<Vec<f64>>) -> f64 {
        let minor = |a: usize, b: usize| m[1][a] * m[2][b] - m[1][b] * m[2][a];
        m[0][0] * minor(1, 2) - m[0][1] * minor(0, 2) + m[0][2] * minor(0, 1)
    }

    #[test]
    fn log_determinants_agree_with_finite_differences() {
        check(&Planar::new(3, 3));
        check(&Householder::new(2, 3));
        check(&InverseAutoregressive::new(3, 3, 8, &mut Init::new(Rng::new(4))));
    }
}
