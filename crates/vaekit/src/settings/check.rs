//! Value ranges, and an error for settings that have no effect.

use std::path::Path;

use crate::data::{READERS, reader_of};
use crate::declare::{Read, Setting};
use crate::model::registry;
use crate::variants::{self, ModelSettings, Params, Variant};
use crate::{Error, Result};

use super::TrainConfig;

/// Every setting, those of the model among them.
pub fn settings() -> impl Iterator<Item = &'static Setting> + Clone {
    TrainConfig::ROWS.iter().chain(ModelSettings::ROWS)
}

/// The row of a setting.
pub fn setting(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key == key)
}

impl TrainConfig {
    /// Every setting with its value; what is left to the data has none.
    pub fn all(&self) -> Vec<(&'static Setting, Option<toml::Value>)> {
        let values = self.values().into_iter().chain(self.model.values()).map(|(_, value)| value);
        settings().zip(values).collect()
    }

    /// Checks every value that no data is needed for.
    ///
    /// # Errors
    /// The first setting that is out of range or contradicts another.
    pub fn check(&self) -> Result<()> {
        for (setting, value) in self.all() {
            if let Some(value) = value {
                setting.takes.check(&value).map_err(|problem| Error::setting(setting.key, problem))?;
            }
        }
        if self.lr_min > self.lr {
            let problem = format!("found {}, expected at most lr, which is {}", self.lr_min, self.lr);
            return Err(Error::setting("lr_min", problem));
        }
        let product = self.batch.saturating_mul(self.model.samples);
        if product > 1 << 24 {
            let problem = format!("batch times samples is {product}, expected at most {}", 1 << 24);
            return Err(Error::setting("samples", problem));
        }
        self.model.network()?;
        let variant = variants::find(&self.variant)?;
        Params::check(variant.params(), &self.params)?;
        Ok(())
    }

    /// Refuses settings that have no effect beside the others.
    ///
    /// # Errors
    /// The first of them, and what it goes with.
    pub(super) fn all_read(&self, variant: &dyn Variant) -> Result<()> {
        let plain = Self::default().all();
        let all = self.all();
        let value =
            |key: &str| all.iter().find(|(setting, _)| setting.key == key).and_then(|(_, value)| value.as_ref());
        for ((setting, given), (_, default)) in all.iter().zip(&plain) {
            let own = variant.defaults().iter().any(|(key, _)| *key == setting.key);
            if given == default || own && setting.read != Read::ByParts {
                continue;
            }
            match setting.read {
                Read::Always => {}
                Read::ByReader => self.read_by_reader(setting.key)?,
                Read::ByParts => {
                    let by_default = variant.defaults().iter().find(|(key, _)| *key == setting.key);
                    if by_default.is_none_or(|(_, text)| given.as_ref() != Some(&setting.takes.parse(text))) {
                        registry::is_read(setting.key, &self.model.posterior, &self.model.prior)?;
                    }
                }
                Read::When(other, of) => {
                    if value(other).and_then(toml::Value::as_str).is_none_or(|found| !of.contains(&found)) {
                        let flag = other.replace('_', "-");
                        let problem = format!("only goes with --{flag} {}; leave it out", of.join(", "));
                        return Err(Error::setting(setting.key, problem));
                    }
                }
            }
        }
        self.model.all_weighed(variant)
    }

    /// Refuses a way of reading that the data does not have.
    fn read_by_reader(&self, key: &str) -> Result<()> {
        let path = Path::new(&self.data);
        let reader = if path.exists() { reader_of(path).ok() } else { None };
        if reader.is_some_and(|reader| reader.settings.contains(&key)) {
            return Ok(());
        }
        let of: Vec<&str> = READERS.iter().filter(|r| r.settings.contains(&key)).map(|r| r.name).collect();
        let problem = format!("says how to read {}, and '{}' is none; leave it out", of.join(", "), self.data);
        Err(Error::setting(key, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_declared_once_and_its_default_is_in_range() {
        let keys: Vec<&str> = settings().map(|s| s.key).collect();
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "{key} is declared twice");
            let shared = variants::VARIANTS.iter().flat_map(|v| v.params()).any(|p| p.key == *key);
            assert!(!shared, "{key} is a setting of one variant too");
        }
        TrainConfig::default().check().unwrap();
        for (setting, value) in TrainConfig::default().all() {
            // What a person types for the default is the default.
            let text = value.as_ref().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            if let (Some(text), Some(value)) = (text, value) {
                assert_eq!(setting.takes.parse(&text).to_string(), value.to_string(), "{}", setting.key);
            }
        }
    }

    #[test]
    fn choices_are_the_words_that_the_type_takes() {
        for setting in settings() {
            let crate::declare::Takes::Choice(words) = setting.takes else { continue };
            for word in words {
                let mut layer = toml::Table::new();
                TrainConfig::set(&mut layer, setting.key, word);
                TrainConfig::from_layers(&[layer]).unwrap();
            }
        }
    }

    #[test]
    fn what_a_setting_goes_with_exists() {
        for setting in settings() {
            if let Read::When(other, of) = setting.read {
                assert!(super::setting(other).is_some() && !of.is_empty(), "{}", setting.key);
            }
        }
    }
}
