//! What codes are good for: probes, neighbours, clusters, against pixels and PCA.

mod agreement;
mod cluster;
mod neighbours;
mod pca;
mod probe;
mod t_sne;

pub use agreement::{adjusted_rand, best_accuracy, normalized_information};
pub use cluster::{fit_mixture, k_means, k_means_centres, mixture};
pub use neighbours::{nearest, neighbour_accuracy, squared_distances};
pub use pca::Pca;
pub use probe::{probe_accuracy, probe_probabilities};
pub use t_sne::{PERPLEXITY, has_t_sne, plane, t_sne};

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::latents::Matrix;

/// How well one representation of the same rows serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// `codes`, `pca` or `values`.
    pub of: String,
    /// Dimensions of the representation.
    pub dimensions: usize,
    /// Accuracy on test rows of multinomial logistic regression on training rows.
    pub probe: f64,
    /// Accuracy on test rows of the majority of the 5 nearest training rows.
    pub neighbours: f64,
    /// Clusters of the test rows, as many as classes, by k-means.
    pub k_means: Clusters,
    /// And by a mixture of Gaussians; none where a covariance would have more numbers than there are rows.
    pub mixture: Option<Clusters>,
}

/// Clusters against classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    /// Accuracy when each cluster is given the class that serves best, one to one.
    pub accuracy: f64,
    /// Mutual information over the mean of the two entropies.
    pub nmi: f64,
    /// Rand index, adjusted for chance.
    pub ari: f64,
}

/// Rows with their classes.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// `[N, D]`
    pub x: Matrix,
    /// A class a row.
    pub class: Array1<usize>,
}

/// Neighbours that vote.
const K: usize = 5;
/// Starts of k-means, of which the best counts.
const STARTS: usize = 5;

/// Judges one representation; training rows teach, test rows judge.
///
/// # Errors
/// Fewer rows than classes, or a method that fails.
pub fn serve(of: &str, train: &Labelled, test: &Labelled, seed: u64) -> Result<Served> {
    let classes = 1 + train.class.iter().chain(&test.class).max().copied().unwrap_or(0);
    for (part, rows) in [("training", train.x.nrows()), ("test", test.x.nrows())] {
        if rows < classes {
            return Err(Error::data(
                "representation",
                format!("{rows} {part} rows are fewer than the {classes} classes; take more rows"),
            ));
        }
    }
    let d = train.x.ncols();
    let judge = |found: &[usize]| Clusters {
        accuracy: best_accuracy(found, test.class.as_slice().unwrap_or_default()),
        nmi: normalized_information(found, test.class.as_slice().unwrap_or_default()),
        ari: adjusted_rand(found, test.class.as_slice().unwrap_or_default()),
    };
    let fits = d * (d + 1) / 2 <= test.x.nrows();
    Ok(Served {
        of: of.to_owned(),
        dimensions: d,
        probe: probe_accuracy(&train.x, &train.class, &test.x, &test.class)?,
        neighbours: neighbour_accuracy(train, test, K),
        k_means: judge(&k_means(&test.x, classes, STARTS, seed)?),
        mixture: if fits { mixture(&test.x, classes, seed).map(|found| judge(&found)) } else { None },
    })
}
