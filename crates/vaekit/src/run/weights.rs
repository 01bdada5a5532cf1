//! Tensors in safetensors files, checked before they are believed.
//! Format: <https://github.com/huggingface/safetensors#format>

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::nn::{Parameter, Parameters};
use crate::{Error, Result, error};

use super::{must_be_file, write_atomically};

/// The one metadata key. A single one, because the order of several is not fixed.
const META: &str = "vaekit";

/// Room for a header beside the numbers themselves.
const HEADER_ROOM: u64 = 64 << 20;

/// A tensor on its way to or from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The name in the file.
    pub name: String,
    /// Sizes.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Named {
    /// The values of a parameter, under its name after a prefix.
    pub fn of(prefix: &str, parameter: &Parameter, values: Vec<f32>) -> Self {
        Self { name: format!("{prefix}{}", parameter.name()), shape: parameter.shape().to_vec(), values }
    }
}

/// Writes tensors with a text.
///
/// # Errors
/// Whatever the system says.
pub fn write(path: &Path, tensors: Vec<Named>, meta: String) -> Result<()> {
    let broken = |e: safetensors::SafeTensorError| Error::run(path, e.to_string());
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|t| (t.name, t.shape, t.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, data)| TensorView::new(Dtype::F32, shape.clone(), data).map(|v| (name, v)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    let file = serialize(views, Some(HashMap::from([(META.to_owned(), meta)]))).map_err(broken)?;
    write_atomically(path, |out| out.write_all(&file))
}

/// Reads all tensors and the text of a file of at most `max_values` numbers.
///
/// # Errors
/// A file that is too long, malformed, not f32, or holds a NaN or infinity.
pub fn read(path: &Path, max_values: usize) -> Result<(Vec<Named>, String)> {
    must_be_file(path)?;
    let size = error::open(path)?.metadata().map_err(|e| Error::run(path, format!("cannot be read: {e}")))?.len();
    let most = 4 * max_values as u64 + HEADER_ROOM;
    if size > most {
        return Err(Error::run(path, format!("is {size} bytes long, this model needs at most {most}")));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::run(path, format!("cannot be read: {e}")))?;
    let damaged = |e: safetensors::SafeTensorError| Error::run(path, format!("is damaged or cut short: {e}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let meta = header.metadata().as_ref().and_then(|m| m.get(META)).cloned().unwrap_or_default();
    let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut all = Vec::new();
    for (name, view) in tensors.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::run(path, format!("tensor {name} is of type {:?}, expected F32", view.dtype())));
        }
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return Err(Error::run(path, format!("tensor {name} holds {bad}, expected finite numbers")));
        }
        all.push(Named { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    Ok((all, meta))
}

/// Gives each parameter its tensor, and refuses any that is missing, misshapen or left over.
///
/// # Errors
/// The first disagreement, by name.
pub fn assign(path: &Path, tensors: Vec<Named>, targets: &mut dyn Parameters) -> Result<()> {
    let mut by_name: HashMap<String, Named> = tensors.into_iter().map(|t| (t.name.clone(), t)).collect();
    let mut checked = Vec::new();
    for parameter in targets.parameters() {
        let Some(tensor) = by_name.remove(parameter.name()) else {
            return Err(Error::run(path, format!("tensor {} is missing", parameter.name())));
        };
        if tensor.shape != parameter.shape() {
            let (found, expected) = (&tensor.shape, parameter.shape());
            return Err(Error::run(path, format!("tensor {} has shape {found:?}, expected {expected:?}", tensor.name)));
        }
        checked.push(tensor.values);
    }
    if let Some(extra) = by_name.keys().min() {
        return Err(Error::run(path, format!("tensor {extra} belongs to no part of this model")));
    }
    for (parameter, values) in targets.parameters_mut().into_iter().zip(checked) {
        parameter.set(values, false);
    }
    Ok(())
}

/// Writes the model file of a run.
///
/// # Errors
/// Whatever the system says.
pub fn save_model(path: &Path, identity: &str, tensors: Vec<Named>) -> Result<()> {
    write(path, tensors, identity.to_owned())
}

/// Reads the model file of a run into a freshly built model.
///
/// # Errors
/// Weights that belong to another run, or are not what the model has.
pub fn load_model(path: &Path, identity: &str, model: &mut dyn Parameters) -> Result<()> {
    if !path.exists() {
        return Err(Error::run(path, "is not there: training has not saved yet; go on with train --resume"));
    }
    let count = model.parameters().iter().map(|p| p.shape().iter().product::<usize>()).sum();
    let (tensors, meta) = read(path, count)?;
    if meta != identity {
        return Err(Error::run(path, "belongs to another run than the run.toml beside it"));
    }
    assign(path, tensors, model)
}
