//! Convolutions on images `[N, H, W, C]`, channels last.

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d as burn_conv_transpose2d, conv2d as burn_conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

use crate::Activation;
use crate::fused::{
    self,
    conv::{Conv, ConvTransposed},
};

/// The two sides of a convolution: a large one of `height` x `width` pixels
/// with `channels` values each, and a small one with a pixel for each place
/// of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Lines of the large image.
    pub height: usize,
    /// Values of a line of the large image.
    pub width: usize,
    /// Channels of the large image.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Steps from patch to patch.
    pub stride: usize,
    /// Pixels of zeros on each edge of the large side.
    pub padding: usize,
}

impl Geometry {
    /// Height and width of the small side: floor((size + 2 padding - kernel) / stride) + 1.
    ///
    /// # Panics
    /// When the kernel is larger than the padded image, or the stride 0.
    pub fn small(&self) -> (usize, usize) {
        let side = |n: usize| {
            assert!(self.stride > 0 && n + 2 * self.padding >= self.kernel, "{self:?} has no place for its kernel");
            (n + 2 * self.padding - self.kernel) / self.stride + 1
        };
        (side(self.height), side(self.width))
    }
}

/// act(convolution of x with w, plus b), from the large side to the small one:
/// y\[n, p, o\] = act(sum over the patch at p of x w + b\[o\]).
///
/// # Shapes
/// - `x`: `[N, H, W, C]`
/// - `weight`: `[K K C, O]`, kernel rows outermost and channels innermost
/// - `bias`: `[O]`
/// - result: `[N, h, w, O]`
///
/// # Panics
/// When the shapes disagree.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    geometry: Geometry,
    act: Option<Activation>,
) -> Tensor<4> {
    if fused::runs_here(&weight) {
        let kernel = Conv { geometry, act };
        return fused::apply(kernel, [x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()]);
    }
    portable(x, weight, bias, geometry, act)
}

/// [`conv2d`] in Burn's operations.
pub fn portable(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>, g: Geometry, act: Option<Activation>) -> Tensor<4> {
    let o = weight.dims()[1];
    let weight = weight.reshape([g.kernel, g.kernel, g.channels, o]).permute([3, 2, 0, 1]);
    let options = ConvOptions::new([g.stride, g.stride], [g.padding, g.padding], [1, 1], 1);
    let y = burn_conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options);
    let y = y.permute([0, 2, 3, 1]);
    act.map_or(y.clone(), |act| act.portable(y))
}

/// act(transposed convolution of x with w, plus b), from the small side to the
/// large one: the adjoint of [`conv2d`], so that any size comes back exactly.
///
/// # Shapes
/// - `x`: `[N, h, w, I]`
/// - `weight`: `[I, K K C]`
/// - `bias`: `[C]`
/// - result: `[N, H, W, C]`
///
/// # Panics
/// When the shapes disagree.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    geometry: Geometry,
    act: Option<Activation>,
) -> Tensor<4> {
    if fused::runs_here(&weight) {
        let kernel = ConvTransposed { geometry, act };
        return fused::apply(kernel, [x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()]);
    }
    portable_transposed(x, weight, bias, geometry, act)
}

/// [`conv_transpose2d`] in Burn's operations.
pub fn portable_transposed(
    x: Tensor<4>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    g: Geometry,
    act: Option<Activation>,
) -> Tensor<4> {
    let [_, sh, sw, i] = x.dims();
    let weight = weight.reshape([i, g.kernel, g.kernel, g.channels]).permute([0, 3, 1, 2]);
    // What the strides leave over at the far edges.
    let over = |small: usize, large: usize| large + 2 * g.padding - g.kernel - (small - 1) * g.stride;
    let options = ConvTransposeOptions::new(
        [g.stride, g.stride],
        [g.padding, g.padding],
        [over(sh, g.height), over(sw, g.width)],
        [1, 1],
        1,
    );
    let y = burn_conv_transpose2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1]);
    act.map_or(y.clone(), |act| act.portable(y))
}
