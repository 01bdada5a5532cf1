//! A dictionary with what its rows are, in memory and in a file.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{NameColumn, Schema};
use crate::run::{Named, read_tensors, write_atomically, write_tensors};
use crate::{Error, Result};

use super::{Dictionary, Solver, SparseCodes, least};

/// The most numbers that a file may hold.
const MOST: usize = 1 << 26;
/// The form of the file.
const FORM: u32 = 1;

/// A dictionary, and how rows become what it is made for: (v - shift) / scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Atoms of the shifted and scaled rows.
    pub dictionary: Dictionary,
    /// The mean of the training rows, a number a column.
    pub shift: Vec<f32>,
    /// What a column is divided by.
    pub scale: Vec<f32>,
    /// The names of the columns.
    pub names: Vec<String>,
    /// How rows are coded.
    pub solver: Solver,
    /// Where the rows are from.
    pub from: From,
    /// Of codes of a model: what each atom adds to a row, `[atoms, X]`, and the row of the code 0, `[X]`.
    pub shown: Option<(Vec<f32>, Vec<f32>)>,
}

/// What a dictionary is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// Values of files with these columns or pixels.
    Values(Schema),
    /// Latent codes of the run of this identity.
    Codes(String),
}

/// Rows with their sparse codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coded {
    /// The codes.
    pub codes: SparseCodes,
    /// Rows as the codes make them, as the file has them: `[rows, width]`.
    pub rows: Vec<f32>,
    /// Squared errors of the shifted and scaled rows, their squares, and how many numbers they have.
    errors: f64,
    squares: f64,
    numbers: usize,
}

/// What a file says beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    form: u32,
    names: Vec<String>,
    solver: Solver,
    from: From,
}

impl Fitted {
    /// The shift and the scale that training rows `[rows, width]` ask for: their mean, and `scale`, else their standard
    /// deviation, 1 for a column that has none.
    pub fn measure(x: &[f32], width: usize, scale: Option<f32>) -> (Vec<f32>, Vec<f32>) {
        let rows = (x.len() / width.max(1)).max(1) as f64;
        let mut sums = vec![[0f64; 2]; width];
        for row in x.chunks(width.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, v)| sum[0] += f64::from(*v) / rows);
        }
        for row in x.chunks(width.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, v)| sum[1] += (f64::from(*v) - sum[0]).powi(2) / rows);
        }
        let scale_of = |variance: f64| if variance.sqrt() > 1e-12 { variance.sqrt() as f32 } else { 1.0 };
        let of = |sum: &[f64; 2]| (sum[0] as f32, scale.unwrap_or_else(|| scale_of(sum[1])));
        sums.iter().map(of).unzip()
    }

    /// Rows as the dictionary takes them.
    pub fn scaled(shift: &[f32], scale: &[f32], x: &[f32]) -> Vec<f32> {
        let places = (0..shift.len()).cycle();
        x.iter().zip(places).map(|(v, at)| (v - shift[at]) / scale[at]).collect()
    }

    /// Codes rows, `[rows, width]`, as the file has them.
    ///
    /// # Errors
    /// As [`Dictionary::encode`].
    pub fn code(&self, x: &[f32]) -> Result<Coded> {
        let scaled = Self::scaled(&self.shift, &self.scale, x);
        let codes = self.dictionary.encode(&scaled, self.solver)?;
        let mut rows = self.dictionary.decode(&codes);
        let squares = |of: &mut dyn Iterator<Item = f32>| of.map(|v| f64::from(v).powi(2)).sum::<f64>();
        let errors = squares(&mut scaled.iter().zip(&rows).map(|(a, b)| a - b));
        let all = squares(&mut scaled.iter().copied());
        let places = (0..self.shift.len()).cycle();
        rows.iter_mut().zip(places).for_each(|(v, at)| *v = *v * self.scale[at] + self.shift[at]);
        Ok(Coded { codes, rows, errors, squares: all, numbers: x.len() })
    }

    /// Fits what each atom adds to rows of another kind, `[rows, X]`, by least squares: x = mean + D a.
    pub fn show(&mut self, codes: &SparseCodes, x: &[f32], width: usize) {
        let (mean, ones) = Self::measure(x, width, Some(1.0));
        let centred = Self::scaled(&mean, &ones, x);
        let atoms = least::fitted(codes, &centred, width);
        self.shown = atoms.map(|atoms| (atoms.into_iter().map(|v| v as f32).collect(), mean));
    }

    /// x = mean + D a of codes, by [`Self::show`]: `[rows, X]`; none where nothing was fitted.
    pub fn shown_rows(&self, codes: &SparseCodes) -> Option<Vec<f32>> {
        let (atoms, mean) = self.shown.as_ref()?;
        let width = mean.len();
        let mut rows = mean.repeat(codes.len());
        for (row, line) in rows.chunks_mut(width.max(1)).enumerate() {
            for (atom, value) in codes.row(row) {
                line.iter_mut().zip(&atoms[atom * width..][..width]).for_each(|(v, d)| *v += value * d);
            }
        }
        Some(rows)
    }

    /// Writes a safetensors file.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, path: &Path) -> Result<()> {
        let named = |name: &str, shape: Vec<usize>, values: &[f32]| Named {
            name: name.to_owned(),
            shape,
            values: values.to_vec(),
        };
        let (n, width) = (self.dictionary.len(), self.dictionary.width());
        let mut tensors = vec![
            named("atoms", vec![n, width], self.dictionary.atoms()),
            named("scale", vec![width], &self.scale),
            named("shift", vec![width], &self.shift),
        ];
        if let Some((atoms, mean)) = &self.shown {
            tensors.push(named("shown", vec![n, mean.len()], atoms));
            tensors.push(named("shown_mean", vec![mean.len()], mean));
        }
        let meta = Meta { form: FORM, names: self.names.clone(), solver: self.solver, from: self.from.clone() };
        let meta = serde_json::to_string(&meta).map_err(|e| Error::run(path, e.to_string()))?;
        write_tensors(path, tensors, meta)
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or is no dictionary.
    pub fn read(path: &Path) -> Result<Self> {
        let (tensors, meta) = read_tensors(path, MOST)?;
        let bad = |problem: &str| Error::run(path, format!("is no dictionary of vaekit: {problem}"));
        let meta: Meta = serde_json::from_str(&meta).map_err(|_| bad("it does not say how rows are coded"))?;
        if meta.form != FORM {
            return Err(bad(&format!("its form is {}, expected {FORM}", meta.form)));
        }
        let take = |name: &str| tensors.iter().find(|t| t.name == name);
        let [Some(atoms), Some(scale), Some(shift)] = ["atoms", "scale", "shift"].map(take) else {
            return Err(bad("atoms, scale or shift is missing"));
        };
        let [n, width] = atoms.shape[..] else { return Err(bad("atoms has no two sizes")) };
        let fits = [&scale.values, &shift.values].iter().all(|of| of.len() == width) && meta.names.len() == width;
        let sound = match &meta.from {
            From::Values(schema) => schema.is_sound() && schema.width() == width,
            From::Codes(_) => true,
        };
        if !fits || !sound || scale.values.iter().any(|v| *v <= 0.0) {
            return Err(bad("its columns do not go together"));
        }
        let dictionary = Dictionary::new(atoms.values.clone(), width).map_err(|e| bad(&e.to_string()))?;
        meta.solver.check(n).map_err(|e| bad(&e.to_string()))?;
        let shown = match ["shown", "shown_mean"].map(take) {
            [Some(atoms), Some(mean)] if atoms.shape == [n, mean.values.len()] => {
                Some((atoms.values.clone(), mean.values.clone()))
            }
            [None, None] => None,
            _ => return Err(bad("shown and shown_mean do not go together")),
        };
        let (shift, scale) = (shift.values.clone(), scale.values.clone());
        Ok(Self { dictionary, shift, scale, names: meta.names, solver: meta.solver, from: meta.from, shown })
    }
}

impl Coded {
    /// No rows, of so many atoms.
    pub fn empty(atoms: usize) -> Self {
        Self { codes: SparseCodes::empty(atoms), ..Self::default() }
    }

    /// Mean squared error a number of the shifted and scaled rows.
    pub fn mse(&self) -> f64 {
        self.errors / self.numbers.max(1) as f64
    }

    /// The share of the squares of the shifted and scaled rows that the codes explain.
    pub fn explained(&self) -> f64 {
        1.0 - self.errors / self.squares.max(f64::MIN_POSITIVE)
    }

    /// Adds further rows of the same dictionary.
    pub fn extend(&mut self, other: Self) {
        self.codes.extend(&other.codes);
        self.rows.extend(other.rows);
        self.errors += other.errors;
        self.squares += other.squares;
        self.numbers += other.numbers;
    }

    /// Writes a csv table with a line for each number that is not 0: the row's name, the atom, how much of it.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, path: &Path, name: &NameColumn) -> Result<()> {
        write_atomically(path, |out: &mut dyn Write| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record([name.name.as_str(), "atom", "value"])?;
            for (row, name) in name.values.iter().enumerate() {
                for (atom, value) in self.codes.row(row) {
                    writer.write_record([name.as_str(), &atom.to_string(), &value.to_string()])?;
                }
            }
            writer.flush()
        })
    }
}
