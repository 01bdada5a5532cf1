//! p(z): where codes are expected to lie.

mod standard_normal;

pub use standard_normal::StandardNormal;

use vaekit_ops::Tensor;

use crate::nn::Parameters;
use crate::rng::Rng;

use super::Latents;

/// A distribution over all latent groups.
pub trait Prior: Parameters + Send {
    /// The name for messages and reports.
    fn name(&self) -> &'static str;

    /// log p(z), `[K, B]`.
    fn log_prob(&self, z: &Latents) -> Tensor<2>;

    /// A draw for each row id, `[N, D]` for each group.
    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>>;

    /// Mean and log-variance `[1, D]` of a prior that is one diagonal Gaussian,
    /// with `Some(None)` for N(0, I); none for any other. Closed forms ask this.
    fn gaussian(&self) -> Option<Option<(Tensor<2>, Tensor<2>)>> {
        None
    }
}
