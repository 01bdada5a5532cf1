//! Samples of a diagonal Gaussian posterior, with its KL.

use burn::tensor::Tensor;

use crate::density;
use crate::fused::{self, latent::Latent};

/// Draws z = mean + exp(log_var / 2) eps, and in the same pass computes
/// KL(N(mean, exp(log_var)) || N(0, 1)) for each dimension.
///
/// Log-variances are held inside `range`, where exp is far from the ends of
/// f32; outside it their slope is 0.
///
/// # Shapes
/// - `raw`: `[B, 2 D]`, means and then log-variances, as a linear layer with both heads gives them
/// - `eps`: `[K, B, D]`
/// - result: `[K, B, D]` and `[B, D]`
pub fn sample_with_kl(raw: Tensor<2>, eps: Tensor<3>, range: (f32, f32)) -> (Tensor<3>, Tensor<2>) {
    if !fused::runs_here(&raw) {
        return portable(raw, eps, range);
    }
    let [k, b, d] = eps.dims();
    let kernel = Latent { low: range.0, high: range.1 };
    let both: Tensor<3> = fused::apply(kernel, [raw.into_dispatch(), eps.into_dispatch(), fused::nothing()]);
    (both.clone().slice([0..k, 0..b, 0..d]), both.slice([k..k + 1, 0..b, 0..d]).squeeze_dim::<2>(0))
}

/// [`sample_with_kl`] in Burn's operations.
pub fn portable(raw: Tensor<2>, eps: Tensor<3>, range: (f32, f32)) -> (Tensor<3>, Tensor<2>) {
    let [b, width] = raw.dims();
    let mean = raw.clone().slice([0..b, 0..width / 2]);
    let log_var = raw.slice([0..b, width / 2..width]).clamp(range.0, range.1);
    let z = density::reparameterize(mean.clone().unsqueeze(), log_var.clone().unsqueeze(), eps);
    (z, density::standard_normal_kl(mean, log_var))
}
