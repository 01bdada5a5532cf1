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
//! | [`density`] | log-densities from raw decoder outputs, KL, reparameterisation |
//! | [`optimizer`] | in-place update rules over one flat parameter |

pub mod activation;
pub mod density;
pub mod device;
pub mod linear;
pub mod optimizer;

pub use activation::{Activation, softplus};
pub use burn::tensor::{Gradients, Tensor};
pub use device::{Device, from_vec, scalar, to_vec};
pub use linear::linear;
