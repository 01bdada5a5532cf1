//! What ties weights to their `run.toml`: a checksum of all that decides their shape and meaning.

use crate::data::Encoding;
use crate::data::fingerprint::Canonical;
use crate::variants::ModelSettings;

use super::RunFile;

/// Settings that are younger than format 2, with the value that runs without them had: at that value they are left out,
/// so that those runs keep their identity.
const YOUNGER: &[(&str, &str)] = &[];

/// The identity of a run of format 2.
///
/// Every part is spelled out below, in this order. A new field of [`ModelSettings`] or [`Encoding`] does not compile
/// until it is spelled too, and then belongs into [`YOUNGER`].
pub(super) fn of(file: &RunFile) -> String {
    let mut out = Canonical::titled("vaekit run 2");
    out.text(&file.config.variant);
    out.text(file.recipe.as_deref().unwrap_or_default());
    out.number(file.config.seed);
    out.number(file.config.params.len() as u64);
    for (key, value) in &file.config.params {
        out.text(key);
        match value {
            toml::Value::Float(number) => out.float(*number),
            other => out.text(&other.to_string()),
        }
    }
    for (key, value) in model(&file.config.model) {
        if !YOUNGER.iter().any(|(young, before)| *young == key && *before == value.shown()) {
            out.text(key);
            value.write(&mut out);
        }
    }
    out.text(&file.data.fingerprint);
    encoding(&mut out, &file.encoding);
    out.finish()
}

/// A setting as the identity has it.
enum Value<'a> {
    Text(&'a str),
    Count(usize),
    Number(f64),
    Counts(&'a [usize]),
}

impl Value<'_> {
    fn write(&self, out: &mut Canonical) {
        match self {
            Self::Text(text) => out.text(text),
            Self::Count(n) => out.number(*n as u64),
            Self::Number(v) => out.float(*v),
            Self::Counts(list) => {
                out.number(list.len() as u64);
                list.iter().for_each(|n| out.number(*n as u64));
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Count(n) => n.to_string(),
            Self::Number(v) => v.to_string(),
            Self::Counts(list) => list.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

/// The settings of a model by name.
fn model(settings: &ModelSettings) -> Vec<(&'static str, Value<'_>)> {
    let ModelSettings {
        net,
        channels,
        upsample,
        init,
        hidden,
        latent,
        activation,
        likelihood,
        samples,
        beta,
        kl_schedule,
        kl_period,
        free_bits,
        posterior,
        prior,
        estimator,
        flow_steps,
        flow_hidden,
        components,
        categories,
        temperature,
        groups,
        positions,
        levels,
        commitment,
        slab,
        perceptual,
        perceptual_weight,
    } = settings;
    use Value::{Count, Counts, Number, Text};
    vec![
        ("net", Text(net)),
        ("channels", Counts(channels)),
        ("upsample", Text(upsample)),
        ("init", Text(init)),
        ("hidden", Counts(hidden)),
        ("latent", Count(*latent)),
        ("activation", Text(activation)),
        ("likelihood", Text(likelihood)),
        ("samples", Count(*samples)),
        ("beta", Number(*beta)),
        ("kl_schedule", Text(kl_schedule.name())),
        ("kl_period", Number(*kl_period)),
        ("free_bits", Number(*free_bits)),
        ("posterior", Text(posterior)),
        ("prior", Text(prior)),
        ("estimator", Text(estimator)),
        ("flow_steps", Count(*flow_steps)),
        ("flow_hidden", Count(*flow_hidden)),
        ("components", Count(*components)),
        ("categories", Count(*categories)),
        ("temperature", Number(*temperature)),
        ("groups", Count(*groups)),
        ("positions", Count(*positions)),
        ("levels", Count(*levels)),
        ("commitment", Number(*commitment)),
        ("slab", Number(*slab)),
        ("perceptual", Text(perceptual)),
        ("perceptual_weight", Number(*perceptual_weight)),
    ]
}

fn encoding(out: &mut Canonical, encoding: &Encoding) {
    let Encoding { transform, shift, scale, binarize, masked, given } = encoding;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Splits, Transform};
    use crate::run::{DataInfo, FORMAT_VERSION, TrainConfig};

    fn file() -> RunFile {
        let data = Dataset::from_rows("t", &["a", "b"], vec![1.0, 2.0, 3.0, 5.0]).unwrap();
        let splits = Splits { train: vec![0, 1], valid: vec![], test: vec![] };
        RunFile {
            format: FORMAT_VERSION,
            vaekit: "0.1.0".into(),
            recipe: None,
            config: TrainConfig::default(),
            data: DataInfo::new(&data, &splits),
            schema: data.schema().clone(),
            encoding: Encoding::fit(Transform::Standardize, &data, &[0, 1]).unwrap(),
        }
    }

    #[test]
    fn the_identity_is_pinned_and_sees_what_decides_the_weights() {
        let plain = file();
        assert_eq!(of(&plain), "52bdef93bdf7487b12c00644bf53012c");
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
