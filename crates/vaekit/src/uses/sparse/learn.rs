//! Dictionaries that rows have sparse codes in.

use crate::data::Step;
use crate::rng::{Purpose, Rng};
use crate::{Error, Result, budget};

use super::{Dictionary, Solver, SparseCodes, least};

/// Rows of a step of online learning.
const BATCH: usize = 256;
/// An atom that fewer rows of a pass use is replaced.
const DEAD: usize = 2;

/// How atoms follow the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Online dictionary learning: small batches of rows, whose products with their codes are summed up, older ones less
    /// and less (Mairal, Bach, Ponce & Sapiro 2009).
    Online,
    /// K-SVD in its approximate form: all rows, then each atom in turn with its coefficients (Aharon, Elad & Bruckstein
    /// 2006; Rubinstein, Zibulevsky & Elad 2008).
    Ksvd,
    /// The method of optimal directions: all rows, then all atoms together by least squares (Engan, Aase & Husoy 1999).
    Mod,
}

/// Learners by their names.
pub const LEARNERS: &[(&str, Learner)] =
    &[("online", Learner::Online), ("k-svd", Learner::Ksvd), ("mod", Learner::Mod)];

/// How a dictionary is learned.
#[derive(Clone, Copy, Debug)]
pub struct Learning {
    /// Number of atoms.
    pub atoms: usize,
    /// Passes over the rows.
    pub passes: usize,
    /// How rows are coded on the way.
    pub solver: Solver,
    /// How atoms follow.
    pub learner: Learner,
}

/// A dictionary learned from rows, `[rows, width]`, beginning with atoms that are rows themselves. An atom that hardly any
/// row uses becomes the row that is worst off. `progress` hears of each pass and its mean squared error a
/// number; where it says stop, the dictionary is what it is by then.
///
/// # Errors
/// Fewer rows than atoms, rows that are not finite, or settings that do not go together.
pub fn learn(
    x: &[f32],
    width: usize,
    how: Learning,
    rng: Rng,
    progress: &mut dyn FnMut(usize, f64) -> Step,
) -> Result<Dictionary> {
    let rows = x.len().checked_div(width).unwrap_or(0);
    let useful = |row: &usize| x[row * width..][..width].iter().map(|v| v * v).sum::<f32>() > 1e-12;
    let order = rng.permutation(Purpose::Choice, rows);
    let useful: Vec<usize> = order.iter().map(|row| *row as usize).filter(useful).collect();
    if how.atoms == 0 || useful.len() < how.atoms {
        let problem = format!("found {}, expected 1 to {}, the training rows that are not 0", how.atoms, useful.len());
        return Err(Error::setting("atoms", problem));
    }
    let first = &useful[..how.atoms];
    budget::ask_values("dictionary", "what learning remembers", &[2, how.atoms, how.atoms + width])?;
    if how.passes == 0 {
        return Err(Error::setting("passes", "found 0, expected at least 1"));
    }
    let atoms = first.iter().flat_map(|row| x[row * width..][..width].iter().copied()).collect();
    let mut dictionary = Dictionary::new(atoms, width)?;
    let mut sums = Sums::new(how.atoms, width);
    for pass in 0..how.passes {
        let mse = match how.learner {
            Learner::Ksvd => every_atom_in_turn(x, &mut dictionary, how.solver)?,
            Learner::Mod => all_atoms_together(x, &mut dictionary, how.solver)?,
            Learner::Online => {
                let order = rng.at(pass as u64).permutation(Purpose::Shuffle, rows);
                let (mut squares, mut used) = (0.0, vec![0usize; how.atoms]);
                let mut worst = Worst::default();
                for part in order.chunks(BATCH) {
                    let batch: Vec<f32> =
                        part.iter().flat_map(|row| &x[*row as usize * width..][..width]).copied().collect();
                    let codes = dictionary.encode(&batch, how.solver)?;
                    squares += worst.see(&batch, &dictionary.decode(&codes), width, part);
                    (0..codes.len()).for_each(|row| codes.row(row).for_each(|(atom, _)| used[atom] += 1));
                    sums.add(&batch, &codes);
                    sums.update(&mut dictionary);
                }
                replace_dead(x, &mut dictionary, &used, worst, |atom| sums.forget(atom));
                squares / x.len() as f64
            }
        };
        if progress(pass + 1, mse) == Step::Stop {
            break;
        }
    }
    Ok(dictionary)
}

/// A pass of K-SVD; the mean squared error a number before it.
fn every_atom_in_turn(x: &[f32], dictionary: &mut Dictionary, solver: Solver) -> Result<f64> {
    let (width, n) = (dictionary.width, dictionary.len());
    let codes = dictionary.encode(x, solver)?;
    let mut left = dictionary.decode(&codes);
    let all: Vec<u32> = (0..codes.len() as u32).collect();
    let mut worst = Worst::default();
    let squares = worst.see(x, &left, width, &all);
    left.iter_mut().zip(x).for_each(|(made, x)| *made = x - *made);
    let mut users: Vec<Vec<(usize, f32)>> = vec![Vec::new(); n];
    for row in 0..codes.len() {
        codes.row(row).for_each(|(atom, value)| users[atom].push((row, value)));
    }
    for (atom, users) in users.iter_mut().enumerate() {
        let old = dictionary.atom(atom).to_vec();
        // What is left of each row together with what the atom makes of it, weighed by how much of the atom it has.
        let mut sum: Vec<f64> = vec![0.0; width];
        for (row, value) in users.iter() {
            let line = &left[row * width..][..width];
            sum.iter_mut().zip(line).zip(&old).for_each(|((sum, l), d)| *sum += f64::from(value * (l + value * d)));
        }
        let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length < 1e-12 {
            continue;
        }
        let new: Vec<f32> = sum.iter().map(|v| (v / length) as f32).collect();
        for (row, value) in users.iter_mut() {
            let line = &mut left[*row * width..][..width];
            line.iter_mut().zip(&old).for_each(|(l, d)| *l += *value * d);
            let now = super::dot(line, &new) as f32;
            *value = if solver.positive { now.max(0.0) } else { now };
            line.iter_mut().zip(&new).for_each(|(l, d)| *l -= *value * d);
        }
        dictionary.atoms[atom * width..][..width].copy_from_slice(&new);
    }
    let used: Vec<usize> = users.iter().map(Vec::len).collect();
    replace_dead(x, dictionary, &used, worst, |_| ());
    Ok(squares / x.len() as f64)
}

/// A pass of the method of optimal directions; the mean squared error a number before it.
fn all_atoms_together(x: &[f32], dictionary: &mut Dictionary, solver: Solver) -> Result<f64> {
    let width = dictionary.width;
    let codes = dictionary.encode(x, solver)?;
    let all: Vec<u32> = (0..codes.len() as u32).collect();
    let mut worst = Worst::default();
    let squares = worst.see(x, &dictionary.decode(&codes), width, &all);
    if let Some(atoms) = least::fitted(&codes, x, width) {
        for (line, atom) in dictionary.atoms.chunks_mut(width).zip(atoms.chunks(width)) {
            let length = atom.iter().map(|v| v * v).sum::<f64>().sqrt();
            if length > 1e-12 {
                line.iter_mut().zip(atom).for_each(|(d, v)| *d = (v / length) as f32);
            }
        }
    }
    replace_dead(x, dictionary, &codes.uses(), worst, |_| ());
    Ok(squares / x.len() as f64)
}

/// Atoms that hardly any row uses become the rows that are worst off.
fn replace_dead(x: &[f32], dictionary: &mut Dictionary, used: &[usize], worst: Worst, mut told: impl FnMut(usize)) {
    let width = dictionary.width;
    let mut rows = worst.in_order().into_iter();
    for atom in (0..used.len()).filter(|atom| used[*atom] < DEAD) {
        let Some(row) = rows.next() else { return };
        let row = &x[row as usize * width..][..width];
        let length = super::dot(row, row).sqrt();
        if length > 1e-6 {
            let line = &mut dictionary.atoms[atom * width..][..width];
            line.iter_mut().zip(row).for_each(|(d, v)| *d = (f64::from(*v) / length) as f32);
            told(atom);
        }
    }
}

/// The rows with the largest errors.
#[derive(Default)]
struct Worst(Vec<(f64, u32)>);

impl Worst {
    /// Rows and what codes make of them; the sum of squared errors.
    fn see(&mut self, x: &[f32], made: &[f32], width: usize, rows: &[u32]) -> f64 {
        let error = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let errors: Vec<f64> = x.chunks(width).zip(made.chunks(width)).map(error).collect();
        self.0.extend(errors.iter().copied().zip(rows.iter().copied()));
        errors.iter().sum()
    }

    fn in_order(mut self) -> Vec<u32> {
        self.0.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.0.into_iter().map(|(_, row)| row).collect()
    }
}

/// What online learning remembers of the rows so far: A = sum of a a^T and B = sum of a x^T.
struct Sums {
    width: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    batches: f64,
}

impl Sums {
    fn new(atoms: usize, width: usize) -> Self {
        Self { width, a: vec![0.0; atoms * atoms], b: vec![0.0; atoms * width], batches: 0.0 }
    }

    fn add(&mut self, x: &[f32], codes: &SparseCodes) {
        self.batches += 1.0;
        // A batch counts less the more came after it.
        let kept = (1.0 - 1.0 / self.batches).powi(2);
        self.a.iter_mut().chain(&mut self.b).for_each(|v| *v *= kept);
        let n = codes.atoms;
        for (row, x) in x.chunks(self.width).enumerate() {
            for (i, value) in codes.row(row) {
                codes.row(row).for_each(|(j, other)| self.a[i * n + j] += f64::from(value * other));
                let line = &mut self.b[i * self.width..][..self.width];
                line.iter_mut().zip(x).for_each(|(sum, x)| *sum += f64::from(value * x));
            }
        }
    }

    /// One round of block coordinate descent: each atom in turn takes its best value given the others.
    fn update(&self, dictionary: &mut Dictionary) {
        let (n, width) = (dictionary.len(), self.width);
        for atom in 0..n {
            let own = self.a[atom * n + atom];
            if own < 1e-12 {
                continue;
            }
            let mut line: Vec<f64> = self.b[atom * width..][..width].to_vec();
            for other in (0..n).filter(|other| *other != atom && self.a[atom * n + other] != 0.0) {
                let weight = self.a[atom * n + other];
                line.iter_mut().zip(dictionary.atom(other)).for_each(|(l, d)| *l -= weight * f64::from(*d));
            }
            let length = line.iter().map(|v| v * v).sum::<f64>().sqrt();
            if length > 1e-12 {
                let target = &mut dictionary.atoms[atom * width..][..width];
                target.iter_mut().zip(&line).for_each(|(d, v)| *d = (v / length) as f32);
            }
        }
    }

    /// An atom that was replaced has no past.
    fn forget(&mut self, atom: usize) {
        let n = self.b.len() / self.width;
        self.b[atom * self.width..][..self.width].fill(0.0);
        for other in 0..n {
            (self.a[atom * n + other], self.a[other * n + atom]) = (0.0, 0.0);
        }
    }
}
