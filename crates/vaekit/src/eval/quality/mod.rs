//! How good samples are, in the features of a small classifier trained on the same labelled data.
//!
//! These are not Inception scores: compare them only with others by the same
//! classifier, which [`Classifier`](crate::nn::Classifier) stores with its seed and accuracy.

mod distance;
mod manifold;

pub use distance::{frechet, kernel_distance};
pub use manifold::{Manifold, manifold};

use serde::{Deserialize, Serialize};

/// Samples against rows that the model has not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Frechet distance of the features, 0 is best.
    pub frechet: f64,
    /// The same between test rows and training rows that the classifier was not taught: what a perfect model would get
    /// from `floor_rows` samples.
    pub frechet_floor: f64,
    /// Rows of the floor.
    pub floor_rows: usize,
    /// Kernel distance (unbiased MMD^2, cubic kernel) and its standard error.
    pub kernel: f64,
    /// Standard error of `kernel`.
    pub kernel_se: f64,
    /// Precision, recall, density and coverage.
    pub manifold: Manifold,
    /// Mean distance of a sample to its nearest training row, over that of a
    /// test row: far below 1 the model repeats its training rows.
    pub nearest_ratio: f64,
    /// Accuracy of the classifier on test rows.
    pub classifier_accuracy: f64,
    /// The seed that it was trained with.
    pub classifier_seed: u64,
    /// Samples, and test rows.
    pub samples: usize,
    /// Test rows.
    pub rows: usize,
}
