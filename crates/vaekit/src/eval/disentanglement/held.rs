//! Scores from rows that share the value of one factor.

use std::ops::Range;

use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::eval::latents::Matrix;
use crate::eval::representation::probe_accuracy;
use crate::rng::{Purpose, Rng, below};

use super::Factor;

/// Rows, or pairs of rows, that share a value in one example.
const TOGETHER: usize = 64;
/// Examples to learn from, and to judge by.
const LEARN: usize = 10_000;
const JUDGE: usize = 5_000;

/// Examples of one factor held: which factor, and rows that share its value.
struct Held<'a> {
    factors: &'a [Factor],
    members: Vec<Vec<Vec<usize>>>,
    rows: Range<usize>,
    rng: ChaCha8Rng,
}

impl<'a> Held<'a> {
    /// Examples of some of the rows: those that teach and those that judge are others.
    fn new(factors: &'a [Factor], rows: Range<usize>, rng: ChaCha8Rng) -> Self {
        let within = |members: Vec<Vec<usize>>| {
            let kept = |m: Vec<usize>| m.into_iter().filter(|row| rows.contains(row)).collect();
            members.into_iter().map(kept).collect()
        };
        Self { factors, members: factors.iter().map(Factor::members).map(within).collect(), rows, rng }
    }

    fn below(&mut self, n: usize) -> usize {
        below(&mut self.rng, n as u64) as usize
    }

    /// A factor by chance.
    fn factor(&mut self) -> usize {
        let n = self.factors.len();
        self.below(n)
    }

    /// A value of a factor, as a row by chance has it.
    fn value(&mut self, k: usize) -> usize {
        let row = self.rows.start + self.below(self.rows.len());
        self.factors[k].values[row]
    }

    /// A row of a value.
    fn row(&mut self, k: usize, value: usize) -> usize {
        let n = self.members[k][value].len();
        let at = self.below(n);
        self.members[k][value][at]
    }
}

/// Accuracy of a linear classifier that sees the mean over 64 pairs of
/// |z - z'|, the pairs alike in one factor, and says which (Higgins et al.
/// 2017, section 3): 10,000 examples to learn from, of the first half of the rows, 5,000 to judge by, of the second.
///
/// # Errors
/// A classifier that cannot be fitted.
pub fn beta_vae(codes: &Matrix, factors: &[Factor], rng: Rng) -> Result<f64> {
    let d = codes.ncols();
    let half = codes.nrows() / 2;
    let examples = |n: usize, rows: Range<usize>| {
        let mut held = Held::new(factors, rows.clone(), rng.at(3).stream(Purpose::Score, rows.start as u64));
        let (mut x, mut y) = (Array2::<f64>::zeros((n, d)), Array1::<usize>::zeros(n));
        for i in 0..n {
            let k = held.factor();
            y[i] = k;
            for _ in 0..TOGETHER {
                let value = held.value(k);
                let (a, b) = (held.row(k, value), held.row(k, value));
                for j in 0..d {
                    x[[i, j]] += (codes[[a, j]] - codes[[b, j]]).abs() / TOGETHER as f64;
                }
            }
        }
        (x, y)
    };
    let (learn, judge) = (examples(LEARN, 0..half), examples(JUDGE, half..codes.nrows()));
    probe_accuracy(&learn.0, &learn.1, &judge.0, &judge.1)
}

/// A dimension whose variance over the data is below this says nothing (Kim &
/// Mnih 2018 leave out dimensions that collapsed onto the prior).
const IDLE: f64 = 0.01;

/// Accuracy of a majority vote from the code that varies least, in units of its
/// spread, among 64 rows alike in one factor, to that factor (Kim & Mnih 2018,
/// section 5). The first half of the rows votes, the second judges.
pub fn factor_vae(codes: &Matrix, factors: &[Factor], rng: Rng) -> f64 {
    let spread = codes.var_axis(ndarray::Axis(0), 0.0);
    let active: Vec<usize> = (0..codes.ncols()).filter(|&j| spread[j] > IDLE).collect();
    if active.is_empty() {
        return 1.0 / factors.len() as f64;
    }
    let half = codes.nrows() / 2;
    let held =
        |rows: Range<usize>| Held::new(factors, rows.clone(), rng.at(4).stream(Purpose::Score, rows.start as u64));
    let example = |held: &mut Held<'_>| {
        let k = held.factor();
        let value = held.value(k);
        let rows: Vec<usize> = (0..TOGETHER).map(|_| held.row(k, value)).collect();
        let share = |j: usize| {
            let mean = rows.iter().map(|&r| codes[[r, j]]).sum::<f64>() / TOGETHER as f64;
            rows.iter().map(|&r| (codes[[r, j]] - mean).powi(2)).sum::<f64>() / spread[j]
        };
        let least = active.iter().map(|&j| (share(j), j)).min_by(|a, b| a.0.total_cmp(&b.0));
        (least.map_or(0, |(_, j)| j), k)
    };
    let mut votes = Array2::<u32>::zeros((codes.ncols(), factors.len()));
    let mut voters = held(0..half);
    for _ in 0..LEARN {
        let (j, k) = example(&mut voters);
        votes[[j, k]] += 1;
    }
    let says: Vec<usize> = votes
        .rows()
        .into_iter()
        .map(|row| row.iter().enumerate().max_by_key(|(k, v)| (**v, usize::MAX - k)).map_or(0, |(k, _)| k))
        .collect();
    let mut judges = held(half..codes.nrows());
    let right = (0..JUDGE).filter(|_| {
        let (j, k) = example(&mut judges);
        says[j] == k
    });
    right.count() as f64 / JUDGE as f64
}
