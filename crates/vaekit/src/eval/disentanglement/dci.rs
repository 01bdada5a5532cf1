//! Disentanglement, completeness and informativeness.

use linfa::DatasetBase;
use linfa::prelude::{Fit, Predict};
use linfa_trees::{DecisionTree, TreeNode};
use ndarray::{Array1, Array2, Axis};
use vaekit_ops::pool;

use crate::eval::latents::{Matrix, rows_of};
use crate::rng::{Purpose, Rng, below};
use crate::{Error, Result};

use super::Factor;

/// The three scores of Eastwood & Williams 2018.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dci {
    /// Each code matters for one factor: 1 - the entropy of its importances, weighted by importance.
    pub disentanglement: f64,
    /// One code matters for each factor.
    pub completeness: f64,
    /// Accuracy of the trees on the second half of the rows.
    pub informativeness: f64,
}

/// Trees a factor, and how deep.
const TREES: usize = 10;
const DEPTH: usize = 12;

/// Importances of codes for factors by bagged decision trees: ten trees a
/// factor, each fitted to as many rows as the first half has, drawn with
/// replacement; the second half measures informativeness.
///
/// # Errors
/// A tree that cannot be fitted.
pub fn dci(codes: &Matrix, factors: &[Factor], rng: Rng) -> Result<Dci> {
    let (n, d) = codes.dim();
    let half = n / 2;
    let test = rows_of(codes, half..n);
    let fitted = pool::map(factors.len() * TREES, |at| {
        let (k, tree) = (at / TREES, at % TREES);
        let mut draw = rng.at(2).stream(Purpose::Score, at as u64);
        let rows: Vec<usize> = (0..half).map(|_| below(&mut draw, half as u64) as usize).collect();
        let targets: Array1<usize> = rows.iter().map(|&r| factors[k].values[r]).collect();
        let set = DatasetBase::new(codes.select(Axis(0), &rows), targets);
        let fit = DecisionTree::params().max_depth(Some(DEPTH)).fit(&set);
        fit.map(|t| (importances(t.root_node(), &set.records, d), t.predict(&test).to_vec()))
            .map_err(|e| Error::data(format!("factor '{}', tree {tree}", factors[k].name), e.to_string()))
    });
    let mut importance = Array2::<f64>::zeros((d, factors.len()));
    let mut accuracy = 0.0;
    let mut votes = Vec::new();
    for (at, tree) in fitted.into_iter().enumerate() {
        let (importances, predicted) = tree?;
        let k = at / TREES;
        importances.iter().enumerate().for_each(|(j, v)| importance[[j, k]] += v / TREES as f64);
        if at % TREES == 0 {
            votes = vec![vec![0u32; factors[k].classes]; n - half];
        }
        predicted.iter().zip(&mut votes).for_each(|(p, v)| v[*p] += 1);
        if at % TREES == TREES - 1 {
            let right = votes.iter().zip(&factors[k].values[half..]).filter(|(v, truth)| most(v) == **truth).count();
            accuracy += right as f64 / (n - half) as f64 / factors.len() as f64;
        }
    }
    let total = importance.sum().max(1e-300);
    let focus = |values: Vec<f64>| 1.0 - entropy(&values);
    let weighted = |lines: ndarray::iter::LanesIter<'_, f64, ndarray::Ix1>| -> f64 {
        lines.map(|line| line.sum() / total * focus(line.to_vec())).sum()
    };
    let disentanglement = weighted(importance.rows().into_iter());
    let completeness = weighted(importance.columns().into_iter());
    Ok(Dci { disentanglement, completeness, informativeness: accuracy })
}

/// What each code's splits take off the impurity, each weighted by the share of
/// the rows that it divides; they add up to 1 (Breiman et al. 1984, section 5.3.4).
fn importances(root: &TreeNode<f64, usize>, rows: &Matrix, codes: usize) -> Vec<f64> {
    let mut found = vec![0.0; codes];
    let mut open = vec![(root, (0..rows.nrows()).collect::<Vec<usize>>())];
    while let Some((node, here)) = open.pop() {
        if node.is_leaf() {
            continue;
        }
        let (code, value, decrease) = node.split();
        found[code] += decrease.max(0.0) * here.len() as f64;
        let (left, right): (Vec<usize>, Vec<usize>) = here.into_iter().partition(|&r| rows[[r, code]] < value);
        for (child, rows) in node.children().into_iter().zip([left, right]) {
            open.extend(child.as_deref().map(|child| (child, rows)));
        }
    }
    let total = found.iter().sum::<f64>();
    if total > 0.0 {
        found.iter_mut().for_each(|v| *v /= total);
    }
    found
}

/// The class with the most votes, the first of several.
fn most(votes: &[u32]) -> usize {
    let largest = votes.iter().max();
    votes.iter().position(|v| Some(v) == largest).unwrap_or(0)
}

/// Entropy of values taken as shares, in units of its largest.
fn entropy(values: &[f64]) -> f64 {
    let total = values.iter().sum::<f64>();
    if values.len() < 2 || total <= 0.0 {
        return 0.0;
    }
    let shares = values.iter().map(|v| v / total).filter(|p| *p > 0.0);
    shares.map(|p| -p * p.ln()).sum::<f64>() / (values.len() as f64).ln()
}
