//! What stands beside the modelled values of a row.

use super::Texts;

/// The cells of a column that is not modelled, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// A NaN is a missing cell.
    Numbers(Vec<f32>),
    /// Places in the levels of the column; [`MISSING`] is a missing cell.
    Levels(Vec<u32>),
    /// Any text, such as what rows are called.
    Text(Texts),
}

/// The level of a missing cell.
pub const MISSING: u32 = u32::MAX;

impl Cells {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(v) => v.len(),
            Self::Levels(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// True for no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The class of each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labels<'a> {
    /// One class a row, an index into `names`; [`MISSING`] for a row without one.
    pub ids: &'a [u32],
    /// The names of the classes.
    pub names: &'a [String],
}

impl Labels<'_> {
    /// Those of `rows` that have a class.
    pub fn known(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().copied().filter(|row| self.ids[*row as usize] != MISSING).collect()
    }

    /// The name of a row's class; empty for a row without one.
    pub fn name_of(&self, row: u32) -> &str {
        self.names.get(self.ids[row as usize] as usize).map_or("", String::as_str)
    }
}

/// The causes that a built-in set was made from, for judging what a model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// A name a factor.
    pub names: Vec<String>,
    /// `[rows, names]`, row-major.
    pub values: Vec<f32>,
}
