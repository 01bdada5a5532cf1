//! `run.toml` in format 1. Runs of format 1 stay readable and resumable, and are written back in format 1.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{Column, Condition, Encoding, Kind, Role, Schema, Transform, download::md5_hex};
use crate::settings::TrainConfig;
use crate::{Error, Result, variants};

use super::{DataInfo, RunFile};

/// The number of this format.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct File {
    format: u32,
    vaekit: String,
    config: TrainConfig,
    data: Data,
    transform: FittedTransform,
}

#[derive(Serialize, Deserialize)]
struct Data {
    name: String,
    fingerprint: String,
    rows: usize,
    train_rows: usize,
    valid_rows: usize,
    test_rows: usize,
    classes: Vec<String>,
    spec: Spec,
}

/// One shape and one kind for all values.
#[derive(Serialize, Deserialize)]
struct Spec {
    shape: Shape,
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", deny_unknown_fields)]
enum Shape {
    Image { channels: usize, height: usize, width: usize },
    Table { columns: Vec<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FittedTransform {
    transform: Transform,
    shift: Vec<f32>,
    scale: Vec<f32>,
}

impl File {
    /// What the file says, in today's terms.
    ///
    /// # Errors
    /// A kind of value that format 1 does not have, or a variant that is not known.
    pub fn open(self, path: &Path) -> Result<RunFile> {
        let Data { name, fingerprint, rows, train_rows, valid_rows, test_rows, classes, spec } = self.data;
        if !matches!(spec.kind, Kind::Binary | Kind::Byte | Kind::Real) {
            return Err(Error::run(path, format!("has values of kind {}, unknown in format 1", spec.kind.name())));
        }
        let mut schema = match spec.shape {
            Shape::Image { channels, height, width } => Schema::images([channels, height, width], spec.kind),
            Shape::Table { columns } => Schema::table(columns, spec.kind),
        };
        let mut given = Vec::new();
        if !classes.is_empty() {
            let column = self.config.label_column.clone().unwrap_or_else(|| "class".into());
            let variant = variants::find(&self.config.variant).map_err(|e| Error::run(path, e.to_string()))?;
            if variant.is_conditional() {
                given.push(Condition { column: column.clone(), levels: classes.clone(), shift: 0.0, scale: 1.0 });
            }
            schema.columns.push(Column::category(column, Role::Label, classes));
        }
        let FittedTransform { transform, shift, scale } = self.transform;
        let binarize = self.config.binarize;
        Ok(RunFile {
            format: FORMAT,
            vaekit: self.vaekit,
            recipe: None,
            config: self.config,
            data: DataInfo { values: fingerprint.clone(), name, fingerprint, rows, train_rows, valid_rows, test_rows },
            schema,
            encoding: Encoding { transform, shift, scale, binarize, masked: false, given, columns: Vec::new() },
        })
    }

    /// The file of a run that was opened from this format.
    pub fn of(run: &RunFile) -> Self {
        let shape = match run.schema.image_shape() {
            Some([channels, height, width]) => Shape::Image { channels, height, width },
            None => Shape::Table { columns: run.schema.modelled_names() },
        };
        let DataInfo { name, fingerprint, values: _, rows, train_rows, valid_rows, test_rows } = run.data.clone();
        Self {
            format: FORMAT,
            vaekit: run.vaekit.clone(),
            config: run.config.clone(),
            data: Data {
                name,
                fingerprint,
                rows,
                train_rows,
                valid_rows,
                test_rows,
                classes: run.schema.classes().to_vec(),
                spec: Spec { shape, kind: run.schema.value_kind() },
            },
            transform: FittedTransform {
                transform: run.encoding.transform,
                shift: run.encoding.shift.clone(),
                scale: run.encoding.scale.clone(),
            },
        }
    }
}

/// The identity of a run of format 1: the MD5 of a JSON array of variant, its settings, the model's settings, seed,
/// fingerprint and transform. Settings that are younger than the format were left out at the value of older runs.
pub(super) fn identity(run: &RunFile) -> String {
    let (c, m) = (&run.config, &run.config.model);
    let params: Vec<String> = c.params.iter().map(|(key, value)| format!("{}:{}", json(key), json(value))).collect();
    let mut model: Vec<(&str, String)> = vec![
        ("hidden", json(&m.hidden)),
        ("latent", json(&m.latent)),
        ("activation", json(&m.activation)),
        ("likelihood", json(&m.likelihood)),
        ("samples", json(&m.samples)),
        ("beta", json(&m.beta)),
        ("kl_schedule", json(&m.kl_schedule.name())),
        ("kl_period", json(&m.kl_period)),
        ("free_bits", json(&m.free_bits)),
    ];
    let mut younger = |before: bool, all: Vec<(&'static str, String, &str)>| {
        if all.iter().any(|(_, value, left_out)| value != left_out) {
            let given = all.into_iter().map(|(key, value, _)| (key, value));
            let at = if before { 0 } else { model.len() };
            model.splice(at..at, given);
        }
    };
    younger(true, vec![("init", json(&m.init), "\"torch\"")]);
    younger(
        true,
        vec![
            ("net", json(&m.net), "\"mlp\""),
            ("channels", json(&m.channels), "[]"),
            ("upsample", json(&m.upsample), "\"transposed\""),
        ],
    );
    younger(
        false,
        vec![
            ("posterior", json(&m.posterior), "\"diagonal-gaussian\""),
            ("prior", json(&m.prior), "\"auto\""),
            ("estimator", json(&m.estimator), "\"reparameterized\""),
            ("flow_steps", json(&m.flow_steps), "4"),
            ("flow_hidden", json(&m.flow_hidden), "128"),
            ("components", json(&m.components), "64"),
            ("categories", json(&m.categories), "10"),
            ("temperature", json(&m.temperature), "0.5"),
        ],
    );
    younger(
        false,
        vec![
            ("groups", json(&m.groups), "2"),
            ("positions", json(&m.positions), "1"),
            ("levels", json(&m.levels), "1"),
            ("commitment", json(&m.commitment), "0.25"),
            ("slab", json(&m.slab), "0.2"),
        ],
    );
    younger(
        false,
        vec![
            ("perceptual", json(&m.perceptual), "\"none\""),
            ("perceptual_weight", json(&m.perceptual_weight), "100.0"),
        ],
    );
    let model: Vec<String> = model.into_iter().map(|(key, value)| format!("{}:{value}", json(&key))).collect();
    let encoding = &run.encoding;
    let transform = format!(
        r#"{{"transform":{},"shift":{},"scale":{}}}"#,
        json(&encoding.transform.name()),
        json(&encoding.shift),
        json(&encoding.scale)
    );
    let text = format!(
        "[{},{{{}}},{{{}}},{},{},{transform}]",
        json(&c.variant),
        params.join(","),
        model.join(","),
        c.seed,
        json(&run.data.fingerprint)
    );
    md5_hex(text.as_bytes())
}

/// A number, a text or a list of them as JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
