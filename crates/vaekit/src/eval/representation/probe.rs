//! Linear classifiers.

use linfa::DatasetBase;
use linfa::prelude::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2, Axis};

use crate::eval::latents::Matrix;
use crate::{Error, Result};

/// L-BFGS iterations at most.
const ITERATIONS: u64 = 300;

/// Class probabilities of `test` by multinomial logistic regression on `train`,
/// columns standardised by `train`, with scikit-learn's default penalty
/// (1/2 |w|^2, C = 1).
///
/// # Shapes
/// Result: the classes `[C]` and `[test rows, C]`.
///
/// # Errors
/// A fit that fails.
pub fn probe_probabilities(train: &Matrix, class: &Array1<usize>, test: &Matrix) -> Result<(Vec<usize>, Matrix)> {
    let mut classes = class.to_vec();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() < 2 {
        return Ok((classes, Array2::ones((test.nrows(), 1))));
    }
    let mean = train.mean_axis(Axis(0)).unwrap_or_default();
    let spread = train.std_axis(Axis(0), 0.0).mapv(|s| if s > 1e-9 { s } else { 1.0 });
    let standard = |x: &Matrix| (x - &mean) / &spread;
    let fit = MultiLogisticRegression::default()
        .alpha(1.0)
        .max_iterations(ITERATIONS)
        .gradient_tolerance(1e-4)
        .fit(&DatasetBase::new(standard(train), class.clone()))
        .map_err(|e| Error::data("linear probe", format!("cannot be fitted: {e}")))?;
    let probabilities = fit.predict_probabilities(&standard(test));
    Ok((fit.classes().to_vec(), probabilities))
}

/// Share of `test` that [`probe_probabilities`] puts into the right class.
///
/// # Errors
/// A fit that fails.
pub fn probe_accuracy(train: &Matrix, class: &Array1<usize>, test: &Matrix, truth: &Array1<usize>) -> Result<f64> {
    let (classes, probabilities) = probe_probabilities(train, class, test)?;
    let right = probabilities.rows().into_iter().zip(truth).filter(|(row, truth)| {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(c, _)| c);
        classes[best] == **truth
    });
    Ok(right.count() as f64 / truth.len() as f64)
}
