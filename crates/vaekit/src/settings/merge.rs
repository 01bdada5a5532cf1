//! Layers of settings. Strength, weakest first: defaults, the variant's defaults, the
//! configuration file, flags.

use serde::Deserialize;

use crate::data::Dataset;
use crate::declare::parse_value;
use crate::variants;
use crate::{Error, Result};

use super::{TrainConfig, in_plain_words, setting, settings};

/// Steps that a small model of a table takes.
const STEPS: u64 = 8_000;
/// The share of a table's epochs over which the weight of its KL grows.
const WARM_UP: f64 = 0.3;
/// From so many levels of all categories together, small networks blur which words go together.
const MANY_LEVELS: usize = 20;

impl TrainConfig {
    /// Puts layers over the defaults, the later the stronger; the variant's
    /// defaults come before all of them.
    ///
    /// # Errors
    /// An unknown key (the nearest known one is suggested) or a value of the wrong type.
    pub fn from_layers(layers: &[toml::Table]) -> Result<Self> {
        let mut given = toml::Table::new();
        layers.iter().for_each(|layer| given.extend(layer.clone()));
        let name = match given.get("variant") {
            Some(toml::Value::String(name)) => name.clone(),
            Some(other) => return Err(Error::setting("variant", format!("found {other}, expected a name"))),
            None => Self::default().variant,
        };
        let variant = variants::find(&name)?;
        let mut table = Self::default_table()?;
        for (key, text) in variant.defaults() {
            table.insert((*key).to_owned(), parse_value(text));
        }
        for (key, value) in given {
            let known = settings().map(|s| s.key).chain(variant.params().iter().map(|p| p.key));
            if !known.clone().any(|k| k == key) {
                let nearest = crate::nearest(&key, known);
                let of = |v: &&&dyn variants::Variant| v.params().iter().any(|p| p.key == key);
                let others: Vec<&str> = variants::VARIANTS.iter().filter(of).map(|v| v.name()).collect();
                let hint = match (nearest, others.is_empty()) {
                    (_, false) => format!(", only of {}; leave it out", others.join(", ")),
                    (Some(n), _) => format!("; did you mean '{n}'?"),
                    (None, _) => "; `vaekit train --help` lists them".to_owned(),
                };
                return Err(Error::setting(&key, format!("is no setting of '{name}'{hint}")));
            }
            // Where a variant has a choice of its own, `auto` is that.
            if value.as_str() == Some("auto") && variant.defaults().iter().any(|(own, _)| *own == key) {
                continue;
            }
            let before = table.insert(key.clone(), value.clone());
            if let Err(e) = Self::deserialize(toml::Value::Table(table.clone())) {
                let now = before.map(|v| match v.as_array().is_some_and(Vec::is_empty) {
                    true => " (several have commas between them)".to_owned(),
                    false => format!(" (like {v})"),
                });
                let now = now.unwrap_or_default();
                return Err(Error::setting(&key, format!("{}{now}", in_plain_words(&e.to_string()))));
            }
        }
        let mut config =
            Self::deserialize(toml::Value::Table(table)).map_err(|e| Error::setting("configuration", e.to_string()))?;
        // `5` and `5.0` are one number; what is neither is told of by the check of ranges.
        for param in variant.params() {
            if let Some(value) = config.params.get_mut(param.key) {
                *value = param.kind.value(Some(value)).unwrap_or_else(|_| value.clone());
            }
        }
        Ok(config)
    }

    /// Defaults for a table of columns of several kinds, as a layer beneath what is `given`: small networks, wider ones for many
    /// levels; a mixture of Gaussians for p(z); a warm-up of the KL; as many epochs as so many rows need.
    ///
    /// Where more than a twentieth of the cells are missing, the model is made to fill them: it is wider, hides cells from its
    /// encoder, and has a beta of 0.2, so that codes say enough of the cells that are known. A setting that the variant has a
    /// default of its own for is left out.
    pub fn for_table(data: &Dataset, given: &toml::Table) -> toml::Table {
        let mut layer = toml::Table::new();
        // A batch sees each row so seldom that few rows need many passes.
        let rows = data.len().max(1) as u64;
        let batch = if rows < 2_000 { 32 } else { 128 };
        let fills = data.missing() * 20 > data.len() * data.width();
        let levels: usize = data.schema().modelled().map(|column| column.levels.len()).sum();
        let (hidden, latent, steps) = match (fills, levels >= MANY_LEVELS) {
            (true, _) => ("256,256", "16", 3 * STEPS),
            (false, true) => ("256,256", "16", 2 * STEPS),
            (false, false) => ("128,128", "8", STEPS),
        };
        // Ten passes at least, but not where they would be many steps: millions of rows are seen once.
        let least = (5 * steps * batch / rows).clamp(1, 10);
        let epochs = (steps * batch / rows).clamp(least, 500);
        let sizes = [("batch", batch.to_string()), ("epochs", epochs.to_string())];
        let sizes = sizes.iter().map(|(key, text)| (*key, text.as_str()));
        let usual = [("hidden", hidden), ("latent", latent), ("lr_schedule", "cosine")];
        let filling = if fills { &[("hide", "0.5"), ("beta", "0.2")][..] } else { &[] };
        sizes.chain(usual).chain(filling.iter().copied()).for_each(|(key, text)| Self::set(&mut layer, key, text));
        let name = given.get("variant").and_then(toml::Value::as_str).unwrap_or("vae");
        let own = variants::find(name).map_or(&[][..], |variant| variant.defaults());
        own.iter().for_each(|(key, _)| drop(layer.remove(*key)));
        // Other variants weigh their KL in ways of their own, or have none.
        let plain = name == Self::default().variant;
        if !plain {
            layer.remove("beta");
        }
        // Codes of a table lie in clumps, where a standard normal prior would draw rows between them.
        // Without a warm-up most of z stays idle: at first a column says too little to pay for a code of its own. A small beta
        // does the same where gaps are filled.
        if plain && !fills {
            let epochs = given.get("epochs").and_then(toml::Value::as_integer).map_or(epochs as f64, |n| n as f64);
            Self::set(&mut layer, "kl_schedule", "linear");
            Self::set(&mut layer, "kl_period", &(WARM_UP * epochs).max(1.0).to_string());
        }
        if given.contains_key("kl_schedule") {
            layer.remove("kl_period");
        }
        if plain && !given.contains_key("posterior") && !given.contains_key("prior") {
            Self::set(&mut layer, "prior", "mixture");
        }
        // A schedule of the rate that is given reads other settings.
        if given.contains_key("lr_schedule") || given.contains_key("lr_factor") || given.contains_key("lr_patience") {
            layer.remove("lr_schedule");
        }
        layer
    }

    /// Adds `key = text` to a layer; what a flag or `--set` does.
    pub fn set(layer: &mut toml::Table, key: &str, text: &str) {
        let value = setting(key).map_or_else(|| parse_value(text), |setting| setting.takes.parse(text));
        layer.insert(key.to_owned(), value);
    }

    fn default_table() -> Result<toml::Table> {
        toml::Table::try_from(Self::default()).map_err(|e| Error::setting("configuration", e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Transform;

    fn layer(pairs: &[(&str, &str)]) -> toml::Table {
        let mut layer = toml::Table::new();
        pairs.iter().for_each(|(k, v)| TrainConfig::set(&mut layer, k, v));
        layer
    }

    #[test]
    fn later_layers_win_and_the_variant_speaks_first() {
        let config =
            TrainConfig::from_layers(&[layer(&[("variant", "beta-vae"), ("epochs", "3")]), layer(&[("epochs", "5")])])
                .unwrap();
        assert_eq!((config.epochs, config.model.beta), (5, 4.0));
        let config = TrainConfig::from_layers(&[layer(&[("variant", "beta-vae"), ("beta", "2")])]).unwrap();
        assert_eq!(config.model.beta, 2.0);
    }

    #[test]
    fn lists_numbers_and_names_are_read_from_text() {
        let config = TrainConfig::from_layers(&[layer(&[
            ("hidden", "512,256"),
            ("lr", "1"),
            ("normalize", "-1..1"),
            ("columns", "a,b"),
            ("data", "123"),
        ])])
        .unwrap();
        assert_eq!(config.model.hidden, [512, 256]);
        assert_eq!((config.lr, config.normalize), (1.0, Some(Transform::Symmetric)));
        assert_eq!((config.columns, config.data.as_str()), (vec!["a".into(), "b".into()], "123"));
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named() {
        for (key, value, words) in [
            ("latnet", "2", "'latent'"),
            ("lr", "fast", "fast"),
            ("optimizer", "adamm", "adamm"),
            ("hidden", "a", "a"),
            ("noise", "gaussian", "no setting of 'vae'"),
        ] {
            let error = TrainConfig::from_layers(&[layer(&[(key, value)])]).unwrap_err().to_string();
            assert!(error.starts_with(key) && error.contains(words), "{error}");
        }
    }

    #[test]
    fn auto_is_what_the_variant_starts_at() {
        let model =
            |variant, key| TrainConfig::from_layers(&[layer(&[("variant", variant), (key, "auto")])]).unwrap().model;
        assert_eq!(model("vamp-vae", "prior").prior, "vamp");
        assert_eq!(model("sigma-vae", "likelihood").likelihood, "gaussian-shared");
        assert_eq!(model("vae", "prior").prior, "auto");
    }

    #[test]
    fn a_configuration_survives_its_file() {
        let config =
            TrainConfig::from_layers(&[layer(&[("variant", "dae"), ("noise", "masking"), ("lr", "3e-4")])]).unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config);
    }
}
