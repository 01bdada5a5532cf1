//! p(zG) prod_g p(zg given zg+1): each group follows the one above it.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor, density, device, from_vec};

use crate::model::{Latents, Support};
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Encode, Prior, PriorFamily};

/// Where log-variances of a group given the one above stay.
const LOG_VAR: (f32, f32) = (-8.0, 8.0);

/// The top is N(0, I), and each group below a diagonal Gaussian from a network with one hidden layer that sees the
/// group above.
#[derive(Debug)]
pub struct Ladder {
    /// From each group but the lowest to the one below it.
    nets: Vec<Mlp>,
    /// Dimensions of the groups, the lowest first.
    groups: Vec<usize>,
}

impl Ladder {
    /// For groups of these sizes, the lowest first; `hidden` units a network.
    pub fn new(groups: &[usize], hidden: usize, init: &mut Init) -> Self {
        let net = |(g, pair): (usize, &[usize])| {
            let name = if g == 0 { "prior.lower".to_owned() } else { format!("prior.lower{}", g + 1) };
            Mlp::new(&name, &[pair[1], hidden, 2 * pair[0]], Activation::Tanh, init)
        };
        Self { nets: groups.windows(2).enumerate().map(net).collect(), groups: groups.to_vec() }
    }
}

impl Parameters for Ladder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.nets.iter().flat_map(Parameters::parameters).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.nets.iter_mut().flat_map(Parameters::parameters_mut).collect()
    }
}

impl PriorFamily for Ladder {
    fn name(&self) -> &'static str {
        "top-down"
    }

    fn support(&self) -> Support {
        Support::Groups
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(Rungs(self))
    }
}

struct Rungs<'a>(&'a Ladder);

impl Prior for Rungs<'_> {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let zero = from_vec(vec![0.0; k * b], [k, b], &device::here());
        self.log_probs(z).into_iter().flatten().fold(zero, |sum, group| sum + group)
    }

    fn log_probs(&self, z: &Latents) -> Option<Vec<Tensor<2>>> {
        let of_group = |g: usize| {
            let [k, b, _] = z[g].dims();
            let log_p = match z.get(g + 1) {
                Some(above) => {
                    let (mean, log_var) = self.rung(g, above);
                    density::gaussian(z[g].clone(), mean, log_var)
                }
                None => density::unit_gaussian(z[g].clone(), from_vec(vec![0.0], [1, 1, 1], &device::here())),
            };
            log_p.sum_dim(2).reshape([k, b])
        };
        Some((0..self.0.groups.len()).map(of_group).collect())
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let n = rows.len();
        let mut down: Latents = Vec::new();
        for (g, d) in self.0.groups.iter().enumerate().rev() {
            let rng = if g == 0 { rng } else { rng.at_seed_of(1 ^ ((g as u64 - 1) << 32)) };
            let noise = from_vec(rng.normal(Purpose::Prior, rows, *d), [1, n, *d], &device::here());
            let z = match down.last() {
                Some(above) => {
                    let (mean, log_var) = self.rung(g, above);
                    density::reparameterize(mean, log_var, noise)
                }
                None => noise,
            };
            down.push(z);
        }
        down.into_iter().rev().zip(&self.0.groups).map(|(z, d)| z.reshape([n, *d])).collect()
    }

    fn given(&self, group: usize, above: &Tensor<3>) -> Option<(Tensor<3>, Tensor<3>)> {
        Some(self.rung(group, above))
    }
}

impl Rungs<'_> {
    /// Mean and log-variance of group `g` given the one above, `[K, B, D]`.
    fn rung(&self, g: usize, above: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let ([k, b, d], own) = (above.dims(), self.0.groups[g]);
        let out = self.0.nets[g].forward(above.clone().reshape([k * b, d])).reshape([k, b, 2 * own]);
        let log_var = out.clone().narrow(2, own, own).clamp(LOG_VAR.0, LOG_VAR.1);
        (out.narrow(2, 0, own), log_var)
    }
}
