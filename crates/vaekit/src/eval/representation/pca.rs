//! Principal components, the linear representation to beat.

use linfa_linalg::eigh::{EigSort, EighInto};
use ndarray::{Array1, Axis, Slice};

use crate::eval::latents::Matrix;
use crate::{Error, Result};

/// The directions of largest variance.
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Array1<f64>,
    /// `[X, D]`
    axes: Matrix,
}

impl Pca {
    /// Finds `dims` axes of the rows.
    ///
    /// # Errors
    /// A decomposition that does not converge.
    pub fn fit(x: &Matrix, dims: usize) -> Result<Self> {
        let mean = x.mean_axis(Axis(0)).unwrap_or_default();
        let centred = x - &mean;
        let covariance = centred.t().dot(&centred) / x.nrows() as f64;
        let (_, vectors) =
            covariance.eigh_into().map_err(|e| Error::data("pca", format!("cannot be computed: {e}")))?.sort_eig_desc();
        let dims = dims.min(vectors.ncols());
        Ok(Self { mean, axes: vectors.slice_axis(Axis(1), Slice::from(..dims)).to_owned() })
    }

    /// Coordinates of rows, `[N, X]` to `[N, D]`.
    pub fn apply(&self, x: &Matrix) -> Matrix {
        (x - &self.mean).dot(&self.axes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_axis_lies_along_a_line() {
        let x = Matrix::from_shape_fn((50, 3), |(i, j)| i as f64 * [3.0, 0.0, 4.0][j] + 7.0);
        let z = Pca::fit(&x, 1).unwrap().apply(&x);
        let step = z[[1, 0]] - z[[0, 0]];
        assert!((step.abs() - 5.0).abs() < 1e-9, "{step}");
    }
}
