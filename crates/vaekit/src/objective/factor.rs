//! Total correlation by a network that tells codes from shuffled codes.

use vaekit_ops::{Activation, Tensor, device, from_vec, softplus};

use crate::model::ElboTerms;
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::{Elbo, Group, Loss, Objective, Progress, Schedule};

/// value = -ELBO + gamma E[D(z)], where D is the logit that z was not shuffled; D itself minimises
/// -1/2 (E log s(D(z)) + E log s(-D(shuffled z))), each dimension of z shuffled over the batch.
///
/// The shuffled codes are of the same batch, where the paper draws a second one; a share 1/B of shuffled values stays
/// with its own row.
///
/// Kim & Mnih, Disentangling by Factorising, ICML 2018, arXiv:1802.05983, equations 2 and 3 and algorithm 2.
#[derive(Debug)]
pub struct Factor {
    /// The bound beside the total correlation.
    pub elbo: Elbo,
    /// Weight of the total correlation.
    pub gamma: f64,
    /// One logit: that of a true code.
    net: Mlp,
}

impl Factor {
    /// Five hidden layers of `width` leaky units.
    pub fn new(elbo: Elbo, gamma: f64, latent: usize, width: usize, init: &mut Init) -> Self {
        let sizes = [&[latent], [width; 5].as_slice(), &[1]].concat();
        Self { elbo, gamma, net: Mlp::new("objective.factor", &sizes, Activation::LeakyRelu, init) }
    }
}

/// Rows `[B, D]` with each dimension in an order of its own.
pub fn shuffled(z: Tensor<2>, rng: Rng) -> Tensor<2> {
    let [b, d] = z.dims();
    let columns = (0..d).map(|i| {
        let order = rng.at_seed_of(i as u64 + 1).permutation(Purpose::Objective, b);
        z.clone().narrow(1, i, 1).select(0, indices(&order))
    });
    Tensor::cat(columns.collect(), 1)
}

/// Row numbers for the device.
fn indices(order: &[u32]) -> vaekit_ops::IntTensor<1> {
    let numbers: Vec<f32> = order.iter().map(|i| *i as f32).collect();
    from_vec(numbers, [order.len()], &device::here()).int()
}

impl Parameters for Factor {
    fn parameters(&self) -> Vec<&Parameter> {
        self.net.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.net.parameters_mut()
    }
}

impl Objective for Factor {
    fn least_rows(&self) -> usize {
        2
    }

    fn samples(&self) -> usize {
        self.elbo.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let [_, b, d] = terms.z()[0].dims();
        let z = terms.z()[0].clone().narrow(0, 0, 1).reshape([b, d]);
        let correlation = self.net.forward_frozen(z.clone()).mean();
        let z = z.detach();
        // An order for each batch: rows of the batch say which it is.
        let address = progress.rng.at_seed_of(terms.batch.row_ids.first().copied().unwrap_or(0));
        let (own, other) = (self.net.forward(z.clone()), self.net.forward(shuffled(z, address)));
        let told_apart = (softplus(own.neg()).mean() + softplus(other).mean()).mul_scalar(0.5);
        let loss = self.elbo.loss(terms, progress);
        // The model sees a frozen network, the network frozen codes: one sum serves both.
        let value = loss.value.clone() + correlation.mul_scalar(self.gamma) + told_apart;
        Loss { value, ..loss }
    }

    fn judged(&self, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        self.elbo.loss(terms, progress).value
    }

    fn group(&self) -> Option<Group> {
        Some(Group { rate: 1.0, beta1: 0.5, beta2: 0.9 })
    }

    fn is_slope_of_value(&self) -> bool {
        false
    }

    fn schedule(&self) -> Option<Schedule> {
        self.elbo.schedule()
    }
}
