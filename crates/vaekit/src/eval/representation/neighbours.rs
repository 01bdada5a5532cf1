//! Nearest rows, by brute force through a matrix product.

use vaekit_ops::{device, from_vec, pool, to_vec};

use crate::eval::latents::Matrix;

use super::Labelled;

/// Query rows that are compared at once.
const BLOCK: usize = 256;

/// |a - b|^2 for a block of rows `a` against all rows `b`: `[A, B]`, single precision.
///
/// Both are moved to the mean of `b` first, for far from zero |a|^2 + |b|^2 - 2ab cancels.
pub fn squared_distances(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let centre = centre(b, width);
    let moved =
        |v: &[f32]| -> Vec<f32> { v.chunks(width).flat_map(|r| r.iter().zip(&centre).map(|(x, c)| x - c)).collect() };
    let (a, b) = (&moved(a)[..], &moved(b)[..]);
    let norms = |v: &[f32]| -> Vec<f32> { v.chunks(width).map(|r| r.iter().map(|x| x * x).sum()).collect() };
    let (norm_a, norm_b) = (norms(a), norms(b));
    let tensor = |v: &[f32]| from_vec(v.to_vec(), [v.len() / width, width], &device::here());
    let mut products = to_vec(tensor(a).matmul(tensor(b).transpose()));
    pool::each_row(&mut products, norm_b.len(), |i, row| {
        row.iter_mut().zip(&norm_b).for_each(|(v, n)| *v = (norm_a[i] + n - 2.0 * *v).max(0.0));
    });
    products
}

fn centre(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0f64; width];
    rows.chunks(width).for_each(|row| sums.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v)));
    let n = (rows.len() / width).max(1) as f64;
    sums.into_iter().map(|s| (s / n) as f32).collect()
}

/// The `k` nearest rows of `among` to each row of `queries`, with their squared distances, nearest first.
pub fn nearest(queries: &[f32], among: &[f32], width: usize, k: usize) -> Vec<Vec<(f32, usize)>> {
    let n = among.len() / width;
    let mut found = Vec::with_capacity(queries.len() / width);
    for block in queries.chunks(BLOCK * width) {
        let distances = squared_distances(block, among, width);
        found.extend(pool::map(block.len() / width, |i| {
            let mut row: Vec<(f32, usize)> = distances[i * n..(i + 1) * n].iter().copied().zip(0..).collect();
            let order = |a: &(f32, usize), b: &(f32, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            if k < row.len() {
                row.select_nth_unstable_by(k, order);
                row.truncate(k);
            }
            row.sort_by(order);
            row
        }));
    }
    found
}

/// Share of test rows whose `k` nearest training rows vote for their class; of equal votes the nearer wins.
pub fn neighbour_accuracy(train: &Labelled, test: &Labelled, k: usize) -> f64 {
    let single = |x: &Matrix| x.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let found = nearest(&single(&test.x), &single(&train.x), train.x.ncols(), k);
    let right = found.iter().zip(&test.class).filter(|(rows, truth)| {
        let votes = |class: usize| rows.iter().filter(|(_, r)| train.class[*r] == class).count();
        let mut best = (0, 0);
        for (_, r) in *rows {
            let class = train.class[*r];
            if votes(class) > best.0 {
                best = (votes(class), class);
            }
        }
        best.1 == **truth
    });
    right.count() as f64 / test.class.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_points_on_a_line() {
        let among = [0.0f32, 1.0, 5.0, 6.5];
        let found = nearest(&[5.4, 0.4], &among, 1, 2);
        assert_eq!(found[0].iter().map(|f| f.1).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(found[1].iter().map(|f| f.1).collect::<Vec<_>>(), [0, 1]);
        assert!((found[0][0].0 - 0.16).abs() < 1e-5);
    }

    #[test]
    fn distances_hold_far_from_zero() {
        let found = nearest(&[10_000.25], &[10_000.0, 10_001.0], 1, 1);
        assert_eq!(found[0][0], (0.0625, 0));
    }
}
