//! Rows that are in memory already.

use std::collections::HashSet;
use std::path::Path;

use ndarray::{ArrayView, Dimension};

use crate::{Error, Result, budget};

use super::npy::Array;
use super::readers::stem;
use super::{Column, Dataset, Kind, MAX_WIDTH, Rows, Schema};

impl Dataset {
    /// Rows of an array: `[N, D]` is a table with columns `c0` and on, `[N, H, W]`, `[N, H, W, C]` and `[N, C, H, W]`
    /// with 1 or 3 channels are images. A NaN is a missing value.
    ///
    /// ```
    /// use ndarray::array;
    /// let data = vaekit::data::Dataset::from_array("mine", array![[1.0, 2.0], [3.0, f32::NAN]].view())?;
    /// assert_eq!((data.len(), data.missing()), (2, 1));
    /// # Ok::<(), vaekit::Error>(())
    /// ```
    ///
    /// # Errors
    /// Another shape, no rows, or an infinity.
    pub fn from_array<D: Dimension>(name: &str, array: ArrayView<'_, f32, D>) -> Result<Self> {
        of_shape(name, array.shape(), Rows::F32(array.iter().copied().collect()))
    }

    /// The same for bytes, such as the pixels of images.
    ///
    /// # Errors
    /// As [`from_array`](Self::from_array).
    pub fn from_bytes<D: Dimension>(name: &str, array: ArrayView<'_, u8, D>) -> Result<Self> {
        of_shape(name, array.shape(), Rows::U8(array.iter().copied().collect()))
    }

    /// A table of named columns from its rows `[N, D]`, row-major. A NaN is a missing value.
    ///
    /// # Errors
    /// No rows, a buffer that is no whole number of rows, two columns of one name, or an infinity.
    pub fn from_rows(name: &str, columns: &[&str], values: Vec<f32>) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(**name)) {
            return Err(Error::data(name, format!("two columns are named '{twice}'; rename one")));
        }
        of_columns(name, columns.iter().map(|c| (*c).to_owned()).collect(), Rows::F32(values))
    }
}

/// An array of a file; see [`of_shape`].
pub(super) fn of_array(path: &Path, array: Array) -> Result<Dataset> {
    of_shape(&stem(path, "data"), &array.shape, array.values).map_err(|e| e.at(path.display()))
}

/// Reads a meaning into a shape: [N, D] is a table, [N, H, W] and [N, H, W, C] or [N, C, H, W] are images.
fn of_shape(name: &str, shape: &[usize], values: Rows) -> Result<Dataset> {
    if shape.contains(&0) {
        return Err(Error::data(name, format!("holds no rows or no values (its shape is {shape:?})")));
    }
    if shape.iter().skip(1).try_fold(1usize, |n, d| n.checked_mul(*d)).is_none_or(|width| width > MAX_WIDTH) {
        return Err(Error::data(name, format!("has rows of more than {MAX_WIDTH} values (its shape is {shape:?})")));
    }
    if let [_, d] = *shape {
        ask_columns(name, d)?;
    }
    let (sizes, values) = match *shape {
        [_, d] => return of_columns(name, (0..d).map(|i| format!("c{i}")).collect(), values),
        [_, height, width] => ([1, height, width], values),
        [_, channels @ (1 | 3), height, width] => ([channels, height, width], values),
        [_, height, width, channels @ (1 | 3)] => {
            let values = match values {
                Rows::U8(v) => Rows::U8(planes(&v, height * width, channels)),
                Rows::F32(v) => Rows::F32(planes(&v, height * width, channels)),
                stored => stored,
            };
            ([channels, height, width], values)
        }
        _ => {
            let problem = format!("has shape {shape:?}; expected [N, D], [N, H, W], [N, H, W, C] or [N, C, H, W]");
            return Err(Error::data(name, problem));
        }
    };
    // A byte image that uses only 0 and 255 is still binary after scaling, but
    // its stored values are not; leave it a byte image.
    let kind = match &values {
        Rows::U8(_) => Kind::Byte,
        _ => values.kinds(1)[0],
    };
    Dataset::new(name, Schema::images(sizes, kind), values)
}

/// A table whose columns have the kinds of their values.
fn of_columns(name: &str, names: Vec<String>, rows: Rows) -> Result<Dataset> {
    let kinds = rows.kinds(names.len().max(1));
    let columns = names.into_iter().zip(kinds).map(|(name, kind)| Column::modelled(name, kind)).collect();
    Dataset::new(name, Schema { pixels: None, columns }, rows)
}

/// Bytes that a column takes beside its values: its name, its kind, its place in lists.
const COLUMN: u64 = 160;

/// Refuses more columns than memory is allowed for.
pub(super) fn ask_columns(place: &str, columns: usize) -> Result<()> {
    budget::ask(place, &format!("the names of {columns} columns"), COLUMN * columns as u64)
}

/// Interleaved channels to planes.
fn planes<T: Copy>(values: &[T], pixels: usize, channels: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    for image in values.chunks(pixels * channels) {
        for c in 0..channels {
            out.extend(image.iter().skip(c).step_by(channels));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_channels_become_planes() {
        assert_eq!(planes(&[1, 2, 3, 11, 12, 13], 2, 3), [1, 11, 2, 12, 3, 13]);
    }

    #[test]
    fn arrays_in_memory_are_tables_or_images_by_their_shape() {
        let table = ndarray::Array2::<f32>::zeros((4, 3));
        assert_eq!(Dataset::from_array("t", table.view()).unwrap().schema().modelled_names(), ["c0", "c1", "c2"]);
        // A transposed view is read in its own order.
        let turned = ndarray::array![[1f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let turned = Dataset::from_array("t", turned.t()).unwrap();
        assert_eq!(turned.rows(), &Rows::F32(vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        let images = Dataset::from_bytes("i", ndarray::Array4::<u8>::zeros((2, 5, 4, 3)).view()).unwrap();
        assert_eq!(images.schema().image_shape(), Some([3, 5, 4]));
        assert!(Dataset::from_array("v", ndarray::Array1::<f32>::zeros(3).view()).is_err());
        assert!(Dataset::from_array("s", ndarray::Array0::<f32>::zeros(()).view()).is_err());
        assert!(Dataset::from_rows("r", &["a", "a"], vec![1.0, 2.0]).is_err());
    }
}
