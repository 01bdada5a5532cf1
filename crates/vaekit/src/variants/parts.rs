//! What the settings that name a part may name: lists, and a page for each.

use crate::model::likelihood::LIKELIHOODS;
use crate::model::registry::{self, KnownPosterior, KnownPrior, POSTERIORS, PRIORS};
use crate::objective::perceptual::PERCEPTUAL;
use crate::objective::{ESTIMATORS, Estimator};

use super::ModelSettings;

/// A setting that names a part, and what it may name.
pub struct List {
    /// `posteriors`
    pub name: &'static str,
    /// `posterior`
    pub setting: &'static str,
    /// The setting whose parts go with these; empty where all do.
    pub other: &'static str,
    /// Its members.
    pub parts: fn() -> Vec<Part>,
}

/// Every list.
pub const LISTS: [List; 5] = [
    List { name: "posteriors", setting: "posterior", other: "prior", parts: posteriors },
    List { name: "priors", setting: "prior", other: "posterior", parts: priors },
    List { name: "likelihoods", setting: "likelihood", other: "", parts: likelihoods },
    List { name: "estimators", setting: "estimator", other: "posterior", parts: estimators },
    List { name: "perceptual", setting: "perceptual", other: "", parts: losses },
];

/// The list of a name.
pub fn list(name: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.name == name)
}

/// A name that a setting may have.
pub struct Part {
    /// The name that settings use.
    pub name: &'static str,
    /// One line.
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

fn posteriors() -> Vec<Part> {
    let part =
        |q: &KnownPosterior| Part { reads: q.reads, goes_with: registry::priors_for(q), ..Part::new(q.name, q.doc) };
    POSTERIORS.iter().map(part).collect()
}

fn priors() -> Vec<Part> {
    let of_each: Vec<_> = POSTERIORS.iter().map(|q| (q.name, registry::priors_for(q))).collect();
    let goes_with = |prior| of_each.iter().filter(move |(_, priors)| priors.contains(&prior)).map(|(name, _)| *name);
    let part =
        |p: &KnownPrior| Part { reads: p.reads, goes_with: goes_with(p.name).collect(), ..Part::new(p.name, p.doc) };
    PRIORS.iter().map(part).collect()
}

fn likelihoods() -> Vec<Part> {
    LIKELIHOODS.iter().map(|l| Part { data: l.domain().doc(), ..Part::new(l.name, l.doc()) }).collect()
}

fn estimators() -> Vec<Part> {
    let part =
        |(name, e): &(&'static str, Estimator)| Part { goes_with: posteriors_for(*e), ..Part::new(name, e.doc()) };
    ESTIMATORS.iter().map(part).collect()
}

fn losses() -> Vec<Part> {
    PERCEPTUAL.iter().map(|known| Part::new(known.name, known.doc)).collect()
}

/// The pages of every part of a name; several lists may have one.
pub fn pages(name: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for list in &LISTS {
        for part in (list.parts)().into_iter().filter(|part| part.name == name) {
            let mut page = format!("# {} {name}\n\n{}\n", flag(list.setting), part.doc);
            let sections = [
                ("Settings", part.defaults(&[])),
                ("Goes with", format!("{}: {}", flag(list.other), part.goes_with.join(", "))),
                ("Data", part.data.to_owned()),
            ];
            let has = [!part.reads.is_empty(), !part.goes_with.is_empty(), !part.data.is_empty()];
            for ((heading, text), _) in sections.iter().zip(has).filter(|(_, has)| *has) {
                page += &format!("\n## {heading}\n{text}\n");
            }
            pages.push(page);
        }
    }
    pages
}
