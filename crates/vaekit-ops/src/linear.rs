//! The affine layer.

use burn::tensor::Tensor;

use crate::Activation;
use crate::fused::{self, linear::Linear};

/// `act(x w + b)`; no activation leaves the affine map.
///
/// # Shapes
/// - `x`: `[N, I]`
/// - `weight`: `[I, O]`
/// - `bias`: `[O]`
/// - result: `[N, O]`
///
/// # Panics
/// When the shapes disagree.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, act: Option<Activation>) -> Tensor<2> {
    if fused::runs_here(&weight) {
        return fused::apply(Linear { act }, [x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()]);
    }
    portable(x, weight, bias, act)
}

/// [`linear`] in Burn's operations.
pub fn portable(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, act: Option<Activation>) -> Tensor<2> {
    let y = x.matmul(weight) + bias.unsqueeze(); // [N, O]
    match act {
        Some(act) => act.portable(y),
        None => y,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{cpu, from_vec, to_vec};

    #[test]
    fn one_row_by_hand() {
        let x = from_vec(vec![1.0, -2.0], [1, 2], &cpu());
        let w = from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3], &cpu());
        let b = from_vec(vec![0.5, 0.25, 20.0], [3], &cpu());
        assert_eq!(to_vec(linear(x.clone(), w.clone(), b.clone(), None)), [-6.5, -7.75, 11.0]);
        assert_eq!(to_vec(linear(x, w, b, Some(Activation::Relu))), [0.0, 0.0, 11.0]);
    }
}
