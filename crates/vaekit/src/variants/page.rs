//! What the documentation says of variants: the same text in the command line and in `docs/variants.md`.

use super::parts::{LISTS, Part, flag, parts};
use super::{ParamKind, VARIANTS, Variant, uses};

/// Which VAE should I use?
pub const WHICH: &str = include_str!("which.md");

impl dyn Variant {
    /// Its page: what it changes, objective, when, limits, reference, uses, settings.
    pub fn page(&self) -> String {
        let uses: Vec<&str> = uses(self).iter().map(|u| u.name()).collect();
        let mut page = format!("# {}\n\n{}\n## Uses\n{}\n", self.name(), self.doc(), uses.join(", "));
        if !self.samples_from_prior() {
            page += "sample with `--from mixture`, `flow` or `data`, for there is no prior to draw from\n";
        }
        let of_parts = self.settings_of_parts();
        if self.params().is_empty() && self.defaults().is_empty() && of_parts.is_empty() {
            return page;
        }
        page += "\n## Settings\n";
        for (key, value) in self.defaults() {
            page += &format!("- `{}` starts at {}\n", flag(key), value.trim_matches('"'));
        }
        for (part, flags) in of_parts {
            page += &format!("- of `{part}`: {flags}\n");
        }
        for param in self.params() {
            let kind = match param.kind {
                ParamKind::Number { default, min, max } => format!("{min} to {max}, default {default}"),
                ParamKind::Count { default, min, max } => format!("{min} to {max}, default {default}"),
                ParamKind::Choice { default, of } => format!("{}, default {default}", of.join(" or ")),
            };
            page += &format!("- `{}`: {} ({kind})\n", flag(param.key), param.doc);
        }
        page
    }

    /// The settings that its posterior and its prior look at, where it does not start them elsewhere.
    fn settings_of_parts(&self) -> Vec<(&'static str, String)> {
        let named = |list: &str, key: &str| {
            let name = self.defaults().iter().find(|(k, _)| *k == key).map_or("", |(_, name)| *name);
            parts(list).into_iter().flatten().find(|part| part.name == name)
        };
        let chosen = [named("posteriors", "posterior"), named("priors", "prior")];
        let flags = |part: Part| (part.name, part.defaults(self.defaults()));
        chosen.into_iter().flatten().map(flags).filter(|(_, flags)| !flags.is_empty()).collect()
    }
}

/// All of it: `docs/variants.md`.
pub fn markdown() -> String {
    let mut all = format!("# Variants\n\n{WHICH}\n## All of them\n\n| name | what it is |\n|---|---|\n");
    for variant in VARIANTS {
        all += &format!("| [{0}](#{0}) | {1} |\n", variant.name(), variant.summary());
    }
    for list in LISTS {
        all += &table(list);
    }
    for variant in VARIANTS {
        all += &format!("\n{}", variant.page().replace("## ", "### ").replacen("# ", "## ", 1));
    }
    all
}

/// The names of a list, with settings and what goes with them where they have such.
fn table(list: &str) -> String {
    let rows = parts(list).unwrap_or_default();
    let other = if list == "posteriors" { "goes with `--prior`" } else { "goes with `--posterior`" };
    let columns: [(&str, fn(&Part) -> String); 3] =
        [("settings", Part::flags), (other, |part| part.goes_with.join(", ")), ("data", |part| part.data.to_owned())];
    // A column that would be empty is left out.
    let columns: Vec<_> = columns.iter().filter(|(_, of)| rows.iter().any(|part| !of(part).is_empty())).collect();
    let head: String = columns.iter().map(|(name, _)| format!(" {name} |")).collect();
    let line = "---|".repeat(columns.len());
    let mut all =
        format!("\n## `{}`\n\n| name | what it is |{head}\n|---|---|{line}\n", flag(list.trim_end_matches('s')));
    for part in &rows {
        let more: String = columns.iter().map(|(_, of)| format!(" {} |", of(part))).collect();
        all += &format!("| `{}` | {} |{more}\n", part.name, part.doc);
    }
    all
}
