//! Settings that one variant has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A setting that one variant has.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The key in files.
    pub key: &'static str,
    /// One line of help.
    pub doc: &'static str,
    /// What it may be.
    pub kind: ParamKind,
}

/// What a setting may be, with its default.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// A number of a range.
    Number {
        /// Unless said.
        default: f64,
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// A whole number.
    Count {
        /// Unless said.
        default: i64,
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// One of some words.
    Choice {
        /// Unless said.
        default: &'static str,
        /// The words.
        of: &'static [&'static str],
    },
}

impl ParamKind {
    /// The value that was given, in its own type; the default without one.
    pub(crate) fn value(self, given: Option<&toml::Value>) -> Result<toml::Value, String> {
        // A number may be written with or without a point.
        let number = |value: &toml::Value| value.as_float().or(value.as_integer().map(|i| i as f64));
        Ok(match (self, given) {
            (Self::Number { default, .. }, None) => default.into(),
            (Self::Count { default, .. }, None) => default.into(),
            (Self::Choice { default, .. }, None) => default.into(),
            (Self::Number { min, max, .. }, Some(value)) => number(value)
                .filter(|n| (min..=max).contains(n))
                .ok_or_else(|| format!("found {value}, expected a number from {min} to {max}"))?
                .into(),
            (Self::Count { min, max, .. }, Some(value)) => {
                let whole = number(value).filter(|n| n.fract() == 0.0).map(|n| n as i64);
                whole
                    .filter(|n| (min..=max).contains(n))
                    .ok_or_else(|| format!("found {value}, expected a whole number from {min} to {max}"))?
                    .into()
            }
            (Self::Choice { of, .. }, Some(value)) => value
                .as_str()
                .filter(|v| of.contains(v))
                .ok_or_else(|| format!("found {value}, expected one of {}", of.join(", ")))?
                .into(),
        })
    }

    /// The default as it is shown.
    pub fn default(self) -> String {
        match self {
            Self::Number { default, .. } => default.to_string(),
            Self::Count { default, .. } => default.to_string(),
            Self::Choice { default, .. } => default.to_owned(),
        }
    }
}

/// The values of a variant's own settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, toml::Value>);

impl Params {
    /// Fills in defaults and checks what is given.
    ///
    /// # Errors
    /// A value of the wrong type, out of range, or not among the choices.
    pub fn check(declared: &[Param], given: &BTreeMap<String, toml::Value>) -> Result<Self> {
        if let Some(key) = given.keys().find(|key| !declared.iter().any(|p| p.key == **key)) {
            return Err(Error::setting(key, "is no setting of this variant"));
        }
        let mut all = BTreeMap::new();
        for param in declared {
            let value = param.kind.value(given.get(param.key)).map_err(|problem| Error::setting(param.key, problem))?;
            all.insert(param.key.to_owned(), value);
        }
        Ok(Self(all))
    }

    /// The values by name.
    pub fn values(&self) -> &BTreeMap<String, toml::Value> {
        &self.0
    }

    /// A declared number.
    pub fn number(&self, key: &str) -> f64 {
        self.0.get(key).and_then(toml::Value::as_float).unwrap_or_default()
    }

    /// A declared whole number.
    pub fn count(&self, key: &str) -> usize {
        self.0.get(key).and_then(toml::Value::as_integer).and_then(|n| usize::try_from(n).ok()).unwrap_or_default()
    }

    /// A declared choice.
    pub fn choice(&self, key: &str) -> &str {
        self.0.get(key).and_then(toml::Value::as_str).unwrap_or_default()
    }
}
