//! Clusters of codes, found on the training rows of a run; other rows are assigned to them.

use ndarray::ArrayView1;

use crate::data::{Dataset, NameColumn, Splits};
use crate::eval::density::CodeMixture;
use crate::eval::latents::Matrix;
use crate::eval::representation::{Clusters, adjusted_rand, best_accuracy, k_means_centres, normalized_information};
use crate::model::Model;
use crate::{Error, Result};

use super::Values;
use super::given::names_or_numbers;

/// Rows that clusters are found on, rows that choose their number, and starts of k-means.
const TRAIN: usize = 20_000;
const HELD: usize = 5_000;
const STARTS: usize = 10;
/// A larger number of clusters must raise the held-out likelihood by so many standard errors.
const CLEAR: f64 = 1.0;

/// How codes are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clustering {
    /// k-means, the best of ten k-means++ starts.
    KMeans,
    /// A mixture of Gaussians with full covariances.
    Mixture,
    /// The clusters that the model itself has: those of `gm-vae` and of other mixture priors.
    Own,
}

/// Clusterings by their names.
pub const CLUSTERINGS: &[(&str, Clustering)] =
    &[("mixture", Clustering::Mixture), ("k-means", Clustering::KMeans), ("own", Clustering::Own)];

/// How clusters are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The method.
    pub by: Clustering,
    /// Their number; none to choose it by the likelihood of held-out codes.
    pub clusters: Option<usize>,
    /// The largest number to choose from.
    pub most: usize,
    /// The seed of the starts.
    pub seed: u64,
}

/// The cluster of each row.
#[derive(Clone, Debug)]
pub struct Clustered {
    /// From 0.
    pub cluster: Vec<usize>,
    /// How sure a mixture is of it.
    pub probability: Option<Vec<f64>>,
    /// How many clusters there are.
    pub clusters: usize,
    /// Numbers of clusters that were tried, each with the mean log-likelihood of held-out codes and its standard error.
    pub tried: Vec<(usize, f64, f64)>,
    /// Agreement with the classes of the rows, where they have some.
    pub agreement: Option<Clusters>,
    /// Mean codes, `[rows, D]`.
    pub codes: Matrix,
    name: Option<NameColumn>,
}

impl Model {
    /// Divides the rows of `data` by clusters found on the training rows of `own`, the model's own data.
    ///
    /// # Errors
    /// Codes in which there are no such clusters, a number that cannot be, or a model without clusters of its own.
    pub fn cluster(
        &self,
        (own, splits): (&Dataset, &Splits),
        (data, rows): (&Dataset, &[u32]),
        asked: Asked,
    ) -> Result<Clustered> {
        let (codes, _) = self.posteriors(data, rows)?;
        let mut found = Clustered {
            cluster: Vec::new(),
            probability: None,
            clusters: 0,
            tried: Vec::new(),
            agreement: None,
            codes,
            name: Some(names_or_numbers(data, rows)?),
        };
        if asked.by == Clustering::Own {
            if asked.clusters.is_some() {
                return Err(Error::setting("clusters", "the model has a number of its own; choose --method mixture"));
            }
            let choices = self.choices(data, rows)?;
            if choices.columns.len() != 1 {
                return Err(Error::setting("method", "own needs a model with one cluster a row; choose mixture"));
            }
            found.cluster = choices.values.iter().map(|v| *v as usize).collect();
            found.clusters = 1 + found.cluster.iter().copied().max().unwrap_or(0);
        } else {
            let mut learned = self.some(&splits.train, TRAIN);
            // Without validation rows a fifth of the training rows choose the number of clusters.
            let held = match splits.valid.is_empty() && learned.len() >= 10 && asked.clusters.is_none() {
                true => learned.split_off(learned.len() * 4 / 5),
                false if splits.valid.is_empty() => learned.clone(),
                false => self.some(&splits.valid, HELD),
            };
            let train = self.posteriors(own, &learned)?.0;
            let most = train.nrows();
            if let Some(k) = asked.clusters.filter(|k| *k == 0 || *k > most) {
                return Err(Error::setting("clusters", format!("found {k}, expected 1 to {most}, the training rows")));
            }
            let held = self.posteriors(own, &held)?.0;
            let fit = |k: usize| CodeMixture::of(&train, k, asked.seed);
            let k = match asked.clusters {
                Some(k) => k,
                None => chosen(&held, asked.most.min(most), fit, &mut found.tried)?,
            };
            found.clusters = k;
            match asked.by {
                Clustering::KMeans => {
                    let centres = k_means_centres(&train, k, STARTS, asked.seed)?;
                    found.cluster = found.codes.outer_iter().map(|row| nearest(&centres, row)).collect();
                }
                _ => {
                    let fit = fit(k)?;
                    let rows: Vec<(usize, f64)> =
                        found.codes.outer_iter().map(|row| likeliest(&fit.log_joint(row))).collect();
                    found.probability = Some(rows.iter().map(|row| row.1).collect());
                    found.cluster = rows.iter().map(|row| row.0).collect();
                }
            }
        }
        found.agreement = agreement(data, rows, &found.cluster);
        Ok(found)
    }
}

impl Clustered {
    /// A table: what the row is called, its cluster, and how sure a mixture is.
    pub fn values(&self) -> Values {
        let mut columns = vec!["cluster".to_owned()];
        columns.extend(self.probability.as_ref().map(|_| "probability".to_owned()));
        let row = |i: usize| {
            let sure = self.probability.as_ref().map(|p| p[i] as f32);
            std::iter::once(self.cluster[i] as f32).chain(sure)
        };
        let values = (0..self.cluster.len()).flat_map(row).collect();
        let (shape, name) = (vec![columns.len()], self.name.clone());
        Values { columns, values, shape, look: None, name, beside: Vec::new(), typed: Vec::new() }
    }
}

/// The number of clusters from which on more of them do not clearly raise the likelihood of held-out codes.
fn chosen(
    held: &Matrix,
    most: usize,
    fit: impl Fn(usize) -> Result<CodeMixture>,
    tried: &mut Vec<(usize, f64, f64)>,
) -> Result<usize> {
    let mut best: Option<(usize, Vec<f64>)> = None;
    for k in 1..=most.max(1) {
        // A mixture that breaks down has too many clusters for these codes.
        let Ok(mixture) = fit(k) else { continue };
        let log: Vec<f64> = held.outer_iter().map(|row| sum_of(&mixture.log_joint(row))).collect();
        let (mean, error) = mean_and_error(&log);
        tried.push((k, mean, error));
        let gain = |before: &Vec<f64>| {
            let gains: Vec<f64> = log.iter().zip(before).map(|(now, then)| now - then).collect();
            let (mean, error) = mean_and_error(&gains);
            mean > CLEAR * error
        };
        if best.as_ref().is_none_or(|(_, before)| gain(before)) {
            best = Some((k, log));
        }
    }
    best.map(|(k, _)| k)
        .ok_or_else(|| Error::data("codes", "have no mixture of Gaussians; choose --method k-means --clusters K"))
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

fn sum_of(log: &[f64]) -> f64 {
    let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + log.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

/// The likeliest and its probability.
fn likeliest(log: &[f64]) -> (usize, f64) {
    let best = (0..log.len()).fold(0, |best, i| if log[i] > log[best] { i } else { best });
    (best, (log[best] - sum_of(log)).exp())
}

fn nearest(centres: &Matrix, row: ArrayView1<'_, f64>) -> usize {
    let distance = |i: usize| centres.row(i).iter().zip(row).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    (0..centres.nrows())
        .fold((0, f64::INFINITY), |best, i| if distance(i) < best.1 { (i, distance(i)) } else { best })
        .0
}

fn agreement(data: &Dataset, rows: &[u32], cluster: &[usize]) -> Option<Clusters> {
    let labels = data.labels()?;
    let known = |(row, cluster): (&u32, &usize)| {
        let class = labels.ids[*row as usize] as usize;
        (class < labels.names.len()).then_some((*cluster, class))
    };
    let (found, truth): (Vec<usize>, Vec<usize>) = rows.iter().zip(cluster).filter_map(known).unzip();
    (!found.is_empty()).then(|| Clusters {
        accuracy: best_accuracy(&found, &truth),
        nmi: normalized_information(&found, &truth),
        ari: adjusted_rand(&found, &truth),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    /// Rows around three centres.
    fn three(n: usize, seed: u64) -> Matrix {
        let ids: Vec<u64> = (0..n as u64).collect();
        let noise = Rng::new(seed).normal(Purpose::Builtin, &ids, 2);
        let centre = |i: usize| [[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]][i % 3];
        Matrix::from_shape_fn((n, 2), |(i, j)| centre(i)[j] + f64::from(noise[2 * i + j]))
    }

    #[test]
    fn held_out_likelihood_finds_how_many_clusters_there_are_and_new_rows_are_assigned() {
        let (train, held) = (three(900, 1), three(300, 2));
        let mut tried = Vec::new();
        let k = chosen(&held, 6, |k| CodeMixture::of(&train, k, 0), &mut tried).unwrap();
        assert_eq!((k, tried.len()), (3, 6), "{tried:?}");
        let fit = CodeMixture::of(&train, 3, 0).unwrap();
        let of = |x: &Matrix| x.outer_iter().map(|row| likeliest(&fit.log_joint(row)).0).collect::<Vec<_>>();
        let truth: Vec<usize> = (0..300).map(|i| i % 3).collect();
        assert!(best_accuracy(&of(&held), &truth) > 0.98);
        let centres = k_means_centres(&train, 3, 5, 0).unwrap();
        let by_centres: Vec<usize> = held.outer_iter().map(|row| nearest(&centres, row)).collect();
        assert!(best_accuracy(&by_centres, &truth) > 0.98);
        // The density of a mixture has mass one.
        let mass: f64 = (-40..100)
            .flat_map(|i| (-40..100).map(move |j| [f64::from(i) * 0.1, f64::from(j) * 0.1]))
            .map(|at| 0.01 * sum_of(&fit.log_joint(ArrayView1::from(&at))).exp())
            .sum();
        assert!((mass - 1.0).abs() < 0.01, "{mass}");
    }
}
