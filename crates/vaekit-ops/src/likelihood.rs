//! Log-likelihoods of rows from raw decoder outputs.

use burn::tensor::Tensor;

use crate::fused::{self, likelihood::LogLikelihood};
use crate::{density, from_vec, softplus};

/// What the raw outputs of a decoder are parameters of; formulas as in [`density`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the line above a family names its numbers")]
pub enum Family {
    /// A logit a value: [`density::bernoulli`].
    Bernoulli,
    /// A mean a value, variance 1: [`density::unit_gaussian`].
    UnitGaussian,
    /// A mean a value and one log-variance for all: [`density::gaussian`].
    SharedGaussian,
    /// X means, then X numbers s with log-variance softplus(s + offset) + floor.
    LearnedGaussian { offset: f32, floor: f32 },
}

/// log p(x given z), summed over the known values of each row; the slope with respect
/// to the raw outputs is computed in the same pass.
///
/// # Shapes
/// - `x`: `[B, X]`
/// - `raw`: `[K, B, R]`
/// - `log_var`: `[1]`, for [`Family::SharedGaussian`] alone
/// - `mask`: `[B, X]`, 0 where a value takes no part, whatever it is; none where all do
/// - result: `[K, B]`
///
/// # Panics
/// When the shapes disagree.
pub fn log_likelihood(
    family: Family,
    x: &Tensor<2>,
    raw: &Tensor<3>,
    log_var: Option<Tensor<1>>,
    mask: Option<&Tensor<2>>,
) -> Tensor<2> {
    // A gradient of x is rare, and left to Burn.
    if fused::runs_here(raw) && !x.device().is_autodiff() {
        let third = log_var.map_or_else(fused::nothing, Tensor::into_dispatch);
        let x = match mask {
            Some(mask) => x.clone().mask_fill(mask.clone().equal_elem(0.0), f32::NAN),
            None => x.clone(),
        };
        let kernel = LogLikelihood { family, masked: mask.is_some() };
        return fused::apply(kernel, [x.into_dispatch(), raw.clone().into_dispatch(), third]);
    }
    portable(family, x, raw, log_var, mask)
}

/// [`log_likelihood`] in Burn's operations.
pub fn portable(
    family: Family,
    x: &Tensor<2>,
    raw: &Tensor<3>,
    log_var: Option<Tensor<1>>,
    mask: Option<&Tensor<2>>,
) -> Tensor<2> {
    let [k, b, r] = raw.dims();
    let hidden = mask.map(|mask| mask.clone().equal_elem(0.0));
    let x = match &hidden {
        Some(hidden) => x.clone().mask_fill(hidden.clone(), 0.0),
        None => x.clone(),
    };
    let x = x.unsqueeze::<3>();
    let each = match family {
        Family::Bernoulli => density::bernoulli(x, raw.clone()),
        Family::UnitGaussian => density::unit_gaussian(x, raw.clone()),
        Family::SharedGaussian => {
            let log_var = log_var.unwrap_or_else(|| from_vec(vec![0.0], [1], &raw.device()));
            density::gaussian(x, raw.clone(), log_var.reshape([1, 1, 1]))
        }
        Family::LearnedGaussian { offset, floor } => {
            let mean = raw.clone().slice([0..k, 0..b, 0..r / 2]);
            let log_var = softplus(raw.clone().slice([0..k, 0..b, r / 2..r]) + offset) + floor;
            density::gaussian(x, mean, log_var)
        }
    };
    let each = match hidden {
        Some(hidden) => each.mask_fill(hidden.unsqueeze::<3>(), 0.0),
        None => each,
    };
    each.sum_dim(2).reshape([k, b])
}
