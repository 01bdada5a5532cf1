//! What the documentation says of variants: the same text in the command line and in `docs/variants.md`.

use super::parts::{LISTS, List, Part, flag, list};
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
        let named = |of: &str, key: &str| {
            let name = self.defaults().iter().find(|(k, _)| *k == key).map_or("", |(_, name)| *name);
            list(of).and_then(|list| (list.parts)().into_iter().find(|part| part.name == name))
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
    for list in &LISTS {
        all += &table(list);
    }
    for variant in VARIANTS {
        all += &format!("\n{}", variant.page().replace("## ", "### ").replacen("# ", "## ", 1));
    }
    all
}

/// The names of a list, with settings, data and what goes with them where they have such.
fn table(list: &List) -> String {
    let rows = (list.parts)();
    let other = format!("goes with `{}`", flag(list.other));
    let named = |name: &str, of: fn(&Part) -> String| (name.to_owned(), rows.iter().map(of).collect::<Vec<_>>());
    let mut columns = vec![
        named("name", |part| format!("`{}`", part.name)),
        named("what it is", |part| part.doc.clone()),
        named("settings", Part::flags),
        named(&other, |part| part.goes_with.join(", ")),
        named("data", |part| part.data.to_owned()),
    ];
    // A column that would be empty is left out.
    columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut all = format!("\n## `{}`\n\n", flag(list.setting));
    all += &row(columns.iter().map(|(name, _)| name.as_str()).collect());
    all += &format!("|{}\n", "---|".repeat(columns.len()));
    (0..rows.len()).for_each(|i| all += &row(columns.iter().map(|(_, cells)| cells[i].as_str()).collect()));
    all
}
