//! Sparse codes, x = D a with few of the a not 0, and the dictionaries D that they are made of.
//!
//! Rows x are what a person gives: pixels, columns, latent codes. [`Solver`] finds a for a given D, [`Learner`] finds D.

mod fitted;
mod lasso;
mod learn;
mod least;
mod pursuit;
mod solver;
mod source;

use vaekit_ops::gemm::{Matrix, product};
use vaekit_ops::pool;

use crate::{Error, Result, budget};

pub use fitted::{Coded, Fitted, From};
pub use learn::{LEARNERS, Learner, Learning, learn};
pub use solver::{METHODS, MakeMethod, Method, Solver};
pub use source::Source;

/// Rows whose products with all atoms are held at once.
const BLOCK: usize = 512;

/// Atoms of length 1, the columns of D.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    /// `[atoms, width]`, an atom after the other.
    atoms: Vec<f32>,
    width: usize,
}

impl Dictionary {
    /// Atoms, one after the other, each scaled to length 1.
    ///
    /// # Errors
    /// No atom, numbers that do not fill the last one or are not finite, or an atom that is 0.
    pub fn new(mut atoms: Vec<f32>, width: usize) -> Result<Self> {
        let fail = |problem: String| Error::data("dictionary", problem);
        if width == 0 || atoms.is_empty() || !atoms.len().is_multiple_of(width) {
            return Err(fail(format!("{} numbers are no atoms of {width} numbers each", atoms.len())));
        }
        for (i, atom) in atoms.chunks_mut(width).enumerate() {
            let length = atom.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            if !length.is_finite() || length < 1e-12 {
                return Err(fail(format!("atom {i} has length {length}, expected a finite length above 0")));
            }
            atom.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        }
        Ok(Self { atoms, width })
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.atoms.len() / self.width
    }

    /// Never true: a dictionary has an atom.
    pub fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    /// Numbers of an atom.
    pub fn width(&self) -> usize {
        self.width
    }

    /// An atom.
    pub fn atom(&self, i: usize) -> &[f32] {
        &self.atoms[i * self.width..][..self.width]
    }

    /// All atoms, `[atoms, width]`.
    pub fn atoms(&self) -> &[f32] {
        &self.atoms
    }

    /// Products of all pairs of atoms, `[atoms, atoms]`.
    fn gram(&self) -> Vec<f64> {
        least::gram(&self.atoms, self.width)
    }

    /// Codes of rows, `[rows, width]`.
    ///
    /// # Errors
    /// Rows of another width or with numbers that are not finite, or a solver that does not go with the dictionary.
    pub fn encode(&self, x: &[f32], solver: Solver) -> Result<SparseCodes> {
        solver.check(self.len())?;
        let width = self.width;
        if !x.len().is_multiple_of(width) {
            return Err(Error::data("rows", format!("{} numbers are no rows of {width}", x.len())));
        }
        if let Some(at) = x.iter().position(|v| !v.is_finite()) {
            let (row, column) = (at / width, at % width);
            return Err(Error::data("rows", format!("row {row}, number {column} is {}, expected a finite one", x[at])));
        }
        let n = self.len();
        budget::ask_values("dictionary", "products of all pairs of atoms", &[4, n, n])?;
        budget::ask_values("rows", "products of rows and atoms", &[2, BLOCK, n])?;
        let problem = Problem::new(self, solver);
        let mut codes = SparseCodes { atoms: self.len(), ends: Vec::new(), places: Vec::new(), values: Vec::new() };
        for block in x.chunks(BLOCK * width) {
            let rows = block.len() / width;
            let all = product(Matrix::new(block, rows, width), Matrix::new(&self.atoms, self.len(), width).t());
            let found = pool::map(rows, |row| {
                let x = &block[row * width..][..width];
                problem.solve(x, &all[row * self.len()..][..self.len()])
            });
            found.into_iter().for_each(|code| codes.push(code));
        }
        Ok(codes)
    }

    /// D a of every row, `[rows, width]`.
    ///
    /// # Panics
    /// When the codes are of another number of atoms.
    pub fn decode(&self, codes: &SparseCodes) -> Vec<f32> {
        assert_eq!(codes.atoms, self.len(), "codes of another dictionary");
        let mut x = vec![0f32; codes.len() * self.width];
        pool::each_row(&mut x, self.width, |row, out| {
            for (atom, value) in codes.row(row) {
                out.iter_mut().zip(self.atom(atom)).for_each(|(o, d)| *o += value * d);
            }
        });
        x
    }
}

/// Sparse codes: of each row the atoms that are not 0, in order, and how much of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseCodes {
    atoms: usize,
    ends: Vec<usize>,
    places: Vec<u32>,
    values: Vec<f32>,
}

impl SparseCodes {
    fn push(&mut self, mut code: Vec<(usize, f64)>) {
        code.retain(|(_, value)| *value != 0.0);
        code.sort_by_key(|(place, _)| *place);
        self.places.extend(code.iter().map(|(place, _)| *place as u32));
        self.values.extend(code.iter().map(|(_, value)| *value as f32));
        self.ends.push(self.places.len());
    }

    /// No rows, of so many atoms.
    pub fn empty(atoms: usize) -> Self {
        Self { atoms, ..Self::default() }
    }

    /// Adds further rows.
    pub fn extend(&mut self, other: &Self) {
        let from = self.places.len();
        self.places.extend_from_slice(&other.places);
        self.values.extend_from_slice(&other.values);
        self.ends.extend(other.ends.iter().map(|end| from + end));
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True for no rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The atoms of a row and how much of each.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = begin..self.ends[row];
        self.places[range.clone()].iter().map(|place| *place as usize).zip(self.values[range].iter().copied())
    }

    /// Numbers that are not 0, a mean over the rows.
    pub fn per_row(&self) -> f64 {
        self.places.len() as f64 / self.len().max(1) as f64
    }

    /// How many rows use each atom.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.atoms];
        self.places.iter().for_each(|place| uses[*place as usize] += 1);
        uses
    }

    /// `[rows, atoms]`, with the zeros.
    pub fn dense(&self) -> Vec<f32> {
        let mut all = vec![0f32; self.len() * self.atoms];
        for (row, line) in all.chunks_mut(self.atoms.max(1)).enumerate() {
            self.row(row).for_each(|(place, value)| line[place] = value);
        }
        all
    }
}

/// What the rows of a call share.
struct Problem<'a> {
    dictionary: &'a Dictionary,
    gram: Vec<f64>,
    /// The largest eigenvalue of the Gram matrix, where the method steps by it.
    steepest: f64,
    solver: Solver,
}

impl<'a> Problem<'a> {
    fn new(dictionary: &'a Dictionary, solver: Solver) -> Self {
        let gram = dictionary.gram();
        let steepest = match solver.method {
            Method::Ista { .. } | Method::Fista { .. } => lasso::steepest(&gram, dictionary.len()),
            _ => 0.0,
        };
        Self { dictionary, gram, steepest, solver }
    }

    /// The code of a row, given its products with all atoms in 32 bits.
    fn solve(&self, x: &[f32], products: &[f32]) -> Vec<(usize, f64)> {
        match self.solver.method {
            Method::Omp { k } => pursuit::orthogonal(self, x, products, k),
            Method::Mp { k } => pursuit::matching(self, x, products, k),
            Method::Lasso { penalty } => lasso::coordinates(self, x, penalty),
            Method::Ista { penalty } => lasso::thresholding(self, x, penalty, false),
            Method::Fista { penalty } => lasso::thresholding(self, x, penalty, true),
        }
    }

    /// A row of the Gram matrix.
    fn gram(&self, atom: usize) -> &[f64] {
        let n = self.dictionary.len();
        &self.gram[atom * n..][..n]
    }

    /// The product of a row with an atom in 64 bits.
    fn product(&self, x: &[f32], atom: usize) -> f64 {
        dot(x, self.dictionary.atom(atom))
    }
}

/// A product in 64 bits, in an order that does not depend on threads.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f64; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    for (a, b) in a8.zip(b8) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests;
