//! What a person says of columns, stronger than what is inferred: `--schema FILE.toml` and `--role COLUMN=ROLE`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use crate::{Error, Result};

use super::super::columns::TOTAL;
use super::super::{CountDistribution, Kind, Role};
use super::dates;

/// What is said of columns, by their name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// A table a column.
    #[serde(default)]
    pub columns: BTreeMap<String, Override>,
}

/// What is said of one column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// real, positive, count, binary, category, ordinal, time or text.
    pub kind: Option<Kind>,
    /// model, ignore, condition, label or id.
    pub role: Option<AskedRole>,
    /// The words of a category or an ordinal, in their order.
    pub levels: Option<Vec<String>>,
    /// How dates are written, such as `%d/%m/%Y`.
    pub date: Option<String>,
    /// Values that are a mass of their own, such as 0.
    pub spikes: Option<Vec<f64>>,
    /// Of a count: poisson or negative-binomial.
    pub distribution: Option<CountDistribution>,
    /// What the mean of a count with a distribution is in proportion to: a positive column, or `total`, the row's total.
    pub exposure: Option<String>,
}

impl Override {
    /// A key that is said and means something to the model alone.
    fn key_of_model(&self) -> Option<&'static str> {
        let said = [
            ("levels", self.levels.is_some()),
            ("date", self.date.is_some()),
            ("spikes", self.spikes.is_some()),
            ("distribution", self.distribution.is_some()),
            ("exposure", self.exposure.is_some()),
        ];
        said.iter().find(|(_, said)| *said).map(|(key, _)| *key)
    }
}

/// A role in the words of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedRole {
    /// Part of x.
    Model,
    /// Left out of the model, carried to every output.
    Ignore,
    /// Told to a conditional model.
    Condition,
    /// The class of a row.
    Label,
    /// What a row is called.
    Id,
}

impl AskedRole {
    const ALL: [(&'static str, Self); 5] = [
        ("model", Self::Model),
        ("ignore", Self::Ignore),
        ("condition", Self::Condition),
        ("label", Self::Label),
        ("id", Self::Id),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, role)| *role == self).map_or("model", |(name, _)| name)
    }

    /// The role of a schema.
    pub fn role(self) -> Role {
        match self {
            Self::Model => Role::Modelled,
            Self::Ignore => Role::Ignored,
            Self::Condition => Role::Condition,
            Self::Label => Role::Label,
            Self::Id => Role::Identifier,
        }
    }
}

/// The largest schema file that is read.
const MAX_BYTES: u64 = 16 << 20;

impl Overrides {
    /// A schema file.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or says what no column can be.
    pub fn read(path: &Path) -> Result<Self> {
        let fail = |problem: String| Error::setting("schema", format!("{}: {problem}", path.display()));
        let size = std::fs::metadata(path).map_err(|e| fail(format!("cannot be read: {e}")))?.len();
        if size > MAX_BYTES {
            return Err(fail(format!("holds {size} bytes, expected at most {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
        Self::parse(&text).map_err(fail)
    }

    /// The content of a schema file.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self = toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", e.message().replace('\n', " "))
        })?;
        for (name, said) in &parsed.columns {
            if said.kind == Some(Kind::Byte) {
                let kinds: Vec<&str> = Kind::OF_COLUMNS.iter().map(|kind| kind.name()).collect();
                return Err(format!("column '{name}': found byte, expected one of {}", kinds.join(", ")));
            }
            if let Some(twice) = said.levels.iter().flat_map(|levels| repeated(levels)).next() {
                return Err(format!("column '{name}': level '{twice}' is there twice"));
            }
            if let Some(form) = said.date.as_ref().filter(|form| !dates::is_form(form)) {
                let problem =
                    "is no form that dates can be read and written in; see strftime, with a year of four digits";
                return Err(format!("column '{name}': '{form}' {problem}"));
            }
            if said.distribution.is_some() && said.kind.is_some_and(|kind| kind != Kind::Count) {
                return Err(format!("column '{name}': distribution needs kind count"));
            }
            if said.exposure.is_some() && said.distribution.is_none() {
                return Err(format!("column '{name}': exposure needs distribution poisson or negative-binomial"));
            }
            if said.distribution.is_some() && said.spikes.as_ref().is_some_and(|spikes| !spikes.is_empty()) {
                return Err(format!("column '{name}': distribution and spikes exclude each other; leave one out"));
            }
            if said.levels.is_some() && said.kind.is_some_and(|kind| !kind.has_levels()) {
                return Err(format!("column '{name}': levels go with kind category or ordinal"));
            }
            if said.spikes.iter().flatten().any(|v| !v.is_finite()) {
                return Err(format!("column '{name}': a spike must be a finite number"));
            }
        }
        parsed.check_roles()?;
        let totals: Vec<_> =
            parsed.columns.iter().filter(|(_, said)| said.exposure.as_deref() == Some(TOTAL)).collect();
        if let [(name, _)] = totals[..] {
            let problem = "the total of the row would be the count itself";
            return Err(format!("column '{name}': exposure {TOTAL} is of two or more counts; {problem}"));
        }
        Ok(parsed)
    }

    /// Refuses what is said for the model of a column that the model does not have.
    fn check_roles(&self) -> Result<(), String> {
        for (name, said) in &self.columns {
            if let (Some(key), Some(role)) = (said.key_of_model(), said.role.filter(|role| *role != AskedRole::Model)) {
                let role = role.name();
                return Err(format!("column '{name}': {key} goes with a modelled column, and its role is {role}"));
            }
        }
        Ok(())
    }

    /// The same with the columns that are exposures of counts as what they must be: positive, with no spikes.
    ///
    /// # Errors
    /// A column that is said to be of another kind.
    pub fn with_exposures(&self) -> Result<Self> {
        let mut found = self.clone();
        for (name, said) in &self.columns {
            let Some(exposure) = said.exposure.as_ref().filter(|exposure| *exposure != TOTAL) else { continue };
            let entry = found.columns.entry(exposure.clone()).or_default();
            if entry.kind.is_some_and(|kind| kind != Kind::Positive) || entry.distribution.is_some() {
                let problem = format!("'{exposure}' is the exposure of '{name}', which must be of kind positive");
                return Err(Error::setting("schema", problem));
            }
            if entry.spikes.as_ref().is_some_and(|spikes| !spikes.is_empty()) || entry.levels.is_some() {
                let problem = format!("'{exposure}' is the exposure of '{name}', which has no spikes and no levels");
                return Err(Error::setting("schema", problem));
            }
            if entry.role.is_some_and(|role| role != AskedRole::Model) {
                let problem = format!("'{exposure}' is the exposure of '{name}', and its role must be model");
                return Err(Error::setting("schema", problem));
            }
            (entry.kind, entry.spikes) = (Some(Kind::Positive), Some(Vec::new()));
        }
        Ok(found)
    }

    /// True for a column that is the exposure of another.
    pub fn is_exposure(&self, name: &str) -> bool {
        self.columns.values().any(|said| said.exposure.as_deref() == Some(name)) && name != TOTAL
    }

    /// Adds what `--role COLUMN=ROLE` says.
    ///
    /// # Errors
    /// Another form, another role, or a column that has two.
    pub fn with_roles(mut self, roles: &[String]) -> Result<Self> {
        for pair in roles {
            let fail = |problem: String| Error::setting("role", problem);
            // A column may have the sign in its name.
            let Some((column, role)) = pair.rsplit_once('=') else {
                return Err(fail(format!("found '{pair}', expected COLUMN=ROLE")));
            };
            let Some((_, role)) = AskedRole::ALL.iter().find(|(name, _)| *name == role.trim()) else {
                let names: Vec<&str> = AskedRole::ALL.iter().map(|(name, _)| *name).collect();
                return Err(fail(format!("found '{}', expected one of {}", role.trim(), names.join(", "))));
            };
            let entry = self.columns.entry(column.trim().to_owned()).or_default();
            if entry.role.is_some_and(|known| known != *role) {
                return Err(fail(format!("'{}' has another role already; name each column once", column.trim())));
            }
            entry.role = Some(*role);
        }
        self.check_roles().map_err(|problem| Error::setting("role", problem))?;
        Ok(self)
    }
}

fn repeated(levels: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    levels.iter().find(|level| !seen.insert(level.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_file_says_what_columns_are_and_is_checked() {
        let text =
            "[columns.size]\nkind = \"ordinal\"\nlevels = [\"small\", \"large\"]\n[columns.note]\nrole = \"ignore\"\n";
        let said = Overrides::parse(text).unwrap().with_roles(&["a=b=label".into()]).unwrap();
        assert_eq!(said.columns["size"].kind, Some(Kind::Ordinal));
        assert_eq!(said.columns["note"].role, Some(AskedRole::Ignore));
        assert_eq!(said.columns["a=b"].role, Some(AskedRole::Label));
        for (text, words) in [
            ("[columns.a]\nkind = \"word\"\n", ["line 2", "word"]),
            ("[columns.a]\nkinds = \"real\"\n", ["line 2", "kinds"]),
            ("[columns.a]\nlevels = [\"x\", \"x\"]\n", ["'x'", "twice"]),
            ("[columns.a]\nkind = \"byte\"\n", ["byte", "category"]),
        ] {
            let told = Overrides::parse(text).unwrap_err();
            assert!(words.iter().all(|w| told.contains(w)), "{told}");
        }
        assert!(Overrides::default().with_roles(&["a".into()]).is_err());
        assert!(Overrides::default().with_roles(&["a=what".into()]).is_err());
    }
}
