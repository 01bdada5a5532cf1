//! Why the ELBO lies below log p(x): the family of q, or the encoder.

use serde::{Deserialize, Serialize};
use vaekit_ops::{Tensor, to_vec};

use crate::Result;
use crate::data::{Batch, Batches};
use crate::model::{Mode, Vae};
use crate::nn::{Fit, Init, Parameter, Parameters};
use crate::rng::Rng;

use super::{Evidence, Heard, STEP, batches, check, doubles};
use crate::eval::{mean, standard_error};

/// log p(x) - ELBO, and its two parts (Cremer et al. 2018, section 3), nats an example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// log p(x) - ELBO of the encoder's q.
    pub total_nats: f64,
    /// Its standard error.
    pub total_se: f64,
    /// log p(x) - ELBO of the best q of the family, found for each row alone.
    pub approximation_nats: f64,
    /// Its standard error.
    pub approximation_se: f64,
    /// ELBO of that best q - ELBO of the encoder's.
    pub amortization_nats: f64,
    /// Its standard error.
    pub amortization_se: f64,
    /// Rows that were measured.
    pub rows: usize,
}

impl Gap {
    /// True where a bound came out above log p(x) by more than twice the error: then the estimate of log p(x) is short,
    /// not the family of q rich.
    pub fn evidence_is_short(&self) -> bool {
        self.approximation_nats < -2.0 * self.approximation_se || self.total_nats < -2.0 * self.total_se
    }
}

/// Adam steps that look for the best q of a row, and samples of each.
const STEPS: u64 = 800;
const SEARCH: usize = 16;
/// Samples that measure an ELBO.
const MEASURE: usize = 500;
/// Where this file's draws begin, above those of the evidence.
const FIRST: u64 = STEP + (1 << 30);

/// Splits the gap over the rows that `evidence` was measured on.
///
/// The best q of a row starts at the encoder's and climbs the ELBO; both are
/// measured with the same noise.
///
/// # Errors
/// A model without densities, or the errors of the batches.
pub fn split_gap(vae: &Vae, rows: &Batches<'_>, evidence: &Evidence, rng: Rng, heard: Heard<'_>) -> Result<Gap> {
    check(vae)?;
    let (mut own, mut best) = (Vec::new(), Vec::new());
    batches(rows, heard, |batch| {
        let raw = vae.encoder.forward(batch, Mode::Infer);
        let before = elbo(vae, batch, raw.clone(), MEASURE, rng.at(FIRST));
        let after = elbo(vae, batch, search(vae, batch, raw, rng), MEASURE, rng.at(FIRST));
        best.extend(after);
        own.extend(before);
    })?;
    let difference = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let total = difference(&evidence.log_p, &own);
    let approximation = difference(&evidence.log_p, &best);
    let amortization = difference(&best, &own);
    Ok(Gap {
        total_nats: mean(&total),
        total_se: standard_error(&total),
        approximation_nats: mean(&approximation),
        approximation_se: standard_error(&approximation),
        amortization_nats: mean(&amortization),
        amortization_se: standard_error(&amortization),
        rows: own.len(),
    })
}

/// The ELBO of each row with q given by raw parameters.
fn elbo(vae: &Vae, batch: &Batch, raw: Vec<Tensor<2>>, samples: usize, rng: Rng) -> Vec<f64> {
    let posterior = vae.read(raw, Mode::Infer);
    let z = posterior.rsample(samples, &batch.row_ids, rng);
    let terms = vae.terms_at(batch, posterior, z);
    // Near the best q these weights hardly vary, unlike the distortion alone.
    let log_w = terms.log_weights(); // [K, B]
    let b = batch.len();
    doubles(log_w.mean_dim(0).reshape([b]))
}

/// Raw parameters of q for each row, to be bettered.
struct Raw(Vec<Parameter>);

impl Parameters for Raw {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.iter().collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.iter_mut().collect()
    }
}

/// Raw parameters of a better q for each row.
fn search(vae: &Vae, batch: &Batch, start: Vec<Tensor<2>>, rng: Rng) -> Vec<Tensor<2>> {
    let mut init = Init::new(rng);
    let parameter = |(i, raw): (usize, Tensor<2>)| {
        let mut parameter = init.constant(format!("raw{i}"), &raw.dims(), 0.0);
        parameter.set(to_vec(raw), false);
        parameter
    };
    let mut raw = Raw(start.into_iter().enumerate().map(parameter).collect());
    let mut fit = Fit::begin(&mut raw);
    for step in 1..=STEPS {
        let posterior = vae.read(raw.0.iter().map(Parameter::tensor).collect(), Mode::Infer);
        let z = posterior.rsample(SEARCH, &batch.row_ids, rng.at(FIRST + step));
        let terms = vae.terms_at(batch, posterior, z);
        let Some(rate) = terms.rate() else { break };
        let loss = (terms.distortion() + rate).sum();
        // From large steps to small ones, so that the end is a resting place.
        let lr = 0.03 * (1.0 - (step - 1) as f64 / STEPS as f64).powi(3);
        fit.descend(&mut raw, &loss, lr);
    }
    fit.end(&mut raw);
    raw.0.iter().map(Parameter::tensor).collect()
}
