//! Where tensors live, and the way in and out for host memory.

use std::cell::Cell;
use std::sync::OnceLock;

use burn::tensor::{DType, Tensor, TensorData};

use crate::pool;

pub use burn::tensor::Device;

/// The central processor, nothing recorded.
pub fn cpu() -> Device {
    Device::flex()
}

/// The central processor, with gradients recorded.
pub fn cpu_training() -> Device {
    cpu().autodiff()
}

/// The device that [`choose`] chose, the central processor before: for inference.
pub fn here() -> Device {
    match CHOSEN.get() {
        Some(device) => device.clone(),
        None => cpu(),
    }
}

/// True where [`here`] is the central processor, whose threads may each compute something of their own.
pub fn is_cpu() -> bool {
    here() == cpu()
}

/// [`here`], with gradients recorded.
pub fn here_training() -> Device {
    here().autodiff()
}

static CHOSEN: OnceLock<Device> = OnceLock::new();

/// Makes a device by name.
type Make = fn() -> Device;

/// Every device that this build can compute on, by name.
pub const DEVICES: &[(&str, Make)] = &[
    ("cpu", cpu),
    #[cfg(feature = "gpu-unfused")]
    ("gpu", || Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
    #[cfg(feature = "cuda")]
    ("cuda", || Device::cuda(0)),
    #[cfg(feature = "metal")]
    ("metal", || Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
];

/// Chooses the device for everything that this process computes from now on.
///
/// # Errors
/// A name that this build does not know, a device that does not answer, or a
/// second choice.
pub fn choose(name: &str) -> Result<(), String> {
    let Some((_, make)) = DEVICES.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = DEVICES.iter().map(|(known, _)| *known).collect();
        return Err(format!("this build has no '{name}'; expected one of {}", names.join(", ")));
    };
    let device = if name == "cpu" { cpu() } else { answering(name, *make)? };
    CHOSEN.set(device).map_err(|_| "was chosen already".into())
}

/// A device that has computed something: drivers fail with panics at their first use.
fn answering(name: &str, make: Make) -> Result<Device, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let tried = std::panic::catch_unwind(|| {
        let device = make();
        let two = to_vec(from_vec(vec![1.0], [1], &device) + 1.0);
        (device, two)
    });
    std::panic::set_hook(hook);
    match tried {
        Ok((device, two)) if two == [2.0] => Ok(device),
        _ => Err(format!("'{name}' does not answer: is there such a device, and its driver? Without it use cpu")),
    }
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

thread_local! {
    static DOUBLE: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` with every tensor that this thread makes in float64 and no kernel of ours in use: for comparing
/// gradients with differences, which float32 leaves few digits of. On the central processor alone.
pub fn with_double<R>(f: impl FnOnce() -> R) -> R {
    /// Puts things back, also after a panic.
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            DOUBLE.set(self.0);
        }
    }
    let _back = Back(DOUBLE.replace(true));
    f()
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
    let data = TensorData::new(values, shape);
    if DOUBLE.get() { Tensor::from_data(data, (device, DType::F64)) } else { Tensor::from_data(data, device) }
}

/// One value everywhere.
pub fn full<const D: usize>(shape: [usize; D], value: f32, device: &Device) -> Tensor<D> {
    from_vec(vec![value; shape.iter().product()], shape, device)
}

/// Copies a tensor to the host, row-major.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.inner().into_data();
    data.convert::<f32>().try_into_vec::<f32>().expect("data just made f32 is f32")
}

/// The same without rounding, for what was computed [`with_double`].
pub fn to_vec_double<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let data = tensor.inner().into_data();
    data.convert::<f64>().try_into_vec::<f64>().expect("data just made f64 is f64")
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
