//! Gram matrices and least squares in 64 bits.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use vaekit_ops::pool;

use super::SparseCodes;

/// Parts of a product that threads share; the sums do not depend on how many threads there are.
const PARTS: usize = 8;
/// What is added to the diagonal, as a share of its mean: an atom that no row uses becomes 0.
const RIDGE: f64 = 1e-9;

/// Products of all pairs of rows of `[n, width]`, `[n, n]`.
pub fn gram(rows: &[f32], width: usize) -> Vec<f64> {
    let n = rows.len() / width;
    let wide: Vec<f64> = rows.iter().map(|v| f64::from(*v)).collect();
    let all = MatRef::from_row_major_slice(&wide, n, width);
    let step = n.div_ceil(PARTS).max(1);
    let parts = pool::map(n.div_ceil(step), |part| {
        let (from, to) = (part * step, n.min((part + 1) * step));
        let lines = all.subrows(from, to - from) * all.transpose();
        (0..to - from).flat_map(|i| (0..n).map(|j| lines[(i, j)]).collect::<Vec<f64>>()).collect::<Vec<f64>>()
    });
    parts.concat()
}

/// The D, `[atoms, width]`, that minimises |x - D a|^2 over all rows: D = (A^T A)^-1 A^T X. None where no code has a number.
pub fn fitted(codes: &SparseCodes, x: &[f32], width: usize) -> Option<Vec<f64>> {
    let n = codes.atoms;
    let (mut a, mut b) = (vec![0f64; n * n], vec![0f64; n * width]);
    for (row, x) in x.chunks(width).enumerate() {
        for (i, value) in codes.row(row) {
            codes.row(row).for_each(|(j, other)| a[i * n + j] += f64::from(value) * f64::from(other));
            let line = &mut b[i * width..][..width];
            line.iter_mut().zip(x).for_each(|(sum, x)| *sum += f64::from(value) * f64::from(*x));
        }
    }
    let mean = (0..n).map(|i| a[i * n + i]).sum::<f64>() / n as f64;
    (0..n).for_each(|i| a[i * n + i] += RIDGE * mean);
    let solved = MatRef::from_row_major_slice(&a, n, n)
        .llt(Side::Lower)
        .ok()?
        .solve(MatRef::from_row_major_slice(&b, n, width).to_owned());
    Some(lines(&solved))
}

fn lines(of: &Mat<f64>) -> Vec<f64> {
    (0..of.nrows()).flat_map(|i| (0..of.ncols()).map(move |j| of[(i, j)])).collect()
}
