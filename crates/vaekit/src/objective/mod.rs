//! What is optimised.
//!
//! An [`Objective`] turns [`ElboTerms`] into a
//! [`Loss`]: a value to minimise, and beside it the plain evidence lower bound
//! in nats, so that variants compare whatever they optimise.

mod adversarial;
mod capacity;
mod distance;
mod elbo;
mod estimator;
mod factor;
mod importance;
mod moments;
pub mod perceptual;
mod regularized;
mod schedule;
mod total_correlation;
mod two_stage;

pub use adversarial::{Adversarial, Perceiver};
pub use capacity::Capacity;
pub use distance::{Distance, Kernel, OnCodes};
pub use elbo::Elbo;
pub use estimator::{ESTIMATORS, Estimator};
pub use factor::Factor;
pub use importance::ImportanceWeighted;
pub use moments::Moments;
pub use regularized::{Penalty, Regularized};
pub use schedule::{KlSchedule, Schedule};
pub use total_correlation::{TotalCorrelation, Weighting};
pub use two_stage::TwoStage;

pub use crate::nn::Group;

use vaekit_ops::Tensor;

use crate::Result;
use crate::model::ElboTerms;
use crate::nn::Parameters;
use crate::rng::Rng;

/// The value of an objective on a batch; each tensor holds one number.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What is minimised.
    pub value: Tensor<1>,
    /// The plain evidence lower bound, nats an example, higher is better; none for an autoencoder.
    pub elbo: Option<Tensor<1>>,
    /// -E_q log p(x given z), nats an example.
    pub distortion: Tensor<1>,
    /// KL(q || p), nats an example; none for an autoencoder.
    pub rate: Option<Tensor<1>>,
    /// Whatever else the objective wants seen, by name.
    pub parts: Vec<(&'static str, f64)>,
}

impl Loss {
    /// A loss with the plain bound of `terms` beside it, and what the posterior asks to be kept small added to `value`.
    pub fn new(value: Tensor<1>, terms: &ElboTerms<'_>) -> Self {
        let value = match terms.posterior.penalty() {
            Some(penalty) => value + penalty.mean(),
            None => value,
        };
        let distortion = terms.distortion().mean();
        let rate = terms.rate().map(Tensor::mean);
        let elbo = rate.clone().map(|rate| (distortion.clone() + rate).neg());
        Self { value, elbo, distortion, rate, parts: Vec::new() }
    }
}

/// Where training stands, for schedules and for noise of an objective's own.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Passes over the data so far, with the part of the present one.
    pub epoch: f64,
    /// Randomness of an objective's own.
    pub rng: Rng,
}

impl Progress {
    /// After training: every schedule is at its end.
    pub fn at_the_end(rng: Rng) -> Self {
        Self { epoch: f64::INFINITY, rng }
    }
}

/// A training objective. It may own parameters, which are trained with the model's.
pub trait Objective: Parameters + Send {
    /// Samples of z a row that it wants.
    fn samples(&self) -> usize;

    /// Its value on a batch.
    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss;

    /// What early stopping and the schedule `plateau` judge on validation rows, lower is better: `[1]`. The default is
    /// the value. That of a game is relative to an opponent that learns as well, so games leave it out.
    fn judged(&self, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        self.loss(terms, progress).value
    }

    /// Schedule of the KL weight; none if there is no KL to weigh.
    fn schedule(&self) -> Option<Schedule> {
        None
    }

    /// Rows that a batch must have for it to say anything.
    fn least_rows(&self) -> usize {
        1
    }

    /// Numbers that it holds for each pair of rows of a batch.
    fn pairs(&self) -> usize {
        0
    }

    /// How its own parameters are stepped; none for the way of the model's.
    fn group(&self) -> Option<Group> {
        None
    }

    /// Prepares for training, before the first batch. `classifier` gives the features of a network that was taught to
    /// tell the classes of the training rows; to ask for it takes a while.
    ///
    /// # Errors
    /// Those of `classifier`.
    fn begin(&mut self, _classifier: &mut dyn FnMut() -> Result<Vec<Vec<f32>>>) -> Result<()> {
        Ok(())
    }

    /// What a person should know of its gradient before training.
    fn caution(&self) -> Option<&'static str> {
        None
    }

    /// False where the gradient is meant to be another than the value's: other estimators, games of two.
    fn is_slope_of_value(&self) -> bool {
        true
    }
}
