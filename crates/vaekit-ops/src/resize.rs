//! Images of another size.

use burn::tensor::{Int, Tensor, TensorData};

use crate::fused;

/// The pixel of the small image that pixel `to` of the large one shows.
pub(crate) fn source(to: usize, small: usize, large: usize) -> usize {
    to * small / large
}

/// The nearest pixel to the upper left: y\[n, i, j\] = x\[n, floor(i h / H), floor(j w / W)\].
///
/// # Shapes
/// - `x`: `[N, h, w, C]`
/// - result: `[N, height, width, C]`
pub fn resize(x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    if fused::runs_here(&x) {
        let kernel = fused::resize::Resize { height, width };
        return fused::apply(kernel, [x.into_dispatch(), fused::nothing(), fused::nothing()]);
    }
    portable(x, height, width)
}

/// [`resize`] in Burn's operations.
pub fn portable(x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let ([_, h, w, _], device) = (x.dims(), x.device());
    let places = |small: usize, large: usize| {
        let at: Vec<i64> = (0..large).map(|to| source(to, small, large) as i64).collect();
        Tensor::<1, Int>::from_data(TensorData::new(at, [large]), &device)
    };
    x.select(1, places(h, height)).select(2, places(w, width))
}
