//! Tensor operations that vaekit is built from.
//!
//! Everything above this crate writes its mathematics with [`Tensor`] and the
//! functions below, and never learns which device or implementation runs.
//! Burn's interface changes often, so it is named here and nowhere else.
//!
//! | module | what |
//! |---|---|
//! | [`device`] | where tensors live, host vectors in and out |
//! | [`activation`] | the nonlinearities, each safe at both ends of its range |
//! | [`mod@linear`] | `act(x w + b)` |
//! | [`conv`], [`group_norm`], [`resize`] | what convolutional networks are made of, channels last |
//! | [`latent`] | samples of a diagonal Gaussian and its KL in one pass |
//! | [`likelihood`] | log p(x given z) of whole rows and its slope in one pass |
//! | [`columns`] | log p of rows of columns of several kinds, without its slope, for scores |
//! | [`mixture`] | log p of a mixture of Gaussians, without its slope, for scores |
//! | [`density`] | the same, value by value: log-densities, KL, reparameterisation |
//! | [`optimizer`] | in-place update rules over one flat parameter |
//! | [`gemm`], [`math`], [`pool`] | matrix products, elementary functions, threads |

pub mod activation;
pub mod columns;
pub mod conv;
pub mod density;
pub mod device;
mod fused;
pub mod gemm;
pub mod group_norm;
pub mod latent;
pub mod likelihood;
pub mod linear;
pub mod math;
pub mod mixture;
pub mod optimizer;
pub mod pool;
pub mod resize;
mod simd;

pub use activation::{Activation, softplus};
pub use burn::tensor::{Bool, Gradients, Tensor};

/// Whole numbers: places in another tensor.
pub type IntTensor<const D: usize> = Tensor<D, burn::tensor::Int>;
pub use device::{Device, from_vec, full, scalar, to_vec, to_vec_double};
pub use latent::sample_with_kl;
pub use likelihood::log_likelihood;
pub use linear::linear;
