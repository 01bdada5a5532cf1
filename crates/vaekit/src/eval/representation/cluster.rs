//! Clusters by kept methods.

use linfa::DatasetBase;
use linfa::prelude::{Fit, Predict};
use linfa_clustering::{GaussianMixtureModel, GmmError, KMeans};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::eval::latents::Matrix;
use crate::{Error, Result};

/// The cluster of each row by k-means with k-means++ starts, the best of several.
///
/// # Errors
/// Fewer rows than clusters.
pub fn k_means(x: &Matrix, clusters: usize, starts: usize, seed: u64) -> Result<Vec<usize>> {
    fit_k_means(x, clusters, starts, seed).map(|(_, found)| found)
}

/// The centres of such clusters, `[clusters, D]`.
///
/// # Errors
/// As [`k_means`].
pub fn k_means_centres(x: &Matrix, clusters: usize, starts: usize, seed: u64) -> Result<Matrix> {
    fit_k_means(x, clusters, starts, seed).map(|(centres, _)| centres)
}

/// The centres and the cluster of each row.
fn fit_k_means(x: &Matrix, clusters: usize, starts: usize, seed: u64) -> Result<(Matrix, Vec<usize>)> {
    let fit = KMeans::params_with_rng(clusters, Xoshiro256Plus::seed_from_u64(seed))
        .n_runs(starts)
        .max_n_iterations(100)
        .tolerance(1e-4)
        .fit(&DatasetBase::from(x.clone()))
        .map_err(|e| Error::data("k-means", format!("cannot find {clusters} clusters: {e}")))?;
    Ok((fit.centroids().clone(), fit.predict(x).to_vec()))
}

/// A mixture of Gaussians with full covariances, started from k-means, the best of several starts.
///
/// # Errors
/// A fit that breaks down: a cluster of too few rows.
pub fn fit_mixture(
    x: &Matrix,
    clusters: usize,
    starts: u64,
    seed: u64,
) -> std::result::Result<GaussianMixtureModel<f64>, GmmError> {
    let rng = Xoshiro256Plus::seed_from_u64(seed);
    let params = GaussianMixtureModel::params_with_rng(clusters, rng).n_runs(starts).max_n_iterations(100);
    params.tolerance(1e-3).reg_covariance(1e-4).fit(&DatasetBase::from(x.clone()))
}

/// The cluster of each row by such a mixture; none where the fit breaks down.
pub fn mixture(x: &Matrix, clusters: usize, seed: u64) -> Option<Vec<usize>> {
    fit_mixture(x, clusters, 1, seed).ok().map(|fit| fit.predict(x).to_vec())
}
