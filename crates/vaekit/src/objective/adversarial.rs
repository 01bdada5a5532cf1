//! Games: codes against draws from the prior, pictures against rows of the data.

use vaekit_ops::{Activation, Tensor, softplus};

use crate::model::ElboTerms;
use crate::nn::{Init, Mlp, Parameter, Parameters};

use super::estimator::held;
use super::{Elbo, Group, Loss, Objective, Progress, Schedule};

/// value = distortion + weight E softplus(-D(z)), where D is the logit that a code was drawn from the prior; D itself
/// minimises E softplus(-D(drawn)) + E softplus(D(z)).
///
/// Makhzani et al., Adversarial Autoencoders, 2015, arXiv:1511.05644, section 2, with the non-saturating loss of
/// Goodfellow et al. 2014.
#[derive(Debug)]
pub struct Adversarial {
    weight: f64,
    net: Mlp,
}

impl Adversarial {
    /// Two hidden layers of `width` units.
    pub fn new(weight: f64, latent: usize, width: usize, init: &mut Init) -> Self {
        let net = Mlp::new("objective.adversary", &[latent, width, width, 1], Activation::LeakyRelu, init);
        Self { weight, net }
    }
}

impl Parameters for Adversarial {
    fn parameters(&self) -> Vec<&Parameter> {
        self.net.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.net.parameters_mut()
    }
}

impl Objective for Adversarial {
    fn samples(&self) -> usize {
        1
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let [_, b, d] = terms.z()[0].dims();
        let z = terms.z()[0].clone().narrow(0, 0, 1).reshape([b, d]);
        let drawn = terms.prior.sample(&terms.batch.row_ids, progress.rng).swap_remove(0).detach();
        let passes_for_drawn = softplus(self.net.forward_frozen(z.clone()).neg()).mean();
        let told_apart = softplus(self.net.forward(drawn).neg()).mean() + softplus(self.net.forward(z.detach())).mean();
        Loss::new(terms.distortion().mean() + passes_for_drawn.mul_scalar(self.weight) + told_apart, terms)
    }

    fn judged(&self, terms: &ElboTerms<'_>, _: Progress) -> Tensor<1> {
        terms.distortion().mean()
    }

    fn group(&self) -> Option<Group> {
        Some(Group { rate: 1.0, beta1: 0.5, beta2: 0.999 })
    }

    fn is_slope_of_value(&self) -> bool {
        false
    }
}

/// value = -ELBO + features |F(x) - F(mean)|^2 / 2 + weight (E softplus(-D(mean)) + E softplus(-D(drawn mean))), with
/// D a network on rows, F its hidden layer; D itself tells rows from means of reconstructions and of draws.
///
/// Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, arXiv:1512.09300,
/// equations 7 and 8 and algorithm 1: the game's slope reaches the decoder alone, that of likeness the encoder too. The
/// distortion stays, so that the model keeps a likelihood; the game comes on top.
#[derive(Debug)]
pub struct Perceiver {
    /// The bound beside the game.
    pub elbo: Elbo,
    features: f64,
    weight: f64,
    /// From rows to features.
    below: Mlp,
    /// From features to a logit.
    above: Mlp,
}

impl Perceiver {
    /// A hidden layer of `width` features on rows of `values`.
    pub fn new(elbo: Elbo, features: f64, weight: f64, values: usize, width: usize, init: &mut Init) -> Self {
        let act = Activation::LeakyRelu;
        let below = Mlp::new("objective.features", &[values, width], act, init);
        Self { elbo, features, weight, below, above: Mlp::new("objective.judge", &[width, width, 1], act, init) }
    }

    fn seen(&self, x: Tensor<2>, frozen: bool) -> (Tensor<2>, Tensor<2>) {
        let features = if frozen { self.below.forward_frozen(x) } else { self.below.forward(x) };
        let active = Activation::LeakyRelu.apply(features);
        let logit = if frozen { self.above.forward_frozen(active.clone()) } else { self.above.forward(active.clone()) };
        (active, logit)
    }
}

impl Parameters for Perceiver {
    fn parameters(&self) -> Vec<&Parameter> {
        [self.below.parameters(), self.above.parameters()].concat()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.below.parameters_mut();
        all.extend(self.above.parameters_mut());
        all
    }
}

impl Objective for Perceiver {
    fn samples(&self) -> usize {
        1
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let means = terms.means();
        let x = terms.rows_beside(&means);
        // The decoder alone plays: the same rows decoded from codes that pass nothing to the encoder.
        let played = terms.at(held(terms)).means();
        let drawn = terms.means_at(&terms.prior.sample(&terms.batch.row_ids, progress.rng));
        let (of_rows, _) = self.seen(x.clone(), true);
        let (of_means, _) = self.seen(means.clone(), true);
        let (_, passes) = self.seen(played, true);
        let (_, drawn_passes) = self.seen(drawn.clone(), true);
        let alike = (of_rows - of_means).square().sum_dim(1).mean().mul_scalar(0.5);
        let fooled = softplus(passes.neg()).mean() + softplus(drawn_passes.neg()).mean();
        let told = |x: Tensor<2>, sign: f64| softplus(self.seen(x.detach(), false).1.mul_scalar(sign)).mean();
        let told_apart = told(x, -1.0) + (told(means, 1.0) + told(drawn, 1.0)).mul_scalar(0.5);
        let loss = self.elbo.loss(terms, progress);
        let value = loss.value.clone() + alike.mul_scalar(self.features) + fooled.mul_scalar(self.weight) + told_apart;
        Loss { value, ..loss }
    }

    fn judged(&self, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        self.elbo.loss(terms, progress).value
    }

    fn group(&self) -> Option<Group> {
        Some(Group { rate: 0.5, beta1: 0.5, beta2: 0.999 })
    }

    fn is_slope_of_value(&self) -> bool {
        false
    }

    fn schedule(&self) -> Option<Schedule> {
        self.elbo.schedule()
    }
}
