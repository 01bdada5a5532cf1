//! Distances of two sets of features.

use linfa_linalg::eigh::EighInto;
use ndarray::{Array1, Axis};

use crate::eval::latents::{Matrix, rows_of};
use crate::eval::{mean, standard_error};
use crate::{Error, Result};

/// |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^1/2), of the Gaussians with the
/// means and covariances of two sets of features (Heusel et al. 2017, equation 6).
///
/// # Errors
/// A decomposition that does not converge.
pub fn frechet(a: &Matrix, b: &Matrix) -> Result<f64> {
    let ((mean_a, cov_a), (mean_b, cov_b)) = (moments(a), moments(b));
    let root = power_half(cov_a.clone())?;
    // tr (S_a S_b)^1/2 = tr (S_a^1/2 S_b S_a^1/2)^1/2, and the latter is symmetric.
    let inner = root.dot(&cov_b).dot(&root);
    let symmetric = (&inner + &inner.t()) / 2.0;
    let (values, _) = eigen(symmetric)?;
    let cross: f64 = values.iter().map(|v| v.max(0.0).sqrt()).sum();
    let shift = (&mean_a - &mean_b).mapv(|v| v * v).sum();
    Ok(shift + cov_a.diag().sum() + cov_b.diag().sum() - 2.0 * cross)
}

fn moments(x: &Matrix) -> (Array1<f64>, Matrix) {
    let mean = x.mean_axis(Axis(0)).unwrap_or_default();
    let centred = x - &mean;
    let covariance = centred.t().dot(&centred) / (x.nrows().max(2) - 1) as f64;
    (mean, covariance)
}

fn eigen(x: Matrix) -> Result<(Array1<f64>, Matrix)> {
    x.eigh_into().map_err(|e| Error::data("features", format!("their covariance cannot be decomposed: {e}")))
}

/// The symmetric root of a covariance.
fn power_half(x: Matrix) -> Result<Matrix> {
    let (values, vectors) = eigen(x)?;
    let scaled = &vectors * &values.mapv(|v| v.max(0.0).sqrt());
    Ok(scaled.dot(&vectors.t()))
}

/// Rows of a block, and blocks at most.
const BLOCK: usize = 500;
const BLOCKS: usize = 20;

/// Unbiased MMD^2 with the kernel (a'b / d + 1)^3, mean over blocks of 500 rows
/// and its standard error (Binkowski et al. 2018, section 3).
pub fn kernel_distance(a: &Matrix, b: &Matrix) -> (f64, f64) {
    let d = a.ncols() as f64;
    let n = a.nrows().min(b.nrows());
    let size = BLOCK.min(n / 2).max(2);
    let kernel = |x: &Matrix, y: &Matrix| (x.dot(&y.t()) / d + 1.0).mapv(|v| v * v * v);
    let values: Vec<f64> = (0..(n / size).clamp(1, BLOCKS))
        .map(|block| {
            let rows = block * size..((block + 1) * size).min(n);
            let (x, y) = (rows_of(a, rows.clone()), rows_of(b, rows));
            let m = x.nrows() as f64;
            let (xx, yy, xy) = (kernel(&x, &x), kernel(&y, &y), kernel(&x, &y));
            let off = |k: &Matrix| (k.sum() - k.diag().sum()) / (m * (m - 1.0));
            off(&xx) + off(&yy) - 2.0 * xy.sum() / (m * m)
        })
        .collect();
    (mean(&values), standard_error(&values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    fn normal(seed: u64, n: usize, d: usize, shift: f64, scale: f64) -> Matrix {
        let draws = Rng::new(seed).normal(Purpose::Score, &(0..n as u64).collect::<Vec<_>>(), d);
        Matrix::from_shape_fn((n, d), |(i, j)| shift + scale * f64::from(draws[i * d + j]))
    }

    #[test]
    fn frechet_agrees_with_the_closed_form_of_two_gaussians() {
        // d (shift^2 + (scale - 1)^2) = 3 (4 + 1).
        let found = frechet(&normal(1, 40_000, 3, 0.0, 1.0), &normal(2, 40_000, 3, 2.0, 2.0)).unwrap();
        assert!((found - 15.0).abs() < 0.3, "{found}");
        let same = frechet(&normal(1, 40_000, 3, 0.0, 1.0), &normal(3, 40_000, 3, 0.0, 1.0)).unwrap();
        assert!(same.abs() < 0.01, "{same}");
    }

    #[test]
    fn the_kernel_distance_is_unbiased_and_sees_a_shift() {
        let (same, error) = kernel_distance(&normal(1, 6_000, 4, 0.0, 1.0), &normal(2, 6_000, 4, 0.0, 1.0));
        assert!(same.abs() < 4.0 * error, "{same} {error}");
        let (far, error) = kernel_distance(&normal(1, 6_000, 4, 0.0, 1.0), &normal(2, 6_000, 4, 0.5, 1.0));
        assert!(far > 5.0 * error, "{far} {error}");
    }
}
