//! Whether models of other seeds find the same codes.

use ndarray::{Array2, ArrayView1};

use crate::eval::latents::Matrix;

/// A code below this KL, nats a row, says nothing (Duan et al. 2020, section 4).
const INFORMATIVE: f64 = 0.01;

/// How alike the codes of two models are, up to order and sign (Duan et al.
/// 2020, equations 2 and 3, with Spearman's correlation): each informative code
/// should have one partner and no second.
///
/// `kl` is the mean KL of each dimension, nats.
pub fn udr(a: &Matrix, kl_a: &[f64], b: &Matrix, kl_b: &[f64]) -> f64 {
    let (ranks_a, ranks_b) = (ranks(a), ranks(b));
    let similar =
        Array2::from_shape_fn((a.ncols(), b.ncols()), |(i, j)| correlation(ranks_a.column(i), ranks_b.column(j)).abs());
    let informs = |kl: &[f64]| kl.iter().map(|k| *k > INFORMATIVE).collect::<Vec<bool>>();
    let (in_a, in_b) = (informs(kl_a), informs(kl_b));
    let focus = |line: ArrayView1<'_, f64>, others: &[bool]| {
        let known = line.iter().zip(others).filter(|(_, known)| **known).map(|(v, _)| *v);
        let (most, sum) = known.fold((0f64, 0.0), |(m, s), v| (m.max(v), s + v));
        if sum > 0.0 { most * most / sum } else { 0.0 }
    };
    let rows = similar.rows().into_iter().zip(&in_a).filter(|(_, known)| **known).map(|(line, _)| focus(line, &in_b));
    let columns =
        similar.columns().into_iter().zip(&in_b).filter(|(_, known)| **known).map(|(line, _)| focus(line, &in_a));
    let count = in_a.iter().chain(&in_b).filter(|known| **known).count();
    rows.chain(columns).sum::<f64>() / count.max(1) as f64
}

/// The rank of each value in its column; ties share their mean.
fn ranks(values: &Matrix) -> Matrix {
    let mut ranked = values.clone();
    for (column, mut out) in values.columns().into_iter().zip(ranked.columns_mut()) {
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_by(|i, j| column[*i].total_cmp(&column[*j]));
        let mut at = 0;
        while at < order.len() {
            let same = order[at..].iter().take_while(|i| column[**i].total_cmp(&column[order[at]]).is_eq()).count();
            for &i in &order[at..at + same] {
                out[i] = at as f64 + (same as f64 - 1.0) / 2.0;
            }
            at += same;
        }
    }
    ranked
}

fn correlation(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let (ma, mb) = (a.mean().unwrap_or(0.0), b.mean().unwrap_or(0.0));
    let products = a.iter().zip(b).map(|(x, y)| ((x - ma) * (y - mb), (x - ma).powi(2), (y - mb).powi(2)));
    let (ab, aa, bb) = products.fold((0.0, 0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1, s.2 + p.2));
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
