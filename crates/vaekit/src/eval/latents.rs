//! Where codes lie, taken all together, against where the prior says they do.

use std::f64::consts::PI;

use ndarray::{Array2, Axis, Slice};
use serde::{Deserialize, Serialize};
use vaekit_ops::pool;

use crate::rng::{Purpose, Rng};

use super::mean;

/// Codes as double precision, `[N, D]`.
pub type Matrix = Array2<f64>;

/// Some neighbouring rows.
pub(crate) fn rows_of(x: &Matrix, rows: std::ops::Range<usize>) -> Matrix {
    x.slice_axis(Axis(0), Slice::from(rows)).to_owned()
}

/// The rows before `at`, and the rest.
pub(crate) fn divided(x: &Matrix, at: usize) -> (Matrix, Matrix) {
    (rows_of(x, 0..at), rows_of(x, at..x.nrows()))
}

/// Draws of a diagonal Gaussian posterior and what they were drawn from, `[N, D]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Posteriors {
    /// `[N, D]`
    pub mean: Matrix,
    /// `[N, D]`
    pub log_var: Matrix,
    /// A draw a row.
    pub z: Matrix,
}

impl Posteriors {
    /// Draws z for each row; row i's noise is its own.
    pub fn draw(mean: Matrix, log_var: Matrix, rng: Rng) -> Self {
        let (n, d) = mean.dim();
        let eps = rng.normal(Purpose::Score, &(0..n as u64).collect::<Vec<_>>(), d);
        let mut z = mean.clone();
        z.iter_mut().zip(log_var.iter().zip(eps)).for_each(|(z, (v, e))| *z += (v / 2.0).exp() * f64::from(e));
        Self { mean, log_var, z }
    }

    /// log q(z_i of dimension d given x_j).
    pub fn log_q(&self, i: usize, j: usize, d: usize) -> f64 {
        let (m, v) = (self.mean[[j, d]], self.log_var[[j, d]]);
        -0.5 * ((2.0 * PI).ln() + v + (self.z[[i, d]] - m).powi(2) * (-v).exp())
    }

    /// log of the density of dimension d of row i at its own mean.
    pub fn log_peak(&self, i: usize, d: usize) -> f64 {
        -0.5 * ((2.0 * PI).ln() + self.log_var[[i, d]])
    }
}

/// The rate taken apart (Hoffman & Johnson 2016; Chen et al. 2018, equation 2):
/// rate = index-code information + total correlation + dimension-wise KL.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// I(x; z): what a code says of its row. At most log N, the rows it was estimated on.
    pub information_nats: f64,
    /// KL(q(z) || prod_d q(z_d)): how dependent the dimensions are.
    pub total_correlation_nats: f64,
    /// sum_d KL(q(z_d) || p(z_d)): how far each dimension is from the prior.
    pub dimension_kl_nats: f64,
    /// MMD^2(q(z), p(z)) without bias, with its standard error.
    pub mmd: f64,
    /// Standard error of `mmd`.
    pub mmd_se: f64,
    /// Rows that were judged.
    pub rows: usize,
}

/// Measures the aggregate posterior against N(0, I) on the rows given.
///
/// Densities of q(z) are means over all rows: the minibatch-weighted estimator
/// of Chen et al. 2018 (equation S1) with the whole set as its batch. Where
/// posteriors do not overlap, the information stops at log N, and what it
/// misses is counted as total correlation.
pub fn aggregate(q: &Posteriors, rng: Rng) -> Aggregate {
    let (n, d) = q.z.dim();
    let parts = pool::map(n, |i| {
        let mut joint = vec![0f64; n];
        let (mut marginals, mut prior, mut each) = (0.0, 0.0, vec![0f64; n]);
        for dim in 0..d {
            for j in 0..n {
                each[j] = q.log_q(i, j, dim);
                joint[j] += each[j];
            }
            marginals += log_mean_exp(&each);
            prior += -0.5 * ((2.0 * PI).ln() + q.z[[i, dim]].powi(2));
        }
        [joint[i], log_mean_exp(&joint), marginals, prior]
    });
    let mean_of = |at: usize| parts.iter().map(|p| p[at]).sum::<f64>() / n as f64;
    let [own, joint, marginals, prior] = [0, 1, 2, 3].map(mean_of);
    let draws = rng.at(1).normal(Purpose::Score, &(0..n as u64).collect::<Vec<_>>(), d);
    let prior_z = Array2::from_shape_fn((n, d), |(i, j)| f64::from(draws[i * d + j]));
    let (mmd, mmd_se) = mmd(&q.z, &prior_z);
    Aggregate {
        information_nats: own - joint,
        total_correlation_nats: joint - marginals,
        dimension_kl_nats: marginals - prior,
        mmd,
        mmd_se,
        rows: n,
    }
}

/// log (1/n sum exp(v)).
pub(crate) fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + (values.iter().map(|v| (v - largest).exp()).sum::<f64>() / values.len() as f64).ln()
}

/// Blocks whose spread gives the standard error of an MMD.
const BLOCKS: usize = 10;

/// MMD^2 of two samples of equal size with the inverse multiquadratic kernel
/// C / (C + |a - b|^2), C = 2 D (Tolstikhin et al. 2018, section 4): the mean of
/// unbiased estimates over ten blocks, and its standard error.
pub fn mmd(a: &Matrix, b: &Matrix) -> (f64, f64) {
    let (n, d) = a.dim();
    let c = 2.0 * d as f64;
    let kernel = |x: &Matrix, i: usize, y: &Matrix, j: usize| {
        let distance = x.row(i).iter().zip(y.row(j)).map(|(p, q)| (p - q).powi(2)).sum::<f64>();
        c / (c + distance)
    };
    let blocks = BLOCKS.min(n / 2).max(1);
    let values = pool::map(blocks, |block| {
        let rows: Vec<usize> = (block * n / blocks..(block + 1) * n / blocks).collect();
        let m = rows.len() as f64;
        let mut sum = 0.0;
        for (at, &i) in rows.iter().enumerate() {
            for &j in &rows[..at] {
                sum += 2.0 * (kernel(a, i, a, j) + kernel(b, i, b, j) - kernel(a, i, b, j) - kernel(a, j, b, i));
            }
        }
        sum / (m * (m - 1.0))
    });
    let m = mean(&values);
    (m, super::standard_error(&values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posteriors(n: usize, mean: impl Fn(usize, usize) -> f64, log_var: f64) -> Posteriors {
        let mean = Array2::from_shape_fn((n, 2), |(i, j)| mean(i, j));
        Posteriors::draw(mean, Array2::from_elem((n, 2), log_var), Rng::new(3))
    }

    #[test]
    fn a_posterior_that_is_the_prior_has_nothing_to_take_apart() {
        let found = aggregate(&posteriors(500, |_, _| 0.0, 0.0), Rng::new(0));
        assert!(found.information_nats.abs() < 1e-9 && found.total_correlation_nats.abs() < 1e-9);
        // Zero in expectation, with the error of 500 draws.
        assert!(found.dimension_kl_nats.abs() < 1e-9, "{found:?}");
        assert!(found.mmd.abs() < 4.0 * found.mmd_se, "{found:?}");
    }

    #[test]
    fn total_correlation_agrees_with_the_closed_form_of_a_correlated_gaussian() {
        // Means on a line, so that q(z) = N(0, [[1, r], [r, 1]]) with r = 0.75: TC = -1/2 log(1 - r^2).
        let line = Rng::new(9).normal(Purpose::Score, &[0], 2000);
        let found = aggregate(&posteriors(2000, |i, _| 0.75f64.sqrt() * f64::from(line[i]), 0.25f64.ln()), Rng::new(0));
        let exact = -0.5 * (1.0 - 0.75f64.powi(2)).ln();
        assert!((found.total_correlation_nats - exact).abs() < 0.06, "{found:?} against {exact}");
        assert!(found.dimension_kl_nats.abs() < 0.05);
    }

    #[test]
    fn mmd_sees_a_shift() {
        let found = aggregate(&posteriors(400, |_, _| 2.0, 0.0), Rng::new(0));
        assert!(found.mmd > 10.0 * found.mmd_se, "{found:?}");
    }
}
