//! Labels spread over the neighbours of codes.

use crate::eval::representation::nearest;
use crate::model::Model;

use super::features::Rows;
use super::network::{FOLDS, temperature_of_folds};

/// Training rows at most, neighbours of each, the share of a row's classes that comes from its neighbours, and rounds.
const ROWS: usize = 10_000;
const NEIGHBOURS: usize = 10;
const SHARE: f32 = 0.99;
const ROUNDS: usize = 50;
/// Smaller shares are taken for as much.
const LEAST: f32 = 1e-6;

/// Training rows with the classes that reached them.
#[derive(Debug, PartialEq)]
pub struct Neighbours {
    /// `[rows, width]`
    pub codes: Vec<f32>,
    /// `[rows, classes]`
    pub shares: Vec<f32>,
    pub width: usize,
    pub classes: usize,
}

/// Unlabelled rows of the training rows, no more than are compared with each other.
pub fn some(model: &Model, train: &[u32], labelled: &[u32]) -> Vec<u32> {
    let open: Vec<u32> = train.iter().copied().filter(|row| labelled.binary_search(row).is_err()).collect();
    model.some(&open, ROWS)
}

/// Edges between nearest neighbours, both ways, with w / sqrt(degrees).
struct Graph {
    edges: Vec<(usize, usize, f32)>,
    rows: usize,
}

impl Graph {
    /// w = e^(-distance^2 / (2 scale^2)), scale^2 the mean over all edges.
    fn of(codes: &[f32], width: usize) -> Self {
        let rows = codes.len() / width;
        let near = nearest(codes, codes, width, (NEIGHBOURS + 1).min(rows));
        let mut edges: Vec<(usize, usize, f32)> = (0..rows)
            .flat_map(|i| near[i].iter().filter(move |(_, j)| *j != i).map(move |(d, j)| (i, *j, *d)))
            .collect();
        let scale = (edges.iter().map(|e| e.2).sum::<f32>() / edges.len().max(1) as f32).max(1e-12);
        let mut degree = vec![1e-12f32; rows];
        for (i, j, w) in &mut edges {
            *w = (-*w / (2.0 * scale)).exp();
            degree[*i] += *w;
            degree[*j] += *w;
        }
        edges.iter_mut().for_each(|(i, j, w)| *w /= (degree[*i] * degree[*j]).sqrt());
        Self { edges, rows }
    }

    /// F = share S F + (1 - share) Y, S = D^-1/2 W D^-1/2; the shares of each row sum to one.
    fn spread(&self, labels: &[(usize, u32)], classes: usize) -> Vec<f32> {
        let mut given = vec![0f32; self.rows * classes];
        labels.iter().for_each(|(row, class)| given[row * classes + *class as usize] = 1.0);
        let mut shares = given.clone();
        for _ in 0..ROUNDS {
            let mut next: Vec<f32> = given.iter().map(|y| (1.0 - SHARE) * y).collect();
            for (i, j, w) in &self.edges {
                let w = SHARE * w;
                for c in 0..classes {
                    next[i * classes + c] += w * shares[j * classes + c];
                    next[j * classes + c] += w * shares[i * classes + c];
                }
            }
            shares = next;
        }
        // A row that no label reached says nothing.
        for row in shares.chunks_mut(classes) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|v| *v = if sum > 1e-20 { *v / sum } else { 1.0 / classes as f32 });
        }
        shares
    }
}

impl Neighbours {
    /// Spreads the labels of the known rows, the first, over them and the others. The temperature is that of labelled rows whose
    /// label was held back.
    pub fn spread(known: &Rows, class: &[u32], others: &Rows, classes: usize) -> (Self, f64) {
        let width = known.width;
        let codes = [known.mean.as_slice(), others.mean.as_slice()].concat();
        let graph = Graph::of(&codes, width);
        let labels = |kept: &dyn Fn(usize) -> bool| -> Vec<(usize, u32)> {
            class.iter().copied().enumerate().filter(|(row, _)| kept(*row)).collect()
        };
        let temperature = temperature_of_folds(known.len(), |fold| {
            let shares = graph.spread(&labels(&|row| row % FOLDS != fold), classes);
            let out = labels(&|row| row % FOLDS == fold);
            out.into_iter()
                .map(|(row, class)| {
                    let logits = shares[row * classes..][..classes].iter().map(|v| v.max(LEAST).ln()).collect();
                    (logits, class as usize)
                })
                .collect()
        });
        let shares = graph.spread(&labels(&|_| true), classes);
        (Self { codes, shares, width, classes }, temperature)
    }

    /// log of the mean shares of the nearest training rows, `[rows, classes]`.
    pub fn logits(&self, x: &[f32]) -> Vec<f32> {
        let near = nearest(x, &self.codes, self.width, NEIGHBOURS.min(self.codes.len() / self.width));
        let of = |found: &Vec<(f32, usize)>| {
            let n = found.len().max(1) as f32;
            let share = |c: usize| found.iter().map(|(_, j)| self.shares[j * self.classes + c] / n).sum::<f32>();
            (0..self.classes).map(|c| share(c).max(LEAST).ln()).collect::<Vec<f32>>()
        };
        near.iter().flat_map(of).collect()
    }
}
