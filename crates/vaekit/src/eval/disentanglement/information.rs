//! Scores from the mutual information of codes and factors.

use ndarray::{Array2, ArrayView1};
use vaekit_ops::pool;

use crate::eval::latents::{Matrix, Posteriors};
use crate::rng::{Purpose, Rng, below};

use super::Factor;
use super::factors::BINS;

/// The mutual information gap in the two conventions in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mig {
    /// By the mutual information of 20 bins.
    pub binned: f64,
    /// By samples of q(z given x).
    pub sampled: f64,
}

/// Draws of z that the sampled convention is estimated on.
const DRAWS: usize = 2_000;

/// Mean over factors of (I(z_first; v) - I(z_second; v)) / H(v), the two codes
/// that know most of v.
///
/// `binned`: z is the mean code in 20 bins of equal width (Locatello et al. 2019).
/// `sampled`: z is drawn from q(z given x), and I is estimated by the densities
/// of q(z_d) and q(z_d given v), means over the other rows (Chen et al. 2018,
/// equations 6 and S3, where the draw's own row counts too). Every factor counts; Chen et al. leave out shape.
pub fn mig(q: &Posteriors, factors: &[Factor], rng: Rng) -> Mig {
    let gap = |information: &Array2<f64>| {
        let gaps = factors.iter().enumerate().map(|(k, f)| {
            let mut column = information.column(k).to_vec();
            column.sort_by(|a, b| b.total_cmp(a));
            (column[0] - column.get(1).copied().unwrap_or(0.0)) / f.entropy()
        });
        gaps.sum::<f64>() / factors.len() as f64
    };
    Mig { binned: gap(&binned(&q.mean, factors)), sampled: gap(&sampled(q, factors, rng)) }
}

/// 1 - the share of a code's squared information that lies outside its first
/// factor, mean over codes (Ridgeway & Mozer 2018, equation 2).
pub fn modularity(codes: &Matrix, factors: &[Factor]) -> f64 {
    if factors.len() < 2 {
        return 1.0;
    }
    let information = binned(codes, factors);
    let each: Vec<f64> = information
        .rows()
        .into_iter()
        .map(|row| {
            let most = row.iter().copied().fold(0.0, f64::max);
            let others = row.iter().map(|v| v * v).sum::<f64>() - most * most;
            // A code that knows nothing belongs to no factor.
            if most < 1e-12 { 0.0 } else { 1.0 - others / (most * most * (factors.len() - 1) as f64) }
        })
        .collect();
    each.iter().sum::<f64>() / each.len() as f64
}

/// I(code in bins; factor), nats: `[D, factors]`.
pub(super) fn binned(codes: &Matrix, factors: &[Factor]) -> Array2<f64> {
    let columns: Vec<Vec<usize>> = codes.columns().into_iter().map(bins).collect();
    Array2::from_shape_fn((columns.len(), factors.len()), |(d, k)| information(&columns[d], BINS, &factors[k]))
}

/// Bins of equal width.
fn bins(column: ArrayView1<'_, f64>) -> Vec<usize> {
    let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    let width = (high - low) / BINS as f64;
    column.iter().map(|v| if width > 0.0 { (((v - low) / width) as usize).min(BINS - 1) } else { 0 }).collect()
}

fn information(code: &[usize], bins: usize, factor: &Factor) -> f64 {
    let n = code.len() as f64;
    let mut counts = Array2::<f64>::zeros((bins, factor.classes));
    code.iter().zip(&factor.values).for_each(|(b, v)| counts[[*b, *v]] += 1.0);
    let (rows, columns) = (counts.sum_axis(ndarray::Axis(1)), counts.sum_axis(ndarray::Axis(0)));
    let term = |((b, v), c): ((usize, usize), &f64)| match c {
        c if *c > 0.0 => c / n * (c * n / (rows[b] * columns[v])).ln(),
        _ => 0.0,
    };
    counts.indexed_iter().map(term).sum::<f64>().max(0.0)
}

/// I(z_d; v) = E log p(v given z_d) / p(v) by densities, nats: `[D, factors]`.
///
/// The row that a draw came from is left out, for it would know its own draw. One row with the shares of all, at the
/// density of the draw's own peak, is put in: a draw without neighbours then says nothing, instead of minus infinity.
fn sampled(q: &Posteriors, factors: &[Factor], rng: Rng) -> Array2<f64> {
    let (n, d) = q.z.dim();
    let mut choice = rng.stream(Purpose::Score, 0);
    let draws: Vec<usize> =
        if n <= DRAWS { (0..n).collect() } else { (0..DRAWS).map(|_| below(&mut choice, n as u64) as usize).collect() };
    let members: Vec<Vec<Vec<usize>>> = factors.iter().map(Factor::members).collect();
    let parts = pool::map(draws.len(), |at| {
        let i = draws[at];
        let mut found = vec![0f64; d * factors.len()];
        for dim in 0..d {
            let peak = q.log_peak(i, dim);
            let mut near: Vec<f64> = (0..n).map(|j| (q.log_q(i, j, dim) - peak).exp()).collect();
            near[i] = 0.0;
            let all = 1.0 + near.iter().sum::<f64>();
            for (k, factor) in factors.iter().enumerate() {
                let rows = &members[k][factor.values[i]];
                // Of the other rows; where none has the value there is nothing to go by.
                let share = (rows.len() - 1) as f64 / (n - 1).max(1) as f64;
                if share == 0.0 {
                    continue;
                }
                let same = share + rows.iter().map(|&j| near[j]).sum::<f64>();
                found[dim * factors.len() + k] = (same / (all * share)).ln();
            }
        }
        found
    });
    Array2::from_shape_fn((d, factors.len()), |(dim, k)| {
        parts.iter().map(|p| p[dim * factors.len() + k]).sum::<f64>() / draws.len() as f64
    })
}
