//! What the settings that name a part may name: lists, and a page for each.

use crate::model::choice::{self, KnownPosterior, POSTERIORS, PRIORS};
use crate::model::likelihood::LIKELIHOODS;
use crate::objective::perceptual::PERCEPTUAL;
use crate::objective::{ESTIMATORS, Estimator};

use super::ModelSettings;

/// The lists, by name.
pub const LISTS: [&str; 5] = ["posteriors", "priors", "likelihoods", "estimators", "perceptual"];

/// A name that a setting may have.
pub struct Part {
    pub name: &'static str,
    pub doc: String,
    /// Settings that it looks at.
    pub reads: &'static [&'static str],
    /// Of a posterior the priors for its codes; of a prior or an estimator the posteriors that it is for.
    pub goes_with: Vec<&'static str>,
    /// Of a likelihood what data it is for.
    pub data: &'static str,
}

impl Part {
    fn new(name: &'static str, doc: impl Into<String>) -> Self {
        Self { name, doc: doc.into(), reads: &[], goes_with: Vec::new(), data: "" }
    }

    /// Its settings as flags.
    pub fn flags(&self) -> String {
        self.reads.iter().map(|key| format!("`{}`", flag(key))).collect::<Vec<_>>().join(", ")
    }

    /// The same with their defaults, but for those that `elsewhere` starts at other values.
    pub fn defaults(&self, elsewhere: &[(&str, &str)]) -> String {
        let defaults = serde_json::to_value(ModelSettings::default()).unwrap_or_default();
        let here = self.reads.iter().filter(|key| !elsewhere.iter().any(|(other, _)| other == *key));
        here.map(|key| format!("`{}` (default {})", flag(key), defaults[*key])).collect::<Vec<_>>().join(", ")
    }
}

/// The posteriors that an estimator can do with.
fn posteriors_for(estimator: Estimator) -> Vec<&'static str> {
    let fits = |q: &&KnownPosterior| q.example().is_ok_and(|q| q.is_density() && estimator.check(&*q).is_ok());
    POSTERIORS.iter().filter(fits).map(|q| q.name).collect()
}

/// The flag of a setting.
pub fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// A list by its name.
pub fn parts(list: &str) -> Option<Vec<Part>> {
    Some(match list {
        "posteriors" => POSTERIORS
            .iter()
            .map(|q| Part { reads: q.reads, goes_with: choice::priors_for(q), ..Part::new(q.name, q.doc) })
            .collect(),
        "priors" => PRIORS
            .iter()
            .map(|p| {
                let fits = |q: &&KnownPosterior| choice::priors_for(q).contains(&p.name);
                let goes_with = POSTERIORS.iter().filter(fits).map(|q| q.name).collect();
                Part { reads: p.reads, goes_with, ..Part::new(p.name, p.doc) }
            })
            .collect(),
        "likelihoods" => {
            LIKELIHOODS.iter().map(|l| Part { data: l.domain.doc(), ..Part::new(l.name, l.doc()) }).collect()
        }
        "estimators" => ESTIMATORS
            .iter()
            .map(|(name, e)| Part { goes_with: posteriors_for(*e), ..Part::new(name, e.doc()) })
            .collect(),
        "perceptual" => PERCEPTUAL.iter().map(|known| Part::new(known.name, known.doc)).collect(),
        _ => return None,
    })
}

/// The pages of every part of a name; several lists may have one.
pub fn pages(name: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for list in LISTS {
        for part in parts(list).into_iter().flatten().filter(|part| part.name == name) {
            let setting = list.trim_end_matches('s');
            let mut page = format!("# {} {name}\n\n{}\n", flag(setting), part.doc);
            if !part.reads.is_empty() {
                page += &format!("\n## Settings\n{}\n", part.defaults(&[]));
            }
            if !part.goes_with.is_empty() {
                let other = if list == "posteriors" { "prior" } else { "posterior" };
                page += &format!("\n## Goes with\n{}: {}\n", flag(other), part.goes_with.join(", "));
            }
            if !part.data.is_empty() {
                page += &format!("\n## Data\n{}\n", part.data);
            }
            pages.push(page);
        }
    }
    pages
}
