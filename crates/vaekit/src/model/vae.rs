//! The four parts joined: from a batch to the terms of the evidence lower bound.

use vaekit_ops::Tensor;

use crate::data::Batch;
use crate::nn::{Parameter, Parameters};
use crate::rng::Rng;

use super::{Decoder, Encoder, Kl, Latents, Likelihood, Mode, Posterior, PosteriorFamily, Prior};

/// A variational autoencoder, or an autoencoder when the posterior is a point.
pub struct Vae {
    pub encoder: Box<dyn Encoder>,
    pub posterior: Box<dyn PosteriorFamily>,
    pub prior: Box<dyn Prior>,
    pub decoder: Box<dyn Decoder>,
    pub likelihood: Box<dyn Likelihood>,
}

/// What an objective sees of a batch: densities, and no networks.
pub struct ElboTerms<'a> {
    /// The rows, with their labels, mask and addresses of noise.
    pub batch: &'a Batch,
    pub z: Latents,
    /// log p(x given z), `[K, B]`.
    pub log_p_x_given_z: Tensor<2>,
    pub posterior: Box<dyn Posterior + 'a>,
    pub prior: &'a dyn Prior,
    /// KL(q || p), where it has a closed form.
    pub analytic_kl: Option<Kl>,
    /// False when z is a point with no density: then there is no KL and no bound.
    pub is_density: bool,
}

impl ElboTerms<'_> {
    /// log p(z), `[K, B]`.
    pub fn log_p_z(&self) -> Tensor<2> {
        self.prior.log_prob(&self.z)
    }

    /// log q(z given x), `[K, B]`.
    pub fn log_q_z_given_x(&self) -> Tensor<2> {
        self.posterior.log_prob(&self.z)
    }

    /// KL(q || p) of each row, `[B]`: in closed form, else the mean over the K
    /// samples of log q(z given x) - log p(z). None for a point.
    pub fn rate(&self) -> Option<Tensor<1>> {
        if !self.is_density {
            return None;
        }
        Some(match &self.analytic_kl {
            Some(kl) => kl.total.clone(),
            None => mean_over_samples(self.log_q_z_given_x() - self.log_p_z()),
        })
    }

    /// -E_q log p(x given z) of each row, the mean over the K samples: `[B]`.
    pub fn distortion(&self) -> Tensor<1> {
        mean_over_samples(self.log_p_x_given_z.clone()).neg()
    }
}

/// `[K, B]` to `[B]`.
fn mean_over_samples(terms: Tensor<2>) -> Tensor<1> {
    let b = terms.dims()[1];
    terms.mean_dim(0).reshape([b])
}

impl Vae {
    /// Encodes, draws `k` samples a row, decodes, and measures.
    ///
    /// The noise of a row belongs to (rng, row id).
    pub fn elbo_terms<'a>(&'a self, batch: &'a Batch, k: usize, rng: Rng, mode: Mode) -> ElboTerms<'a> {
        let posterior = self.encode(batch, mode);
        let z = posterior.rsample(k, &batch.row_ids, rng);
        self.terms_at(batch, posterior, z)
    }

    /// The terms at given samples of z, `[K, B, D]` for each group.
    pub fn terms_at<'a>(&'a self, batch: &'a Batch, posterior: Box<dyn Posterior + 'a>, z: Latents) -> ElboTerms<'a> {
        let raw = self.decode_samples(&z, batch.label.as_deref()); // [K, B, R]
        ElboTerms {
            batch,
            log_p_x_given_z: self.likelihood.log_prob(&batch.x, &raw, batch.mask.as_ref()),
            analytic_kl: posterior.kl(&*self.prior),
            is_density: self.posterior.is_density(),
            prior: &*self.prior,
            posterior,
            z,
        }
    }

    /// q(z given x) of a batch.
    pub fn encode(&self, batch: &Batch, mode: Mode) -> Box<dyn Posterior + '_> {
        self.posterior.posterior(self.encoder.forward(batch, mode))
    }

    /// Raw decoder outputs for samples, `[K, B, R]`.
    pub fn decode_samples(&self, z: &Latents, label: Option<&[u32]>) -> Tensor<3> {
        let [k, b, _] = z[0].dims();
        let flat: Vec<Tensor<2>> = z
            .iter()
            .map(|group| {
                let d = group.dims()[2];
                group.clone().reshape([k * b, d])
            })
            .collect();
        let label = label.map(|l| l.repeat(k));
        let raw = self.decoder.forward(&flat, label.as_deref());
        let r = raw.dims()[1];
        raw.reshape([k, b, r])
    }

    /// E[x given z] for codes `[N, D]`, one group: `[N, X]`.
    pub fn decode_mean(&self, z: Tensor<2>) -> Tensor<2> {
        self.likelihood.mean(self.decoder.forward(&[z], None))
    }

    /// Makes the decoder start out at the mean row `[X]`, in model values, so
    /// that training need not find it first.
    pub fn start_at(&mut self, mean: &[f32]) {
        self.decoder.set_output_bias(self.likelihood.raw_of_mean(mean));
    }

    /// Records gradients, or ceases to.
    pub fn set_tracking(&mut self, on: bool) {
        self.parameters_mut().into_iter().for_each(|p| p.track(on));
    }
}

impl Parameters for Vae {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = self.encoder.parameters();
        all.extend(self.posterior.parameters());
        all.extend(self.prior.parameters());
        all.extend(self.decoder.parameters());
        all.extend(self.likelihood.parameters());
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.encoder.parameters_mut();
        all.extend(self.posterior.parameters_mut());
        all.extend(self.prior.parameters_mut());
        all.extend(self.decoder.parameters_mut());
        all.extend(self.likelihood.parameters_mut());
        all
    }
}
