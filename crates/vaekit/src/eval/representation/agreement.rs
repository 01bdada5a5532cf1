//! How well clusters agree with classes.

use ndarray::{Array2, Axis};
use pathfinding::prelude::{Matrix as Grid, kuhn_munkres};

/// Rows by (cluster, class).
fn table(found: &[usize], truth: &[usize]) -> Array2<f64> {
    let size = |v: &[usize]| v.iter().max().map_or(0, |m| m + 1);
    let mut counts = Array2::zeros((size(found), size(truth)));
    found.iter().zip(truth).for_each(|(a, b)| counts[[*a, *b]] += 1.0);
    counts
}

/// Accuracy with clusters given classes one to one by the best assignment (Kuhn-Munkres).
pub fn best_accuracy(found: &[usize], truth: &[usize]) -> f64 {
    let counts = table(found, truth);
    let side = counts.nrows().max(counts.ncols());
    let grid = Grid::from_fn(side, side, |(i, j)| counts.get((i, j)).map_or(0, |c| *c as i64));
    kuhn_munkres(&grid).0 as f64 / truth.len() as f64
}

fn entropy(counts: impl Iterator<Item = f64>, n: f64) -> f64 {
    counts.filter(|c| *c > 0.0).map(|c| -c / n * (c / n).ln()).sum()
}

/// Mutual information over the arithmetic mean of the entropies, as scikit-learn has it; 1 where both are single.
pub fn normalized_information(found: &[usize], truth: &[usize]) -> f64 {
    let (counts, n) = (table(found, truth), truth.len() as f64);
    let a = entropy(counts.sum_axis(Axis(1)).into_iter(), n);
    let b = entropy(counts.sum_axis(Axis(0)).into_iter(), n);
    let both = entropy(counts.iter().copied(), n);
    if a + b == 0.0 { 1.0 } else { (2.0 * (a + b - both) / (a + b)).max(0.0) }
}

/// The adjusted Rand index (Hubert & Arabie 1985).
pub fn adjusted_rand(found: &[usize], truth: &[usize]) -> f64 {
    let counts = table(found, truth);
    let pairs = |c: f64| c * (c - 1.0) / 2.0;
    let both: f64 = counts.iter().map(|c| pairs(*c)).sum();
    let a: f64 = counts.sum_axis(Axis(1)).into_iter().map(pairs).sum();
    let b: f64 = counts.sum_axis(Axis(0)).into_iter().map(pairs).sum();
    let expected = a * b / pairs(truth.len() as f64);
    let most = (a + b) / 2.0;
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clusters_do_not_matter() {
        let (found, truth) = ([2, 2, 0, 0, 1], [0, 0, 1, 1, 2]);
        assert_eq!(best_accuracy(&found, &truth), 1.0);
        assert!((normalized_information(&found, &truth) - 1.0).abs() < 1e-12);
        assert!((adjusted_rand(&found, &truth) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn six_rows_by_scikit_learn() {
        // reference/clusters.py prints these for the same six rows.
        let (found, truth) = ([0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1]);
        assert!((best_accuracy(&found, &truth) - 4.0 / 6.0).abs() < 1e-12);
        assert!((normalized_information(&found, &truth) - 0.515_803_742_979_309_4).abs() < 1e-12);
        assert!((adjusted_rand(&found, &truth) - 0.242_424_242_424_242_4).abs() < 1e-12);
    }
}
