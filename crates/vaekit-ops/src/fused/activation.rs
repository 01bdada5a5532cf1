//! An activation on its own.

use burn_flex::FlexTensor;

use super::linear::through_activation;
use super::{Kernel, owned, values};
use crate::activation::Activation;
use crate::gemm::Target;
use crate::pool;
use crate::simd::vectorised;

/// Input x of any shape.
#[derive(Debug)]
pub(crate) struct Apply(pub Activation);

impl Kernel for Apply {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, ..] = inputs;
        let mut y = owned(x.clone());
        let kept = if keep && self.0.slope_needs_input() { Some(y.clone()) } else { None };
        drop(x);
        let n = values(&y).len();
        let target = Target::over(y.storage_mut::<f32>(), 1, n);
        pool::ranges(n, 4096, |range| {
            // SAFETY: ranges do not overlap.
            let part = unsafe { target.part(0, range) };
            vectorised!(self.0.each(part));
        });
        let kept = if keep { vec![kept.unwrap_or_else(|| y.clone())] } else { Vec::new() };
        (y, kept)
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, _wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        [Some(through_activation(self.0, &kept[0], owned(gradient))), None, None]
    }
}
