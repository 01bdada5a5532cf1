//! p(z2) p(z1 given z2): the lower of two groups follows the upper one.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor, density, device, from_vec};

use crate::model::{Latents, Support};
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Encode, Prior, PriorFamily};

/// Where log-variances of z1 given z2 stay.
const LOG_VAR: (f32, f32) = (-8.0, 8.0);

/// z2 is N(0, I), and z1 given z2 a diagonal Gaussian from a network with one hidden layer.
#[derive(Debug)]
pub struct Ladder {
    net: Mlp,
    lower: usize,
    upper: usize,
}

impl Ladder {
    pub fn new(lower: usize, upper: usize, hidden: usize, init: &mut Init) -> Self {
        Self { net: Mlp::new("prior.lower", &[upper, hidden, 2 * lower], Activation::Tanh, init), lower, upper }
    }
}

impl Parameters for Ladder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.net.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.net.parameters_mut()
    }
}

impl PriorFamily for Ladder {
    fn name(&self) -> &'static str {
        "two-groups"
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
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        let of_upper = density::unit_gaussian(z[1].clone(), zero).sum_dim(2);
        let (mean, log_var) = self.given(&z[1]);
        (density::gaussian(z[0].clone(), mean, log_var).sum_dim(2) + of_upper).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let n = rows.len();
        let noise = |rng: Rng, d: usize| from_vec(rng.normal(Purpose::Prior, rows, d), [1, n, d], &device::here());
        let z2 = noise(rng.at_seed_of(1), self.0.upper);
        let (mean, log_var) = self.given(&z2);
        let z1 = density::reparameterize(mean, log_var, noise(rng, self.0.lower));
        vec![z1.reshape([n, self.0.lower]), z2.reshape([n, self.0.upper])]
    }

    fn lower(&self, upper: &Tensor<3>) -> Option<(Tensor<3>, Tensor<3>)> {
        Some(self.given(upper))
    }
}

impl Rungs<'_> {
    /// Mean and log-variance of z1, `[K, B, D1]`.
    fn given(&self, z2: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let [k, b, d] = z2.dims();
        let out = self.0.net.forward(z2.clone().reshape([k * b, d])).reshape([k, b, 2 * self.0.lower]);
        let log_var = out.clone().narrow(2, self.0.lower, self.0.lower).clamp(LOG_VAR.0, LOG_VAR.1);
        (out.narrow(2, 0, self.0.lower), log_var)
    }
}
