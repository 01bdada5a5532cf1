//! The values of rows: what they are held in, and how they are read.

use crate::{Error, Result};

use super::{Cells, Dataset, Kind, Schema, StoredValues};

/// The modelled values of all rows, in their own type: bytes stay bytes. In `F32` a NaN is a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// Bytes, such as pixels.
    U8(Vec<u8>),
    /// Numbers; a NaN is a missing value.
    F32(Vec<f32>),
    /// The same on disk, where they do not fit in memory.
    Stored(StoredValues),
}

/// Beyond this single precision loses tenths of a nat in log x!.
const MOST_COUNT: f32 = 1e5;

/// Values that are read from disk at once where rows follow each other.
const BLOCK: usize = 1 << 16;

impl Rows {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::Stored(v) => v.len(),
        }
    }

    /// True when there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kind of the values of each of `width` columns: binary where each known one is 0 or 1.
    pub(crate) fn kinds(&self, width: usize) -> Vec<Kind> {
        let mut binary = vec![true; width];
        let kind = match self {
            Self::U8(v) => {
                v.iter().enumerate().for_each(|(i, b)| binary[i % width] &= *b <= 1);
                Kind::Byte
            }
            Self::F32(v) => {
                v.iter().enumerate().for_each(|(i, x)| binary[i % width] &= *x == 0.0 || *x == 1.0 || x.is_nan());
                Kind::Real
            }
            Self::Stored(v) => {
                binary.iter_mut().zip(v.binary()).for_each(|(binary, found)| *binary = *found);
                Kind::Real
            }
        };
        binary.into_iter().map(|binary| if binary { Kind::Binary } else { kind }).collect()
    }
}

impl Dataset {
    /// Appends the stored values of one row.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn extend_with_row(&self, row: usize, out: &mut Vec<f32>) -> Result<()> {
        let start = out.len();
        out.resize(start + self.width(), 0.0);
        self.copy_row(row, &mut out[start..])
    }

    /// Writes the stored values of a row over `out`, as long as a row is.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn copy_row(&self, row: usize, out: &mut [f32]) -> Result<()> {
        let at = row * self.width()..(row + 1) * self.width();
        match self.rows() {
            Rows::U8(v) => out.iter_mut().zip(&v[at]).for_each(|(o, &b)| *o = f32::from(b)),
            Rows::F32(v) => out.copy_from_slice(&v[at]),
            Rows::Stored(v) => v.read(at.start, out)?,
        }
        Ok(())
    }

    /// Calls `each` with the stored values of rows in turn. On disk, ascending rows are read in large blocks.
    ///
    /// # Errors
    /// Rows on disk that cannot be read, and the first error of `each`.
    pub fn for_each_row(&self, rows: &[u32], mut each: impl FnMut(u32, &[f32]) -> Result<()>) -> Result<()> {
        let width = self.width();
        let size = if matches!(self.rows(), Rows::Stored(_)) { (BLOCK / width).clamp(1, self.len()) } else { 1 };
        let mut block = vec![0f32; size * width];
        let mut held = 0..0;
        for &row in rows {
            let at = row as usize;
            if !held.contains(&at) {
                held = at..(at + size).min(self.len());
                match self.rows() {
                    Rows::Stored(stored) => stored.read(at * width, &mut block[..held.len() * width])?,
                    _ => self.copy_row(at, &mut block)?,
                }
            }
            each(row, &block[(at - held.start) * width..][..width])?;
        }
        Ok(())
    }

    /// Refuses known values that are no whole numbers from 0.
    ///
    /// # Errors
    /// The first such value, by row and column.
    pub fn check_counts(&self) -> Result<()> {
        let odd = |v: &f32| *v < 0.0 || *v > MOST_COUNT || !v.is_nan() && v.fract() != 0.0;
        let check = |from: usize, values: &[f32]| {
            let Some(at) = values.iter().position(odd) else { return Ok(()) };
            let (row, column) = ((from + at) / self.width(), self.schema().value_name((from + at) % self.width()));
            let problem =
                "expected a count, a whole number from 0 to 100000; choose another likelihood, or leave the column out";
            Err(Error::data(&self.name, format!("row {row}, {column}: found {}, {problem}", values[at])))
        };
        match self.rows() {
            Rows::U8(_) => Ok(()),
            Rows::F32(values) => check(0, values),
            Rows::Stored(stored) => stored.for_each_block(&mut |from, block| check(from, block)),
        }
    }

    /// Some rows with the columns beside them, in memory as 32-bit numbers; they are numbered anew. None where no value of them
    /// is known.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn select(&self, rows: &[u32]) -> Result<Option<Dataset>> {
        let mut values = Vec::with_capacity(rows.len() * self.width());
        rows.iter().try_for_each(|row| self.extend_with_row(*row as usize, &mut values))?;
        if values.iter().all(|v| v.is_nan()) {
            return Ok(None);
        }
        let columns = self.schema().modelled().cloned().collect();
        let schema = Schema { pixels: self.schema().pixels.clone(), columns };
        let mut some = Dataset::new(&self.name, schema, Rows::F32(values))?;
        for column in self.schema().beside() {
            let Some(cells) = self.cells(&column.name) else { continue };
            let at = |row: &u32| *row as usize;
            let cells = match cells {
                Cells::Numbers(all) => Cells::Numbers(rows.iter().map(|row| all[at(row)]).collect()),
                Cells::Levels(all) => Cells::Levels(rows.iter().map(|row| all[at(row)]).collect()),
                Cells::Text(all) => {
                    Cells::Text(rows.iter().map(|row| all.get(at(row))).collect::<Result<Vec<_>>>()?.into())
                }
            };
            some = some.with(column.clone(), cells)?;
        }
        Ok(Some(some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_a_kind_of_its_own() {
        let rows = Rows::F32(vec![0.0, 2.5, 1.0, f32::NAN]);
        assert_eq!(rows.kinds(2), [Kind::Binary, Kind::Real]);
        assert_eq!(Rows::U8(vec![1, 7]).kinds(2), [Kind::Binary, Kind::Byte]);
    }
}
