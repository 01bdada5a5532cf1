//! A configuration file, or the `run.toml` of a run, as a layer of settings.

use std::path::Path;

use serde::Deserialize;

use crate::settings::{LrSchedule, TrainConfig, in_plain_words};
use crate::{Error, Result, variants};

use super::RunFile;

impl TrainConfig {
    /// Reads a configuration file as a layer; the `run.toml` of a run will do. Of a run that is of another variant than
    /// `variant`, the layer holds what that run was told, not the defaults of its own variant.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML.
    pub fn read_layer(path: &Path, variant: Option<&str>) -> Result<toml::Table> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::setting(path.display(), format!("cannot be read: {e}")))?;
        let table = text.parse::<toml::Table>().map_err(|e| {
            let line = e.span().map_or(0, |s| text[..s.start].lines().count().max(1));
            Error::setting(path.display(), format!("line {line}: {}", e.message()))
        })?;
        // The run.toml of a run holds its settings in a table of their own.
        let (true, Some(toml::Value::Table(config))) = (table.contains_key("format"), table.get("config")) else {
            return Ok(table);
        };
        let mut config = config.clone();
        // Once every run named it, whatever the schedule.
        if !config
            .get("lr_schedule")
            .is_some_and(|s| LrSchedule::deserialize(s.clone()).is_ok_and(LrSchedule::reads_lr_epochs))
        {
            config.remove("lr_epochs");
        }
        let same = variant.is_none_or(|name| config.get("variant").and_then(toml::Value::as_str) == Some(name));
        if same {
            return Ok(config);
        }
        let file = RunFile::from_table(table, path)
            .map_err(|e| Error::setting(path.display(), in_plain_words(&e.to_string())))?;
        Self::departures(config, &file)
    }

    /// What the layer of a run, which names every setting, says beyond the defaults of its own variant and beyond the
    /// settings that only that variant has.
    fn departures(layer: toml::Table, run: &RunFile) -> Result<toml::Table> {
        let variant = layer.get("variant").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let mut own = toml::Table::new();
        own.insert("variant".into(), variant.clone().into());
        let mut plain = Self::from_layers(&[own])?;
        // A run names what `auto` stood for.
        plain.model.likelihood = plain.model.likelihood_for(&run.schema, &run.encoding);
        let plain = toml::Table::try_from(plain).map_err(|e| Error::setting("configuration", e.to_string()))?;
        let params = variants::find(&variant)?.params();
        let speaks = |key: &String, value: &toml::Value| {
            plain.get(key) != Some(value) && !params.iter().any(|param| param.key == key)
        };
        Ok(layer.into_iter().filter(|(key, value)| speaks(key, value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_the_first_format_is_a_configuration() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format1/run.toml");
        let layer = TrainConfig::read_layer(&path, None).unwrap();
        assert!(!layer.contains_key("lr_epochs") && layer.contains_key("epochs"));
        // Another variant hears of it what differs from the defaults.
        let other = TrainConfig::read_layer(&path, Some("sigma-vae")).unwrap();
        assert!(!other.contains_key("variant") && !other.contains_key("prior"), "{other}");
        assert_eq!(
            TrainConfig::from_layers(&[other]).unwrap().epochs,
            TrainConfig::from_layers(&[layer]).unwrap().epochs
        );
    }
}
