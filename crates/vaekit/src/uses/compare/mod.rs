//! Which of several runs is better, by how much, and in what they differ.

mod comparable;
mod verdict;

use comparable::sees_classes;
pub use comparable::{Judged, choosable, comparable};

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::data::{Dataset, Step};
use crate::eval::disentanglement::udr;
use crate::eval::likelihood::Evidence;
use crate::eval::{Figures, mean, paired, standard_error};
use crate::model::registry;
use crate::run::Run;
use crate::settings::{Read, setting};
use crate::{Error, Result};

use super::Effort;
use verdict::verdict;

/// A run among others.
#[derive(Clone, Debug, Serialize)]
pub struct Contender {
    /// The folder.
    pub run: PathBuf,
    /// Of the rows.
    pub figures: Figures,
    /// Standard error of the ELBO over rows.
    pub elbo_se: Option<f64>,
    /// -log p(x) by importance samples.
    pub nll_nats: Option<f64>,
    /// The same of the values as the file holds them; none for probabilities, which have no unit.
    pub nll_stored_nats: Option<f64>,
    /// Standard error of `nll_nats` over rows.
    pub nll_se: Option<f64>,
    /// Rows that log p(x) was estimated on.
    pub nll_rows: Option<usize>,
    /// Mean over rows of the effective number of importance samples.
    pub effective_samples: Option<f64>,
    /// How much log p(x) rose from half the samples to all: it is too low by about as much again.
    pub rise_nats: Option<f64>,
    /// How much worse than the best, on the same rows, and the error of that.
    pub behind: Option<f64>,
    /// Standard error of `behind`.
    pub behind_se: Option<f64>,
    /// The ELBO of the rows and draws that log p(x) was estimated from.
    pub likewise_elbo_nats: Option<f64>,
    /// What each row is judged by, lower is better.
    #[serde(skip)]
    each: Option<Vec<f64>>,
    /// Squared error of each row.
    #[serde(skip)]
    errors: Vec<f64>,
    #[serde(skip)]
    kl: Option<Vec<f64>>,
}

impl Contender {
    /// The bound in the file's units where it is one of a density, else as it is; of the rows and draws that log p(x) was
    /// estimated from, so that it lies below.
    pub fn elbo(&self) -> Option<f64> {
        let volume = self.nll_stored_nats.zip(self.nll_nats).map_or(0.0, |(file, model)| file - model);
        let likewise = self.likewise_elbo_nats.map(|elbo| elbo - volume);
        likewise.or(self.figures.elbo_stored_nats).or(self.figures.elbo_nats)
    }

    /// -log p(x) in the file's units where it is one of a density, else as it is.
    pub fn nll(&self) -> Option<f64> {
        self.nll_stored_nats.or(self.nll_nats)
    }

    /// The distortion in the file's units where it is one of a density, else as it is. None for an autoencoder, whose
    /// distortion is of the values that it sees.
    pub fn distortion(&self) -> Option<f64> {
        let bound = self.figures.elbo_stored_nats.or(self.figures.elbo_nats)?;
        Some(-bound - self.figures.rate_nats?)
    }

    /// Squared error a value in the file's units.
    pub fn mse(&self) -> f64 {
        self.figures.mse_stored.unwrap_or(self.figures.mse)
    }
}

/// Runs side by side, the best first.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The runs.
    pub contenders: Vec<Contender>,
    /// `-log p(x)`, or `MSE` where nats do not compare, or `nothing` where neither does; both of values as the file holds
    /// them.
    pub judged_by: &'static str,
    /// Rows that no run was trained on; log p(x) is of at most `Effort::likelihood_rows` of them.
    pub rows: usize,
    /// Settings in which the runs differ: the key, and a value a run.
    pub differing: Vec<(String, Vec<String>)>,
    /// Unsupervised disentanglement ranking of each pair of models with densities, mean (Duan et al. 2020).
    pub udr: Option<f64>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The answer in words.
    pub verdict: Vec<String>,
}

/// Compares runs on the rows that are test rows of all of them.
///
/// # Errors
/// Fewer than two runs, runs of different data, or no row in common.
pub fn compare(runs: &[Run], data: &Dataset, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Comparison> {
    let mut places: Vec<PathBuf> = runs.iter().filter_map(|run| run.dir().canonicalize().ok()).collect();
    places.sort();
    if let Some(twice) = places.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::setting("runs", format!("{} is named twice; name each run once", twice[0].display())));
    }
    let rows = common_rows(runs, data)?;
    let (mut notes, judged) = comparable(runs);
    // Where all are told classes they answer one question.
    let mixed = !runs.iter().filter(|r| r.vae().posterior.is_density()).all(sees_classes);
    let few = &runs[0].some(&rows, effort.likelihood_rows)[..];
    let mut contenders = Vec::new();
    for run in runs {
        progress(&run.dir().display().to_string());
        let (figures, stats) = run.evaluate(data, &rows, 1)?;
        let density = run.vae().posterior.is_density();
        let elbo = run.row_figures(data, &rows, 1)?.elbo();
        let evidence = match density && effort.importance_samples > 0 {
            true => Some(run.importance(data, few, effort.importance_samples, &mut |_| Step::Continue)?),
            false => None,
        };
        let errors = run.errors(data, &rows)?;
        let mass = run.vae().likelihood.is_mass();
        let aside = mixed && sees_classes(run);
        let each = match judged {
            Judged::Nats if aside => None,
            Judged::Nats => {
                evidence.as_ref().map(|e| e.log_p.iter().zip(&e.log_volume).map(|(p, volume)| volume - p).collect())
            }
            Judged::Mse => Some(errors.clone()),
            Judged::Nothing => None,
        };
        contenders.push(Contender {
            run: run.dir().to_path_buf(),
            elbo_se: elbo.as_deref().map(standard_error),
            nll_nats: evidence.as_ref().map(Evidence::nll_nats),
            nll_stored_nats: evidence.as_ref().filter(|_| !mass).map(Evidence::nll_stored_nats),
            nll_se: evidence.as_ref().map(Evidence::nll_se),
            nll_rows: evidence.as_ref().map(|e| e.log_p.len()),
            effective_samples: evidence.as_ref().map(Evidence::effective_samples),
            rise_nats: evidence.as_ref().map(Evidence::rise_nats),
            likewise_elbo_nats: evidence.as_ref().map(Evidence::elbo_nats),
            figures,
            behind: None,
            behind_se: None,
            each,
            errors,
            kl: stats.kl,
        });
    }
    let udr = agreement(runs, &contenders, data, few)?;
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let value = |i: usize| contenders[i].each.as_deref().map_or(f64::INFINITY, mean);
    order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
    let differing = differing(runs, &order);
    let mut sorted: Vec<Contender> = order.iter().map(|i| contenders[*i].clone()).collect();
    if let Some(best) = sorted[0].each.clone() {
        for other in &mut sorted[1..] {
            if let Some((behind, error)) = other.each.as_deref().map(|each| paired(each, &best)) {
                (other.behind, other.behind_se) = (Some(behind), Some(error));
            }
        }
    }
    if judged == Judged::Nats && runs.iter().any(|r| !r.vae().posterior.is_density()) {
        notes.push("An autoencoder has no likelihood, so it stands last and is compared by its MSE alone.".into());
    }
    if runs.iter().any(|r| r.config().seed != runs[0].config().seed) && data.test_from.is_none() {
        notes.push(format!(
            "Other seeds split the data otherwise: only {} rows are test rows of all these runs.",
            rows.len()
        ));
    }
    notes.extend(of_evidence(&sorted, judged));
    let judged_by = match judged {
        Judged::Nats => "-log p(x)",
        Judged::Mse => "MSE",
        Judged::Nothing => "nothing",
    };
    let names = names(sorted.iter().map(|c| c.run.as_path()));
    let verdict = match judged {
        Judged::Nats => verdict(&sorted, &names, judged, few.len()),
        Judged::Mse => verdict(&sorted, &names, judged, rows.len()),
        Judged::Nothing => {
            vec!["None is better by these figures: train them with the same --binarize.".into()]
        }
    };
    Ok(Comparison { contenders: sorted, judged_by, rows: rows.len(), differing, udr, notes, verdict })
}

/// What the reader of estimates of log p(x) should know: how many rows, and whether more samples would move them as far
/// as the runs lie apart.
fn of_evidence(sorted: &[Contender], judged: Judged) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(few) = sorted.iter().find_map(|c| c.nll_rows.filter(|n| *n < c.figures.rows)) {
        let all = sorted[0].figures.rows;
        notes.push(format!("-log p(x) is of {few} of the {all} rows, the other figures are of all."));
    }
    let most = sorted.iter().filter_map(|c| c.rise_nats).fold(0.0, f64::max);
    let nearest = sorted.iter().filter_map(|c| c.behind).filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    if judged == Judged::Nats && most > 0.1 && 2.0 * most > nearest {
        notes.push(format!(
            "log p(x) rose by {most:.3} nats when the importance samples were doubled; the closest runs differ by \
             {nearest:.3}. Use more --importance-samples."
        ));
    }
    notes
}

/// Rows that are test rows of every run.
fn common_rows(runs: &[Run], data: &Dataset) -> Result<Vec<u32>> {
    let Some((first, others)) = runs.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(Error::setting("runs", "expected two runs or more to compare"));
    };
    let same = runs.iter().map(|run| run.has_rows_of(data)).collect::<Result<Vec<bool>>>()?;
    let like = runs.iter().zip(&same).find(|(_, same)| **same).map_or(first, |(run, _)| run);
    for (other, same) in runs.iter().zip(same) {
        if !same {
            let (a, b) = (like.dir().display(), other.dir().display());
            let (of_a, of_b) = (&like.file().data, &other.file().data);
            return Err(Error::data(
                b,
                format!(
                    "was trained on other data ({}, {} rows) than {a} ({}, {} rows), so no figure compares; choose runs \
                     of the same values, columns and missing words",
                    of_b.name, of_b.rows, of_a.name, of_a.rows
                ),
            ));
        }
    }
    let mut rows = first.split(data)?.test;
    for other in others {
        let theirs: std::collections::HashSet<u32> = other.split(data)?.test.into_iter().collect();
        rows.retain(|r| theirs.contains(r));
    }
    if rows.len() < 2 {
        return Err(Error::data(
            &data.name,
            "no rows are test rows of all these runs; train them with the same seed, or on data with its own test part",
        ));
    }
    Ok(rows)
}

/// The settings in which runs differ, in the order given.
fn differing(runs: &[Run], order: &[usize]) -> Vec<(String, Vec<String>)> {
    let tables: Vec<toml::Table> =
        order.iter().map(|i| toml::Table::try_from(runs[*i].config()).unwrap_or_default()).collect();
    let mut keys: Vec<&String> = tables.iter().flat_map(|t| t.keys()).collect();
    keys.sort();
    keys.dedup();
    let text = |i: usize, t: &toml::Table, key: &str| {
        let model = &runs[i].config().model;
        // A part that a run does not have has no settings there.
        let by_parts = setting(key).is_some_and(|setting| setting.read == Read::ByParts);
        let read = !by_parts || registry::is_read(key, &model.posterior, &model.prior).is_ok();
        t.get(key).filter(|_| read).map_or_else(|| "-".to_owned(), |v| v.to_string().replace('"', ""))
    };
    let values = |key: &str| order.iter().zip(&tables).map(|(i, t)| text(*i, t, key)).collect::<Vec<_>>();
    let each = keys.into_iter().map(|key| (key.clone(), values(key)));
    each.filter(|(key, values)| key != "data" && values.iter().any(|v| v != &values[0])).collect()
}

/// UDR over pairs of models with densities; none for fewer than two.
fn agreement(runs: &[Run], contenders: &[Contender], data: &Dataset, rows: &[u32]) -> Result<Option<f64>> {
    let mut known = Vec::new();
    for (run, contender) in runs.iter().zip(contenders) {
        if let Some(kl) = &contender.kl {
            known.push((run.posteriors(data, rows)?.0, kl));
        }
    }
    let mut all = Vec::new();
    for (i, (a, kl_a)) in known.iter().enumerate() {
        all.extend(known[..i].iter().map(|(b, kl_b)| udr(a, kl_a, b, kl_b)));
    }
    Ok((!all.is_empty()).then(|| mean(&all)))
}

/// A row's name for people: the folder's last part.
pub(crate) fn short(run: &Path) -> String {
    run.file_name().map_or_else(|| run.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Names that tell the runs apart: the last parts of their folders, or whole paths where those coincide.
pub(crate) fn names<'a>(runs: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let runs: Vec<&Path> = runs.collect();
    let mut shortened: Vec<String> = runs.iter().map(|r| short(r)).collect();
    shortened.sort();
    shortened.dedup();
    let distinct = shortened.len() == runs.len();
    runs.iter().map(|r| if distinct { short(r) } else { r.display().to_string() }).collect()
}
