//! The four parts joined: from a batch to the terms of the evidence lower bound.

use std::rc::Rc;

use vaekit_ops::{Tensor, device, from_vec};

use crate::data::Batch;
use crate::nn::{Parameter, Parameters, spectral_norm};
use crate::rng::Rng;
use crate::{Error, Result};

use super::{
    Decoder, Draws, Encoder, Kl, Latents, Likelihood, Mode, Posterior, PosteriorFamily, Prior, PriorFamily, Support,
};

/// A variational autoencoder, or an autoencoder when the posterior is a point.
pub struct Vae {
    /// x to raw posterior parameters.
    pub encoder: Box<dyn Encoder>,
    /// How these are read as q(z given x).
    pub posterior: Box<dyn PosteriorFamily>,
    /// p(z).
    pub prior: Box<dyn PriorFamily>,
    /// z to raw likelihood parameters.
    pub decoder: Box<dyn Decoder>,
    /// How these are read as p(x given z).
    pub likelihood: Box<dyn Likelihood>,
    /// Dimensions of each group of latents.
    pub groups: Vec<usize>,
}

/// What an objective sees of a batch: densities at draws, and what it may ask at others.
pub struct ElboTerms<'a> {
    /// The rows, with their mask, what the model is told, and addresses of noise.
    pub batch: &'a Batch,
    /// The samples of z.
    pub draws: Draws,
    /// log p(x given z), `[K, B]`.
    pub log_p_x_given_z: Tensor<2>,
    /// q(z given x) of the batch.
    pub posterior: Rc<dyn Posterior + 'a>,
    /// p(z) as its parameters stand.
    pub prior: Rc<dyn Prior + 'a>,
    /// KL(q || p), where it has a closed form.
    pub analytic_kl: Option<Kl>,
    /// False when z is a point with no density: then there is no KL and no bound.
    pub is_density: bool,
    /// Raw decoder outputs, `[K, B, R]`.
    raw: Tensor<3>,
    vae: &'a Vae,
}

impl<'a> ElboTerms<'a> {
    /// The samples of z.
    pub fn z(&self) -> &Latents {
        &self.draws.z
    }

    /// log p(z), `[K, B]`.
    pub fn log_p_z(&self) -> Tensor<2> {
        self.prior.log_prob(&self.draws.z)
    }

    /// log q(z given x), `[K, B]`.
    pub fn log_q_z_given_x(&self) -> Tensor<2> {
        self.posterior.log_q(&self.draws)
    }

    /// log p(x, z) - log q(z given x), `[K, B]`.
    pub fn log_weights(&self) -> Tensor<2> {
        self.log_p_x_given_z.clone() + self.log_p_z() - self.log_q_z_given_x()
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

    /// The closed-form KL of each latent variable, `[B, V]`: of a real dimension its own, of a class variable the sum over
    /// its one-hot coordinates. None where there is no closed form, or where q and p do not factorise.
    pub fn kl_of_variables(&self) -> Option<Tensor<2>> {
        let each = self.analytic_kl.as_ref()?.per_dim.clone()?;
        let Support::Classes { reals, classes } = self.vae.prior.support() else { return Some(each) };
        let [b, d] = each.dims();
        let variables = (d - reals) / classes.max(1);
        let of_classes = each.clone().narrow(1, reals, d - reals).reshape([b, variables, classes]).sum_dim(2);
        let of_classes = of_classes.reshape([b, variables]);
        Some(if reals == 0 { of_classes } else { Tensor::cat(vec![each.narrow(1, 0, reals), of_classes], 1) })
    }

    /// -E_q log p(x given z) of each row, the mean over the K samples: `[B]`.
    pub fn distortion(&self) -> Tensor<1> {
        mean_over_samples(self.log_p_x_given_z.clone()).neg()
    }

    /// The terms of the same batch and posterior at other draws.
    pub fn at(&self, draws: Draws) -> ElboTerms<'a> {
        self.vae.terms(self.batch, Rc::clone(&self.prior), Rc::clone(&self.posterior), draws)
    }

    /// E[x given z] of the draws, `[K B, X]`.
    pub fn means(&self) -> Tensor<2> {
        let [k, b, r] = self.raw.dims();
        self.vae.likelihood.mean(self.raw.clone().reshape([k * b, r]))
    }

    /// The rows, repeated to stand beside `means`; missing values are replaced by the mean, so that they add no
    /// difference. No gradient flows through them.
    ///
    /// # Shapes
    /// `means` and result: `[K B, X]`.
    pub fn rows_beside(&self, means: &Tensor<2>) -> Tensor<2> {
        let k = means.dims()[0] / self.batch.len();
        let x = self.batch.x.clone().repeat_dim(0, k);
        match &self.batch.mask {
            Some(mask) => x.mask_where(mask.clone().repeat_dim(0, k).equal_elem(0.0), means.clone().detach()),
            None => x,
        }
    }

    /// E[x given z] at other codes, `[B, D]` for each group: `[B, X]`.
    pub fn means_at(&self, z: &[Tensor<2>]) -> Tensor<2> {
        self.vae.likelihood.mean(self.vae.decoder.forward(z, self.batch.given.as_ref()))
    }

    /// Half the sum of squares of the decoder's weights, `[1]`.
    pub fn decoder_size(&self) -> Option<Tensor<1>> {
        let squares = self.vae.decoder.parameters().into_iter().map(|p| p.flat().square().sum().mul_scalar(0.5));
        squares.reduce(|a, b| a + b)
    }

    /// Half the sum of the squared largest singular values of the decoder's weights, `[1]`.
    pub fn decoder_norms(&self) -> Option<Tensor<1>> {
        let weights = self.vae.decoder.parameters().into_iter().filter(|p| p.shape().len() > 1);
        weights.map(|p| spectral_norm(p).square().mul_scalar(0.5)).reduce(|a, b| a + b)
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
        let prior = self.prior();
        let posterior = self.posterior.posterior(self.encoder.forward(batch, mode), Rc::clone(&prior), mode);
        let draws = posterior.rsample(k, &batch.row_ids, rng);
        self.terms(batch, prior, posterior.into(), draws)
    }

    /// The terms of a posterior at given draws.
    pub fn terms_at<'a>(&'a self, batch: &'a Batch, posterior: Box<dyn Posterior + 'a>, draws: Draws) -> ElboTerms<'a> {
        self.terms(batch, self.prior(), posterior.into(), draws)
    }

    fn terms<'a>(
        &'a self,
        batch: &'a Batch,
        prior: Rc<dyn Prior + 'a>,
        posterior: Rc<dyn Posterior + 'a>,
        draws: Draws,
    ) -> ElboTerms<'a> {
        let raw = self.decode_samples(&draws.z, batch.given.as_ref()); // [K, B, R]
        ElboTerms {
            batch,
            log_p_x_given_z: self.likelihood.log_prob(&batch.x, &raw, batch.mask.as_ref()),
            analytic_kl: posterior.kl(&*prior),
            is_density: self.posterior.is_density(),
            prior,
            posterior,
            draws,
            raw,
            vae: self,
        }
    }

    /// p(z) as its parameters stand.
    pub fn prior(&self) -> Rc<dyn Prior + '_> {
        let encode = |x: Tensor<2>| {
            let rows = x.dims()[0] as u64;
            let batch = Batch { x, mask: None, seen: None, given: None, row_ids: (0..rows).collect() };
            self.encoder.forward(&batch, Mode::Infer)
        };
        self.prior.prior(Rc::new(encode))
    }

    /// Dimensions of z, all groups together.
    pub fn latent(&self) -> usize {
        self.groups.iter().sum()
    }

    /// q(z given x) of a batch.
    pub fn encode(&self, batch: &Batch, mode: Mode) -> Box<dyn Posterior + '_> {
        self.read(self.encoder.forward(batch, mode), mode)
    }

    /// Raw encoder outputs as q(z given x).
    pub fn read(&self, raw: Vec<Tensor<2>>, mode: Mode) -> Box<dyn Posterior + '_> {
        self.posterior.posterior(raw, self.prior(), mode)
    }

    /// Raw decoder outputs for samples, `[K, B, R]`.
    pub fn decode_samples(&self, z: &Latents, given: Option<&Tensor<2>>) -> Tensor<3> {
        let [k, b, _] = z[0].dims();
        let flat: Vec<Tensor<2>> = z
            .iter()
            .map(|group| {
                let d = group.dims()[2];
                group.clone().reshape([k * b, d])
            })
            .collect();
        let given = given.map(|given| given.clone().repeat_dim(0, k));
        let raw = self.decoder.forward(&flat, given.as_ref());
        let r = raw.dims()[1];
        raw.reshape([k, b, r])
    }

    /// E[x given z] for codes `[N, D]`, the groups side by side: `[N, X]`.
    pub fn decode_mean(&self, z: Tensor<2>, given: Option<&Tensor<2>>) -> Tensor<2> {
        self.likelihood.mean(self.decoder.forward(&self.grouped(z), given))
    }

    /// Codes `[N, D]`, the groups side by side, taken apart.
    pub fn grouped(&self, z: Tensor<2>) -> Vec<Tensor<2>> {
        let starts = self.groups.iter().scan(0, |at, d| {
            *at += d;
            Some((*at - d, *d))
        });
        starts.map(|(start, d)| z.clone().narrow(1, start, d)).collect()
    }

    /// Checks that the decoder gives what the likelihood asks for, of rows of `width` values.
    pub(crate) fn check_decoder(&self, width: usize, given: usize) -> Result<()> {
        let zeros = |n| from_vec(vec![0.0; n], [1, n], &device::here());
        let given = (given > 0).then(|| zeros(given));
        let found = self.decoder.forward(&self.grouped(zeros(self.latent())), given.as_ref()).dims()[1];
        let (name, expected) = (self.likelihood.name(), self.likelihood.raw_width(width));
        if found == expected {
            return Ok(());
        }
        let problem = format!("{name} asks the decoder for {expected} outputs a row (raw_width), found {found}");
        Err(Error::setting("likelihood", format!("{problem}; build a decoder of that width")))
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
