//! How the gradient of an expectation over z reaches the encoder.

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::{Draws, ElboTerms, PosteriorFamily};
use crate::{Error, Result};

/// A way to estimate the gradient of a bound with respect to the parameters of q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// Through z = mean + sigma eps (Kingma & Welling 2014).
    Reparameterized,
    /// f(z) d log q(z), with z held, and the mean of the other samples for a baseline (Williams 1992; of several
    /// samples Mnih & Rezende 2016). It needs no derivative of p, and varies a great deal more.
    Score,
    /// Through z alone: the score d log q, whose mean is 0, is left out (Roeder, Wu & Duvenaud 2017). Importance weights
    /// take its mean away from 0, so that the gradient of a bound of several samples is biased.
    StickingTheLanding,
    /// For importance-weighted bounds: through z alone, each sample by its squared weight (Tucker et al. 2019,
    /// equation 8). With one sample it is sticking the landing.
    DoublyReparameterized,
}

/// Every estimator with the name that settings use.
pub const ESTIMATORS: &[(&str, Estimator)] = &[
    ("reparameterized", Estimator::Reparameterized),
    ("score", Estimator::Score),
    ("sticking-the-landing", Estimator::StickingTheLanding),
    ("doubly-reparameterized", Estimator::DoublyReparameterized),
];

impl Estimator {
    /// One line for lists.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Reparameterized => "through z = mean + sigma eps",
            Self::Score => "f(z) d log q(z) less a baseline: no derivative of p, and far more variance",
            Self::StickingTheLanding => {
                "through z alone, the score of q left out; biased for importance-weighted bounds of several samples"
            }
            Self::DoublyReparameterized => {
                "for importance-weighted bounds: through z by squared weights; with one sample it is sticking-the-landing"
            }
        }
    }

    /// Refuses a posterior that this estimator cannot do with.
    ///
    /// # Errors
    /// A posterior whose density is known of its own draws alone, or that is relaxed in training.
    pub fn check(self, posterior: &dyn PosteriorFamily) -> Result<()> {
        let held = posterior.is_held();
        let enough = match self {
            Self::Reparameterized => true,
            Self::Score | Self::StickingTheLanding | Self::DoublyReparameterized => held,
        };
        if enough {
            return Ok(());
        }
        let problem = format!("needs a Gaussian posterior, found '{}'; use reparameterized", posterior.name());
        Err(Error::setting("estimator", problem))
    }

    /// log p(x, z) - log q(z given x) as this estimator differentiates it, `[K, B]`. For [`Estimator::Score`] z is
    /// held, and the term of `score` must be added.
    pub fn log_weights(self, terms: &ElboTerms<'_>) -> Tensor<2> {
        match (self, terms.posterior.detached()) {
            (Self::StickingTheLanding | Self::DoublyReparameterized, Some(held)) => {
                let log_q = held.log_q(&Draws::from(terms.z().clone()));
                terms.log_p_x_given_z.clone() + terms.log_p_z() - log_q
            }
            _ => terms.log_weights(),
        }
    }
}

/// A value of 0 whose gradient is sum_k (f_k - baseline) d log q(z_k), `[1]`, a mean over rows.
///
/// # Shapes
/// `signal`: `[K, B]`, f less its baseline, without gradient; `log_q`: `[K, B]` at held z.
pub fn score(signal: Tensor<2>, log_q: Tensor<2>) -> Tensor<1> {
    let change = log_q.clone() - log_q.detach();
    (signal.detach() * change).sum_dim(0).mean()
}

/// The mean of the other samples' values, `[K, B]`; with one sample, of the other rows'.
pub fn others_mean(values: Tensor<2>) -> Tensor<2> {
    let [k, b] = values.dims();
    let (dim, n) = if k > 1 { (0, k) } else { (1, b) };
    if n < 2 {
        return from_vec(vec![0.0; k * b], [k, b], &device::here());
    }
    let sum = values.clone().sum_dim(dim);
    (sum - values).mul_scalar(1.0 / (n - 1) as f64)
}

/// The draws with z held.
pub fn held(terms: &ElboTerms<'_>) -> Draws {
    terms.z().iter().map(|z| z.clone().detach()).collect::<Vec<_>>().into()
}
