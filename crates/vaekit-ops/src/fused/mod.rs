//! Operations written by hand for the central processor, with their gradients.
//!
//! A [`Kernel`] computes on host memory what would take Burn many passes. It
//! enters through one backend extension, [`Fused`]; the tape of Burn's
//! autodiff holds it like any operation. Every function that uses a kernel has
//! a portable definition beside it, for other devices and as the oracle of its
//! test.

pub(crate) mod activation;
pub(crate) mod conv;
pub(crate) mod group_norm;
pub(crate) mod latent;
pub(crate) mod likelihood;
pub(crate) mod linear;
mod patches;
pub(crate) mod resize;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, backend_extension};
use burn::tensor::{DType, DispatchTensor, Tensor, TensorData};
use burn_flex::FlexTensor;

/// An operation on host memory.
pub trait Kernel: Debug + Send + Sync {
    /// The result, and what [`backward`](Self::backward) will want if `keep`.
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>);

    /// From the gradient of the result to those of the inputs; only those `wanted` are read.
    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3];
}

/// The way of a [`Kernel`] into Burn: always three inputs, of which a kernel may ignore some.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    fn fused(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        kernel: Arc<dyn Kernel>,
    ) -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn fused(a: FlexTensor, b: FlexTensor, c: FlexTensor, kernel: Arc<dyn Kernel>) -> FlexTensor {
        kernel.forward([a, b, c], false).0
    }
}

/// A backend whose tensors a [`Kernel`] can work on.
trait Host: Backend<FloatTensorPrimitive = FlexTensor> {}

impl Host for Flex {}

impl<B: Host, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn fused(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        kernel: Arc<dyn Kernel>,
    ) -> FloatTensor<Self> {
        let inputs = [&a, &b, &c].map(|t| t.primitive().clone());
        match Tape.prepare::<C>([a.node(), b.node(), c.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (result, kept) = kernel.forward(inputs, true);
                prep.finish((kept, kernel), result)
            }
            OpsKind::UnTracked(prep) => prep.finish(kernel.forward(inputs, false).0),
        }
    }
}

#[derive(Debug)]
struct Tape;

impl<B: Host> Backward<B, 3> for Tape {
    type State = (Vec<FlexTensor>, Arc<dyn Kernel>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (kept, kernel) = ops.state;
        let gradients = kernel.backward(kept, gradient, ops.parents.each_ref().map(Option::is_some));
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Runs a kernel on tensors of the central processor.
pub(crate) fn apply<const D: usize>(kernel: impl Kernel + 'static, [a, b, c]: [DispatchTensor; 3]) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused(a, b, c, Arc::new(kernel)))
}

/// What stands for an input that a kernel has no use for.
pub(crate) fn nothing() -> DispatchTensor {
    crate::from_vec(Vec::new(), [0], &crate::device::cpu()).into_dispatch()
}

/// True when kernels can compute on this tensor's device, with its numbers.
pub(crate) fn runs_here<const D: usize>(t: &Tensor<D>) -> bool {
    if t.dtype() != DType::F32 {
        return false;
    }
    match t.device().as_dispatch() {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(_) => matches!(t.device().inner().as_dispatch(), DispatchDevice::Flex(_)),
        #[allow(unreachable_patterns, reason = "there are other devices with other features")]
        _ => false,
    }
}

/// A tensor around values.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The sizes of a tensor of known rank.
pub(crate) fn dims<const D: usize>(t: &FlexTensor) -> [usize; D] {
    std::array::from_fn(|i| t.layout().shape()[i])
}

/// The values of a contiguous tensor.
pub(crate) fn values(t: &FlexTensor) -> &[f32] {
    t.as_slice::<f32>().unwrap_or_else(|| unreachable!("kernels make their inputs contiguous first"))
}

/// The inputs of a kernel, contiguous.
pub(crate) fn contiguous(inputs: [FlexTensor; 3]) -> [FlexTensor; 3] {
    inputs.map(|t| if t.is_contiguous() { t } else { t.to_contiguous() })
}

/// A tensor whose storage is its values and nothing else, to be changed in place.
pub(crate) fn owned(t: FlexTensor) -> FlexTensor {
    let whole = t.as_slice::<f32>().is_some_and(|v| size_of_val(v) == t.bytes().len());
    if whole { t } else { t.to_contiguous() }
}
