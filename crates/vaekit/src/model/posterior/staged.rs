//! Two stages: codes of rows, and codes of these codes.

use std::rc::Rc;

use vaekit_ops::{Activation, Tensor};

use crate::model::{Latents, Mode, Prior, Support};
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::rng::Rng;

use super::diagonal::Gaussian;
use super::ladder::upper;
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// q(z1 given x) from the encoder, and q(z2 given z1) from a network that sees z1 alone, without passing gradients
/// to it: what is learned of the codes leaves the codes as they are.
///
/// Dai & Wipf, Diagnosing and Enhancing VAE Models, ICLR 2019, arXiv:1903.05789, section 3.
#[derive(Debug)]
pub struct Staged {
    net: Mlp,
}

impl Staged {
    /// One hidden layer of `hidden` units between z1 and z2.
    pub fn new(latent: usize, hidden: usize, init: &mut Init) -> Self {
        let sizes = [latent, hidden, 2 * upper(latent)];
        Self { net: Mlp::new("posterior.stage", &sizes, Activation::Tanh, init) }
    }
}

impl Parameters for Staged {
    fn parameters(&self) -> Vec<&Parameter> {
        self.net.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.net.parameters_mut()
    }
}

impl PosteriorFamily for Staged {
    fn name(&self) -> &'static str {
        "staged"
    }

    fn raw_width(&self, latent: usize) -> usize {
        2 * latent
    }

    fn groups(&self, latent: usize) -> Vec<usize> {
        vec![latent, upper(latent)]
    }

    fn passes_gradients(&self) -> bool {
        false
    }

    fn support(&self) -> Support {
        Support::Groups
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, _: Mode) -> Box<dyn Posterior + 'a> {
        Box::new(Stages { first: Gaussian::new(raw.swap_remove(0)), net: &self.net })
    }
}

struct Stages<'a> {
    first: Gaussian,
    net: &'a Mlp,
}

/// What sets the draws of the second stage apart.
const SECOND: u64 = 0x5345_434f_4e44_0000;

impl Stages<'_> {
    /// q(z2 given z1) of codes `[K, B, D]`, as one Gaussian a code.
    fn second(&self, z1: &Tensor<3>) -> Gaussian {
        let [k, b, d] = z1.dims();
        Gaussian::new(self.net.forward(z1.clone().detach().reshape([k * b, d])))
    }
}

impl Posterior for Stages<'_> {
    fn mean(&self) -> Tensor<2> {
        let z1 = self.first.mean();
        Tensor::cat(vec![z1.clone(), self.second(&z1.unsqueeze()).mean()], 1)
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let z1 = self.first.rsample(k, rows, rng).z.remove(0);
        let (mean, log_var) = self.second(&z1).parts();
        let eps = super::diagonal::noise(k, rows, mean.dims()[1], rng.at_seed_of(SECOND));
        let shape = eps.dims();
        let z2 = vaekit_ops::density::reparameterize(mean.reshape(shape), log_var.reshape(shape), eps);
        vec![z1, z2].into()
    }

    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        Some(self.first.log_prob(&vec![z[0].clone()])? + self.log_prob_of_upper(z)?)
    }

    fn log_prob_of_upper(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, d] = z[1].dims();
        let codes = vec![z[1].clone().reshape([1, k * b, d])];
        Some(self.second(&z[0]).log_prob(&codes)?.reshape([k, b]))
    }

    fn centre(&self) -> Latents {
        let z1 = self.first.mean().unsqueeze::<3>();
        let z2 = self.second(&z1).mean().unsqueeze();
        vec![z1, z2]
    }

    /// Of the first stage from N(0, I) alone: what the first stage is trained with.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        self.first.kl(prior)
    }
}
