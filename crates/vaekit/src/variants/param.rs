//! Settings that one variant has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A setting that one variant has.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub key: &'static str,
    pub doc: &'static str,
    pub kind: ParamKind,
}

/// What a setting may be, with its default.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    Number { default: f64, min: f64, max: f64 },
    Choice { default: &'static str, of: &'static [&'static str] },
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
            let value = match (param.kind, given.get(param.key)) {
                (ParamKind::Number { default, .. }, None) => default.into(),
                (ParamKind::Choice { default, .. }, None) => default.into(),
                (ParamKind::Number { min, max, .. }, Some(value)) => {
                    let number = value.as_float().or(value.as_integer().map(|i| i as f64));
                    match number.filter(|n| (min..=max).contains(n)) {
                        Some(n) => n.into(),
                        None => {
                            return Err(Error::setting(
                                param.key,
                                format!("found {value}, expected a number from {min} to {max}"),
                            ));
                        }
                    }
                }
                (ParamKind::Choice { of, .. }, Some(value)) => match value.as_str().filter(|v| of.contains(v)) {
                    Some(choice) => choice.into(),
                    None => {
                        return Err(Error::setting(
                            param.key,
                            format!("found {value}, expected one of {}", of.join(", ")),
                        ));
                    }
                },
            };
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

    /// A declared choice.
    pub fn choice(&self, key: &str) -> &str {
        self.0.get(key).and_then(toml::Value::as_str).unwrap_or_default()
    }
}
