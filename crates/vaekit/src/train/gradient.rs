//! The heart of a step: a batch in, a loss and gradients out.

use vaekit_ops::{scalar, to_vec};

use crate::data::Batch;
use crate::model::Mode;
use crate::nn::Parameters;
use crate::objective::Progress;
use crate::variants::Recipe;

/// The loss of a batch, in nats an example.
#[derive(Clone, Copy, Debug)]
pub struct BatchLoss {
    /// What is minimised.
    pub loss: f64,
    /// KL(q || p).
    pub rate: Option<f64>,
    /// -E_q log p(x given z).
    pub distortion: f64,
    /// What the KL was multiplied by, where there is one.
    pub kl_weight: Option<f64>,
    /// How far reconstructions are from rows to the eye, where a loss of that is asked for; before its weight.
    pub perceptual: Option<f64>,
}

/// Gradients in the order of the parameters; none for a parameter that took no part.
pub type Gradients = Vec<Option<Vec<f32>>>;

/// What one pass over a batch gives.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The loss of the batch.
    pub loss: BatchLoss,
    /// None where the loss is not finite.
    pub gradients: Option<Gradients>,
    /// Encoder outputs, where the prior follows them; for [`Moment::Step`](crate::model::Moment).
    pub outputs: Option<Vec<f32>>,
}

/// Forward and backward. The model's parameters must be tracked; see [`Parameter::track`](crate::nn::Parameter::track).
pub fn gradients(recipe: &Recipe, batch: &Batch, progress: Progress) -> Pass {
    let rng = progress.rng;
    let objective = &recipe.objective;
    let terms = recipe.vae.elbo_terms(batch, objective.samples(), rng, Mode::Train(rng));
    let loss = objective.loss(&terms, progress);
    let part = |name: &str| loss.parts.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let value = BatchLoss {
        kl_weight: if terms.is_density { objective.schedule().and_then(|s| s.weight(progress.epoch)) } else { None },
        perceptual: part("perceptual"),
        loss: f64::from(scalar(loss.value.clone())),
        rate: loss.rate.map(|r| f64::from(scalar(r))),
        distortion: f64::from(scalar(loss.distortion)),
    };
    let outputs = terms.posterior.outputs().map(to_vec);
    if !value.loss.is_finite() {
        return Pass { loss: value, gradients: None, outputs };
    }
    let mut found = loss.value.backward();
    let gradients = recipe.parameters().iter().map(|p| p.gradient(&mut found)).collect();
    Pass { loss: value, gradients: Some(gradients), outputs }
}
