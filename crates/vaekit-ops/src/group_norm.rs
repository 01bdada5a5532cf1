//! Group normalisation.

use burn::tensor::Tensor;

use crate::fused;

/// Added to a variance before its root is taken; PyTorch's value.
const EPSILON: f64 = 1e-5;

/// (x - mean) / sqrt(variance + 1e-5) gamma + beta, with mean and variance over
/// all pixels and the channels of a group, image by image (Wu & He 2018).
///
/// # Shapes
/// - `x`: `[N, H, W, C]`, result the same
/// - `gamma`, `beta`: `[C]`
///
/// # Panics
/// When `groups` does not divide C.
pub fn group_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, groups: usize) -> Tensor<4> {
    let shape = x.dims();
    let [n, h, w, c] = shape;
    assert!(groups > 0 && c.is_multiple_of(groups), "{groups} groups of {c} channels");
    let x: Tensor<3> = x.reshape([n, h * w, c]);
    if fused::runs_here(&gamma) {
        let kernel = fused::group_norm::GroupNorm { groups, epsilon: EPSILON as f32 };
        let y: Tensor<3> = fused::apply(kernel, [x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch()]);
        return y.reshape(shape);
    }
    portable(x, gamma, beta, groups).reshape(shape)
}

/// [`group_norm`] in Burn's operations, on `[N, P, C]`.
pub fn portable(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, groups: usize) -> Tensor<3> {
    let [n, p, c] = x.dims();
    let by_group = x.reshape([n, p, groups, c / groups]);
    let mean = by_group.clone().mean_dim(3).mean_dim(1);
    let centred = by_group - mean;
    let variance = centred.clone().square().mean_dim(3).mean_dim(1);
    let normal = (centred / (variance + EPSILON).sqrt()).reshape([n, p, c]);
    normal * gamma.reshape([1, 1, c]) + beta.reshape([1, 1, c])
}
