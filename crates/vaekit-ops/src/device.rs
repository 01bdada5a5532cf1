//! Where tensors live, and the way in and out for host memory.

use burn::tensor::{Tensor, TensorData};

use crate::pool;

pub use burn::tensor::Device;

/// The central processor, with gradients recorded.
pub fn cpu_training() -> Device {
    Device::flex().autodiff()
}

/// The central processor, nothing recorded: for inference.
pub fn cpu() -> Device {
    Device::flex()
}

/// Sets the number of threads for everything that this process computes from now on.
///
/// # Errors
/// When something was computed already.
pub fn set_threads(n: usize) -> Result<(), String> {
    rayon::ThreadPoolBuilder::new().num_threads(n).build_global().map_err(|e| e.to_string())?;
    pool::set_threads(n);
    Ok(())
}

/// Calls `f` with `n` threads to compute with, or as many as the system gives.
pub fn with_threads<R: Send>(n: usize, f: impl FnOnce() -> R + Send) -> R {
    // Burn's own operations take their threads from rayon.
    match rayon::ThreadPoolBuilder::new().num_threads(n.max(1)).build() {
        Ok(rayon) => rayon.install(|| pool::with_threads(n, f)),
        Err(_) => pool::with_threads(n, f),
    }
}

/// Moves a host vector to `device`.
///
/// # Shapes
/// `values` holds `shape`'s product, row-major.
///
/// # Panics
/// When the lengths disagree: shapes are the caller's invariant.
pub fn from_vec<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "a host vector that does not fill its shape");
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Copies a tensor to the host, row-major.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_into_vec::<f32>().expect("every float tensor of this crate is f32")
}

/// Reads a tensor that holds one number.
pub fn scalar<const D: usize>(tensor: Tensor<D>) -> f32 {
    to_vec(tensor)[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_round_trip() {
        let t = from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3], &cpu());
        assert_eq!(to_vec(t.transpose()), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
