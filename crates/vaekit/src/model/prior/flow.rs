//! N(0, I) bent by invertible maps that are learned.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor, density, device, from_vec};

use crate::model::Latents;
use crate::nn::{Init, Made, MadeShape, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Encode, Prior, PriorFamily};

/// Log-scales stay inside, so that no step is a cliff.
const REACH: f64 = 3.0;

fn held(raw: Tensor<2>) -> Tensor<2> {
    Activation::Tanh.apply(raw.mul_scalar(1.0 / REACH)).mul_scalar(REACH)
}

/// A map between codes and noise.
trait Map: Parameters + Send + Sync {
    const NAME: &'static str;

    /// Noise of codes `[N, D]`, and the log-determinant `[N, 1]`.
    fn to_noise(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>);

    /// Codes of noise.
    fn to_code(&self, u: Tensor<2>) -> Tensor<2>;
}

/// u_i = (z_i - m_i(z before i)) e^(-s_i(z before i)): one pass to score, D passes to draw.
///
/// Papamakarios et al., NeurIPS 2017, arXiv:1705.07057, equations 3 and 4.
#[derive(Debug)]
pub struct Autoregressive(Made);

impl Autoregressive {
    fn parts(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [n, d] = z.dims();
        let out = self.0.forward(z, None).reshape([n, d, 2]);
        let part = |i: usize| out.clone().narrow(2, i, 1).reshape([n, d]);
        (part(0), held(part(1)))
    }
}

impl Parameters for Autoregressive {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.parameters_mut()
    }
}

impl Map for Autoregressive {
    const NAME: &'static str = "maf";

    fn to_noise(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let (m, s) = self.parts(z.clone());
        ((z - m) * s.clone().neg().exp(), s.sum_dim(1).neg())
    }

    fn to_code(&self, u: Tensor<2>) -> Tensor<2> {
        let d = u.dims()[1];
        // What was right for the first i dimensions stays right.
        (0..d).fold(u.clone(), |z, _| {
            let (m, s) = self.parts(z);
            u.clone() * s.exp() + m
        })
    }
}

/// Every second dimension is moved and scaled by what a network makes of the others.
///
/// Dinh et al., Real NVP, ICLR 2017, arXiv:1605.08803, equations 7 and 8.
#[derive(Debug)]
pub struct Coupling {
    net: Mlp,
    /// 1 for a dimension that stays.
    stays: Vec<f32>,
}

impl Coupling {
    fn stays(&self) -> Tensor<2> {
        from_vec(self.stays.clone(), [1, self.stays.len()], &device::here())
    }

    /// Moves and log-scales, 0 where a dimension stays.
    fn parts(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let d = self.stays.len();
        let out = self.net.forward(z * self.stays());
        let moves = self.stays().neg() + 1.0;
        (out.clone().narrow(1, 0, d) * moves.clone(), held(out.narrow(1, d, d)) * moves)
    }
}

impl Parameters for Coupling {
    fn parameters(&self) -> Vec<&Parameter> {
        self.net.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.net.parameters_mut()
    }
}

impl Map for Coupling {
    const NAME: &'static str = "realnvp";

    fn to_noise(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let (m, s) = self.parts(z.clone());
        ((z - m) * s.clone().neg().exp(), s.sum_dim(1).neg())
    }

    fn to_code(&self, u: Tensor<2>) -> Tensor<2> {
        let (m, s) = self.parts(u.clone());
        u * s.exp() + m
    }
}

/// Several maps one after the other, the dimensions turned round between them.
#[derive(Debug)]
pub struct FlowPrior<M> {
    maps: Vec<M>,
    latent: usize,
}

/// `maf`
pub type MaskedAutoregressive = FlowPrior<Autoregressive>;
/// `realnvp`
pub type RealNvp = FlowPrior<Coupling>;

impl MaskedAutoregressive {
    pub fn new(steps: usize, latent: usize, hidden: usize, init: &mut Init) -> Self {
        let shape = MadeShape { blocks: latent, inputs: 1, outputs: 2, context: 0, hidden };
        let map = |i| Autoregressive(Made::new(&format!("prior.maf{i}"), shape, init));
        Self { maps: (0..steps).map(map).collect(), latent }
    }
}

impl RealNvp {
    /// The dimensions turn round between maps, which takes even places to odd ones where `latent` is even. Where it is
    /// odd they keep their parity, so the masks take turns, and a name of their own tells these weights from those of
    /// builds whose masks did not.
    pub fn new(steps: usize, latent: usize, hidden: usize, init: &mut Init) -> Self {
        let (turn, name) = if latent.is_multiple_of(2) { (0, "coupling") } else { (1, "alternating") };
        let map = |i| Coupling {
            net: Mlp::new(&format!("prior.{name}{i}"), &[latent, hidden, 2 * latent], Activation::Tanh, init),
            stays: (0..latent).map(|d| f32::from((d + turn * (i + 1)) % 2 == 0)).collect(),
        };
        Self { maps: (0..steps).map(map).collect(), latent }
    }
}

impl<M: Map> Parameters for FlowPrior<M> {
    fn parameters(&self) -> Vec<&Parameter> {
        self.maps.iter().flat_map(Parameters::parameters).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.maps.iter_mut().flat_map(Parameters::parameters_mut).collect()
    }
}

impl<M: Map> PriorFamily for FlowPrior<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(Bent(self))
    }
}

struct Bent<'a, M>(&'a FlowPrior<M>);

impl<M: Map> Prior for Bent<'_, M> {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, d] = z[0].dims();
        let zero = || from_vec(vec![0.0], [1, 1], &device::here());
        let start = (z[0].clone().reshape([k * b, d]), zero());
        let (noise, log_det) = self.0.maps.iter().fold(start, |(z, sum), map| {
            let (u, change) = map.to_noise(z);
            (u.flip([1]), sum + change)
        });
        (density::unit_gaussian(noise, zero()).sum_dim(1) + log_det).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let draws = rng.normal(Purpose::Prior, rows, self.0.latent);
        let noise = from_vec(draws, [rows.len(), self.0.latent], &device::here());
        vec![self.0.maps.iter().rev().fold(noise, |u, map| map.to_code(u.flip([1])))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vaekit_ops::to_vec;

    /// Mass on a grid, and the share of draws in a corner against the density there.
    fn check<M: Map>(family: &FlowPrior<M>) {
        let prior = Bent(family);
        let (n, reach) = (240usize, 8.0f64);
        let step = 2.0 * reach / n as f64;
        let at = |i: usize| (-reach + (i as f64 + 0.5) * step) as f32;
        let grid: Vec<f32> = (0..n * n).flat_map(|i| [at(i / n), at(i % n)]).collect();
        let log_p = to_vec(prior.log_prob(&vec![from_vec(grid.clone(), [1, n * n, 2], &device::cpu())]));
        let mass = |of: &dyn Fn(&[f32]) -> bool| {
            let cells = grid.chunks(2).zip(&log_p).filter(|(z, _)| of(z));
            cells.map(|(_, l)| f64::from(*l).exp() * step * step).sum::<f64>()
        };
        assert!((mass(&|_| true) - 1.0).abs() < 0.01, "{}: {}", M::NAME, mass(&|_| true));
        let corner = |z: &[f32]| z[0] > 0.3 && z[1] < 0.1;
        let rows: Vec<u64> = (0..20_000).collect();
        let z = to_vec(prior.sample(&rows, Rng::new(1)).remove(0));
        let share = z.chunks(2).filter(|z| corner(z)).count() as f64 / 20_000.0;
        assert!((share - mass(&corner)).abs() < 0.015, "{}: {share} is not {}", M::NAME, mass(&corner));
    }

    #[test]
    fn every_dimension_is_moved_whatever_their_number() {
        for latent in 1..=9 {
            let family = RealNvp::new(2, latent, 8, &mut Init::new(Rng::new(3)));
            let z = to_vec(Bent(&family).sample(&[0, 1, 2], Rng::new(1)).remove(0));
            let noise = Rng::new(1).normal(Purpose::Prior, &[0, 1, 2], latent);
            for d in 0..latent {
                // Two maps turn the dimensions round twice.
                let moved = (0..3).all(|row| z[row * latent + d] != noise[row * latent + d]);
                assert!(moved, "dimension {d} of {latent}");
            }
        }
    }

    #[test]
    fn densities_have_mass_one_and_draws_follow_them() {
        check(&MaskedAutoregressive::new(3, 2, 16, &mut Init::new(Rng::new(7))));
        check(&RealNvp::new(4, 2, 16, &mut Init::new(Rng::new(8))));
    }
}
