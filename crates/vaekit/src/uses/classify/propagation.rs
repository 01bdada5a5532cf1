//! Labels spread over the neighbours of codes.

use crate::eval::representation::nearest;
use crate::model::Model;

use super::features::Rows;

/// Training rows at most, neighbours of each, the share of a row's classes that comes from its neighbours, and rounds.
const ROWS: usize = 10_000;
const NEIGHBOURS: usize = 10;
const SHARE: f32 = 0.99;
const ROUNDS: usize = 50;

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

impl Neighbours {
    /// F = share S F + (1 - share) Y over the graph of nearest neighbours, S = D^-1/2 W D^-1/2 with
    /// w = e^(-distance^2 / (2 scale^2)), scale^2 the mean over all edges.
    pub fn spread(known: &Rows, class: &[u32], others: &Rows, classes: usize) -> Self {
        let (width, n) = (known.width, known.len() + others.len());
        let codes = [known.mean.as_slice(), others.mean.as_slice()].concat();
        let near = nearest(&codes, &codes, width, (NEIGHBOURS + 1).min(n));
        let edges: Vec<(usize, usize, f32)> =
            (0..n).flat_map(|i| near[i].iter().filter(move |(_, j)| *j != i).map(move |(d, j)| (i, *j, *d))).collect();
        let scale = (edges.iter().map(|e| e.2).sum::<f32>() / edges.len().max(1) as f32).max(1e-12);
        let weight = |distance: f32| (-distance / (2.0 * scale)).exp();
        let mut degree = vec![1e-12f32; n];
        for (i, j, d) in &edges {
            degree[*i] += weight(*d);
            degree[*j] += weight(*d);
        }
        let mut given = vec![0f32; n * classes];
        class.iter().enumerate().for_each(|(row, class)| given[row * classes + *class as usize] = 1.0);
        let mut shares = given.clone();
        for _ in 0..ROUNDS {
            let mut next: Vec<f32> = given.iter().map(|y| (1.0 - SHARE) * y).collect();
            for (i, j, d) in &edges {
                let w = SHARE * weight(*d) / (degree[*i] * degree[*j]).sqrt();
                for c in 0..classes {
                    next[i * classes + c] += w * shares[j * classes + c];
                    next[j * classes + c] += w * shares[i * classes + c];
                }
            }
            shares = next;
        }
        // Of each row the shares sum to one; a row that no label reached says nothing.
        for row in shares.chunks_mut(classes) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|v| *v = if sum > 1e-20 { *v / sum } else { 1.0 / classes as f32 });
        }
        Self { codes, shares, width, classes }
    }

    /// log of the mean shares of the nearest training rows, `[rows, classes]`.
    pub fn logits(&self, x: &[f32]) -> Vec<f32> {
        let near = nearest(x, &self.codes, self.width, NEIGHBOURS.min(self.codes.len() / self.width));
        let of = |found: &Vec<(f32, usize)>| {
            let n = found.len().max(1) as f32;
            let share = |c: usize| found.iter().map(|(_, j)| self.shares[j * self.classes + c] / n).sum::<f32>();
            (0..self.classes).map(|c| share(c).max(1e-6).ln()).collect::<Vec<f32>>()
        };
        near.iter().flat_map(of).collect()
    }
}
