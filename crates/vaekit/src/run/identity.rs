//! What ties weights to their `run.toml`: a checksum of all that decides their shape and meaning.

use crate::data::fingerprint::Canonical;
use crate::data::{ColumnCode, CountCode, Encoding, Exposure, NumberCode};
use crate::variants::ModelSettings;

use super::RunFile;

/// Settings that are younger than format 2, with the value that runs without them had: at that value they are left out,
/// so that those runs keep their identity.
const YOUNGER: &[(&str, &str)] = &[];

/// The identity of a run of format 2.
///
/// Every part is spelled out below, in this order. A new setting of a model changes the pinned value of the test below
/// until it stands in [`YOUNGER`]; a new field of [`Encoding`] does not compile until it is spelled.
pub(super) fn of(file: &RunFile) -> String {
    let mut out = Canonical::titled("vaekit run 2");
    out.text(&file.config.variant);
    out.text(file.recipe.as_deref().unwrap_or_default());
    out.number(file.config.seed);
    out.number(file.config.params.len() as u64);
    for (key, value) in &file.config.params {
        out.text(key);
        written(&mut out, value);
    }
    for (key, value) in model(&file.config.model) {
        let is_young = |(young, before): &(&str, &str)| *young == key && *before == value.to_string();
        if !YOUNGER.iter().any(is_young) {
            out.text(key);
            written(&mut out, &value);
        }
    }
    out.text(&file.data.fingerprint);
    encoding(&mut out, &file.encoding);
    out.finish()
}

/// The settings of a model in the order of their keys.
fn model(settings: &ModelSettings) -> Vec<(&'static str, toml::Value)> {
    let mut all: Vec<_> = settings.values().into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

/// A value by its kind: text, whole number, number, or a list of these.
fn written(out: &mut Canonical, value: &toml::Value) {
    match value {
        toml::Value::Integer(n) => out.number(*n as u64),
        toml::Value::Float(v) => out.float(*v),
        toml::Value::Array(list) => {
            out.number(list.len() as u64);
            list.iter().for_each(|value| written(out, value));
        }
        toml::Value::String(text) => out.text(text),
        other => out.text(&other.to_string()),
    }
}

fn encoding(out: &mut Canonical, encoding: &Encoding) {
    let Encoding { transform, shift, scale, binarize, masked, given, columns } = encoding;
    out.text(transform.name());
    out.floats(shift);
    out.floats(scale);
    out.text(binarize.name());
    out.number(u64::from(*masked));
    out.number(given.len() as u64);
    for condition in given {
        out.text(&condition.column);
        out.texts(&condition.levels);
        out.floats(&[condition.shift, condition.scale]);
    }
    // Runs that are older than columns of several kinds have none.
    for code in columns {
        let ColumnCode { number, blocks, spikes } = code;
        if let Some(NumberCode { shift, scale, log, step, ends, floor, count }) = number {
            out.floats(&[*shift, *scale, f32::from(*log), *step, *floor]);
            out.floats(ends.as_ref().map_or(&[], |ends| ends.as_slice()));
            if let Some(CountCode { distribution, base, exposure }) = count {
                out.number(*distribution as u64);
                out.floats(&[*base]);
                match exposure {
                    None => {}
                    Some(Exposure::Column { at, shift, scale }) => {
                        out.number(*at as u64);
                        out.floats(&[*shift, *scale]);
                    }
                    Some(Exposure::Total { mean, spread }) => out.floats(&[*mean, *spread]),
                }
            }
        }
        blocks.iter().for_each(|size| out.number(*size as u64));
        out.floats(spikes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Splits, Transform};
    use crate::run::{DataInfo, FORMAT_VERSION};
    use crate::settings::TrainConfig;

    fn file() -> RunFile {
        let data = Dataset::from_rows("t", &["a", "b"], vec![1.0, 2.0, 3.0, 5.0]).unwrap();
        let splits = Splits { train: vec![0, 1], valid: vec![], test: vec![] };
        RunFile {
            format: FORMAT_VERSION,
            vaekit: "0.1.0".into(),
            recipe: None,
            config: TrainConfig::default(),
            data: DataInfo::new(&data, &splits).unwrap(),
            schema: data.schema().clone(),
            encoding: Encoding::fit(Transform::Standardize, &data, &[0, 1]).unwrap(),
        }
    }

    #[test]
    fn the_identity_is_pinned_and_sees_what_decides_the_weights() {
        let plain = file();
        assert_eq!(of(&plain), "1ff7d5cd3e7fb8de0bcea6cbe806b748");
        let changed = |change: fn(&mut RunFile)| {
            let mut other = file();
            change(&mut other);
            of(&other)
        };
        assert_ne!(changed(|f| f.config.model.latent = 3), of(&plain));
        assert_ne!(changed(|f| f.config.seed = 1), of(&plain));
        assert_ne!(changed(|f| f.encoding.shift[0] += 1.0), of(&plain));
        assert_ne!(changed(|f| f.data.fingerprint = "0".into()), of(&plain));
        // How long it trains and what the folder is called decide nothing.
        assert_eq!(changed(|f| f.config.epochs = 99), of(&plain));
    }
}
