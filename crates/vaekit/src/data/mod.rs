//! Data: rows in one buffer, what they are, and how they become batches.
//!
//! [`open`] turns a name or a path into a [`Dataset`]; [`split`](split::split)
//! divides it; [`Transform`] says how stored values become model values;
//! [`Batches`] shuffles, converts and binarises on a thread of its own.

mod batches;
pub mod builtin;
pub mod download;
mod idx;
mod images;
mod npy;
mod open;
pub mod public;
mod spec;
pub mod split;
mod table;
mod transform;

pub use batches::{Batch, Batches, Binarize, HostBatch, Preparation, Step};
pub use npy::write_npy;
pub use open::{OpenOptions, open};
pub use spec::{DataSpec, Kind, Shape};
pub use split::Splits;
pub use table::{NameColumn, write_csv};
pub use transform::{FittedTransform, Transform};

use md5::{Digest, Md5};

use crate::{Error, Result};

/// Rows in their own type: bytes stay bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

/// A class for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// One class a row, an index into `names`.
    pub ids: Vec<u32>,
    pub names: Vec<String>,
}

impl Labels {
    /// The same classes numbered as in `names`; none where one is not among them.
    pub fn numbered_as(&self, names: &[String]) -> Option<Self> {
        let place = |name: &String| names.iter().position(|known| known == name).map(|i| i as u32);
        let places: Option<Vec<u32>> = self.names.iter().map(place).collect();
        places.map(|to| Self { ids: self.ids.iter().map(|id| to[*id as usize]).collect(), names: names.to_vec() })
    }
}

/// The causes that a built-in set was made from, for judging what a model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    pub names: Vec<String>,
    /// `[rows, names]`, row-major.
    pub values: Vec<f32>,
}

/// Values that a row may have.
pub(crate) const MAX_WIDTH: usize = 1 << 26;

/// Rows, labels and their description.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// A short name for folders and messages.
    pub name: String,
    pub spec: DataSpec,
    pub labels: Option<Labels>,
    pub factors: Option<Factors>,
    /// Rows from this one on are the test part that the set itself brings.
    pub test_from: Option<usize>,
    rows: Rows,
}

/// Beyond this single precision loses tenths of a nat in log x!.
const MOST_COUNT: f32 = 1e5;

impl Dataset {
    /// Puts rows under a description.
    ///
    /// # Errors
    /// Zero rows, a buffer that is no whole number of rows, labels of another
    /// length, or a NaN or infinity (named by row and column).
    pub fn new(name: impl Into<String>, spec: DataSpec, rows: Rows, labels: Option<Labels>) -> Result<Self> {
        let name = name.into();
        let len = rows.len();
        let width = match spec.checked_width() {
            Some(width @ 1..=MAX_WIDTH) if len > 0 => width,
            Some(0..=MAX_WIDTH) => return Err(Error::data(&name, "holds no rows; at least one is needed")),
            _ => return Err(Error::data(&name, format!("has rows of more than {MAX_WIDTH} values"))),
        };
        if !len.is_multiple_of(width) {
            return Err(Error::data(&name, format!("{len} values are no whole number of rows of {width}")));
        }
        if let Some(labels) = &labels
            && labels.ids.len() != len / width
        {
            let (have, want) = (labels.ids.len(), len / width);
            return Err(Error::data(&name, format!("{have} labels for {want} rows; the counts must be equal")));
        }
        if let Rows::F32(values) = &rows
            && let Some(at) = values.iter().position(|v| !v.is_finite())
        {
            let (row, column) = (at / width + 1, spec.column_name(at % width));
            let found = values[at];
            return Err(Error::data(
                &name,
                format!("row {row}, {column}: found {found}, expected a finite number; remove or fill it"),
            ));
        }
        Ok(Self { name, spec, labels, factors: None, test_from: None, rows })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len() / self.spec.width()
    }

    /// Never true: a data set without rows cannot be made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer itself.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Appends the stored values of one row.
    pub fn extend_with_row(&self, row: usize, out: &mut Vec<f32>) {
        let start = out.len();
        out.resize(start + self.spec.width(), 0.0);
        self.copy_row(row, &mut out[start..]);
    }

    /// Writes the stored values of a row over `out`, as long as a row is.
    pub fn copy_row(&self, row: usize, out: &mut [f32]) {
        let at = row * self.spec.width()..(row + 1) * self.spec.width();
        match &self.rows {
            Rows::U8(v) => out.iter_mut().zip(&v[at]).for_each(|(o, &b)| *o = f32::from(b)),
            Rows::F32(v) => out.copy_from_slice(&v[at]),
        }
    }

    /// Refuses values that are no whole numbers from 0.
    ///
    /// # Errors
    /// The first such value, by row and column.
    pub fn check_counts(&self) -> Result<()> {
        let Rows::F32(values) = &self.rows else { return Ok(()) };
        let odd = |v: &f32| *v < 0.0 || v.fract() != 0.0 || *v > MOST_COUNT;
        let Some(at) = values.iter().position(odd) else { return Ok(()) };
        let (row, column) = (at / self.spec.width() + 1, self.spec.column_name(at % self.spec.width()));
        let problem =
            "expected a count, a whole number from 0 to 100000; choose another likelihood, or leave the column out";
        Err(Error::data(&self.name, format!("row {row}, {column}: found {}, {problem}", values[at])))
    }

    /// A checksum of shape and values, which ties a run to its data.
    pub fn fingerprint(&self) -> String {
        let mut hash = Md5::new();
        hash.update(format!("{:?} {:?}", self.spec, self.test_from));
        match &self.rows {
            Rows::U8(v) => hash.update(v),
            Rows::F32(v) => v.iter().for_each(|x| hash.update(x.to_le_bytes())),
        }
        download::hex(&hash.finalize())
    }
}

impl Rows {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// True when there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Binary when every value is 0 or 1, byte or real otherwise.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::U8(v) if v.iter().all(|&b| b <= 1) => Kind::Binary,
            Self::U8(_) => Kind::Byte,
            Self::F32(v) if v.iter().all(|&x| x == 0.0 || x == 1.0) => Kind::Binary,
            Self::F32(_) => Kind::Real,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, values: Vec<f32>) -> Result<Dataset> {
        let columns = (0..width).map(|i| format!("c{i}")).collect();
        Dataset::new("t", DataSpec { shape: Shape::Table { columns }, kind: Kind::Real }, Rows::F32(values), None)
    }

    #[test]
    fn a_value_that_is_not_finite_is_named_by_row_and_column() {
        let error = table(2, vec![1.0, 2.0, 3.0, f32::NAN]).unwrap_err().to_string();
        assert!(error.contains("row 2") && error.contains("c1"), "{error}");
    }

    #[test]
    fn zero_rows_and_ragged_buffers_are_refused() {
        assert!(table(2, vec![]).is_err());
        assert!(table(2, vec![1.0, 2.0, 3.0]).is_err());
    }

    #[test]
    fn the_fingerprint_sees_one_changed_value() {
        let a = table(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap().fingerprint();
        assert_ne!(a, table(2, vec![1.0, 2.0, 3.0, 4.5]).unwrap().fingerprint());
        assert_ne!(a, table(4, vec![1.0, 2.0, 3.0, 4.0]).unwrap().fingerprint());
    }
}
