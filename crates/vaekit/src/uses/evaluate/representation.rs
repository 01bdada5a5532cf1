//! What codes serve for.

use ndarray::Array1;

use crate::data::{Dataset, Labels};
use crate::eval::latents::Matrix;
use crate::eval::representation::{Labelled, Pca, Served, serve};
use crate::model::Model;
use crate::{Error, Result};

use super::allowed::{apart, no_classes};

/// Rows that teach and judge a representation.
const SERVED: usize = 10_000;
/// Values a row beyond which principal axes and raw values are left out.
const WIDEST: usize = 2_048;

impl Model {
    /// What codes serve for, beside PCA and the values themselves. At most
    /// 10,000 rows teach and 10,000 others judge.
    ///
    /// # Errors
    /// Data without classes, or fewer rows than classes.
    pub fn representation(&self, data: &Dataset, train: &[u32], test: &[u32]) -> Result<Vec<Served>> {
        let Some(labels) = data.labels() else {
            return Err(no_classes(data, "a probe"));
        };
        apart(train, test)?;
        let (train, test) = (labels.known(train), labels.known(test));
        let (train, test) = (&self.some(&train, SERVED)[..], &self.some(&test, SERVED)[..]);
        let seed = self.seed();
        let labelled = |x: Matrix, rows: &[u32]| Labelled { x, class: classes(labels, rows) };
        let codes = |rows: &[u32]| Ok::<_, Error>(labelled(self.posteriors(data, rows)?.0, rows));
        let (train_codes, test_codes) = (codes(train)?, codes(test)?);
        let latent = train_codes.x.ncols();
        let mut served = vec![serve("codes", &train_codes, &test_codes, seed)?];
        // Axes of very wide rows cost the cube of their width, and rows that lack values have none.
        if self.x_width() > WIDEST || data.has_missing() {
            return Ok(served);
        }
        let (train_x, test_x) = (self.values(data, train)?, self.values(data, test)?);
        let pca = Pca::fit(&train_x, latent)?;
        served.push(serve("pca", &labelled(pca.apply(&train_x), train), &labelled(pca.apply(&test_x), test), seed)?);
        served.push(serve("values", &labelled(train_x, train), &labelled(test_x, test), seed)?);
        Ok(served)
    }

    /// Rows in model values.
    fn values(&self, data: &Dataset, rows: &[u32]) -> Result<Matrix> {
        let width = self.x_width();
        let x = self.preparation().prepare(data, rows, 0)?.x;
        Ok(Matrix::from_shape_fn((rows.len(), width), |(i, j)| f64::from(x[i * width + j])))
    }
}

fn classes(labels: Labels<'_>, rows: &[u32]) -> Array1<usize> {
    rows.iter().map(|&r| labels.ids[r as usize] as usize).collect()
}
