//! What the documentation says of variants: the same text in the command line and in `docs/variants.md`.

use crate::model::choice::{POSTERIORS, PRIORS};
use crate::model::likelihood::LIKELIHOODS;
use crate::objective::ESTIMATORS;
use crate::objective::perceptual::PERCEPTUAL;

use super::{ParamKind, VARIANTS, Variant, uses};

/// Which VAE should I use?
pub const WHICH: &str = include_str!("which.md");

impl dyn Variant {
    /// Its page: what it changes, objective, when, limits, reference, uses, settings.
    pub fn page(&self) -> String {
        let uses: Vec<&str> = uses(self).iter().map(|u| u.name()).collect();
        let mut page = format!("# {}\n\n{}\n## Uses\n{}\n", self.name(), self.doc(), uses.join(", "));
        if self.params().is_empty() && self.defaults().is_empty() {
            return page;
        }
        page += "\n## Settings\n";
        for (key, value) in self.defaults() {
            page += &format!("- `--{}` starts at {}\n", key.replace('_', "-"), value.trim_matches('"'));
        }
        for param in self.params() {
            let kind = match param.kind {
                ParamKind::Number { default, min, max } => format!("{min} to {max}, default {default}"),
                ParamKind::Choice { default, of } => format!("{}, default {default}", of.join(" or ")),
            };
            page += &format!("- `--{}`: {} ({kind})\n", param.key.replace('_', "-"), param.doc);
        }
        page
    }
}

/// Lists of what a setting may name: `posteriors`, `priors`, `likelihoods`, `estimators`, `perceptual`.
pub fn parts(list: &str) -> Option<Vec<(&'static str, String)>> {
    match list {
        "posteriors" => Some(POSTERIORS.iter().map(|p| (p.name, p.doc.to_owned())).collect()),
        "priors" => Some(PRIORS.iter().map(|p| (p.name, p.doc.to_owned())).collect()),
        "likelihoods" => Some(LIKELIHOODS.iter().map(|l| (l.name, l.doc().to_owned())).collect()),
        "estimators" => Some(ESTIMATORS.iter().map(|(name, e)| (*name, e.doc().to_owned())).collect()),
        "perceptual" => Some(PERCEPTUAL.iter().map(|(name, doc)| (*name, (*doc).to_owned())).collect()),
        _ => None,
    }
}

/// All of it: `docs/variants.md`.
pub fn markdown() -> String {
    let mut all = format!("# Variants\n\n{WHICH}\n## All of them\n\n| name | what it is |\n|---|---|\n");
    for variant in VARIANTS {
        all += &format!("| [{0}](#{0}) | {1} |\n", variant.name(), variant.summary());
    }
    for list in ["posteriors", "priors", "likelihoods", "estimators", "perceptual"] {
        let flag = list.trim_end_matches('s');
        all += &format!("\n## `--{flag}`\n\n| name | what it is |\n|---|---|\n");
        for (name, doc) in parts(list).into_iter().flatten() {
            all += &format!("| `{name}` | {doc} |\n");
        }
    }
    for variant in VARIANTS {
        all += &format!("\n{}", variant.page().replace("## ", "### ").replacen("# ", "## ", 1));
    }
    all
}
