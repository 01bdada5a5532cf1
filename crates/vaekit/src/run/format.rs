//! `run.toml`: what was trained on what.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{DataSpec, Dataset, FittedTransform, MAX_WIDTH, Splits, download::md5_hex};
use crate::{Error, Result};

use super::{RUN, TrainConfig, write_atomically};

/// The version of the run folder's format that this library writes.
pub const FORMAT_VERSION: u32 = 1;

/// A larger `run.toml` is not read.
const MAX_BYTES: u64 = 16 << 20;

/// The content of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    pub format: u32,
    /// The version of vaekit that wrote it.
    pub vaekit: String,
    pub config: TrainConfig,
    pub data: DataInfo,
    pub transform: FittedTransform,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    pub name: String,
    /// Checksum of shape and values.
    pub fingerprint: String,
    pub rows: usize,
    pub train_rows: usize,
    pub valid_rows: usize,
    pub test_rows: usize,
    /// Names of the classes; empty without labels.
    pub classes: Vec<String>,
    pub spec: DataSpec,
}

impl DataInfo {
    /// Describes a data set and its parts.
    pub fn new(data: &Dataset, splits: &Splits) -> Self {
        Self {
            name: data.name.clone(),
            fingerprint: data.fingerprint(),
            rows: data.len(),
            train_rows: splits.train.len(),
            valid_rows: splits.valid.len(),
            test_rows: splits.test.len(),
            classes: data.labels.as_ref().map(|l| l.names.clone()).unwrap_or_default(),
            spec: data.spec.clone(),
        }
    }

    /// Refuses data that is not the described one.
    ///
    /// # Errors
    /// Another fingerprint.
    pub fn check_same(&self, data: &Dataset) -> Result<()> {
        if data.fingerprint() == self.fingerprint {
            return Ok(());
        }
        Err(Error::data(
            &data.name,
            format!(
                "{} rows of {}, but the run was trained on other data ({} rows of {}, '{}'); name that data",
                data.len(),
                data.spec,
                self.rows,
                self.spec,
                self.name
            ),
        ))
    }
}

impl RunFile {
    /// Reads and checks the `run.toml` of a folder.
    ///
    /// # Errors
    /// No run there, a newer format, or content that does not hold together.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(RUN);
        let size = std::fs::metadata(&path).map_err(|e| {
            Error::run(dir, format!("is no run folder: {RUN} cannot be read ({e}); name a folder that train made"))
        })?;
        if size.len() > MAX_BYTES {
            return Err(Error::run(&path, format!("is {} bytes long, expected at most {MAX_BYTES}", size.len())));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Error::run(&path, format!("cannot be read: {e}")))?;
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| Error::run(&path, format!("is no TOML: {}", e.message())))?;
        match table.get("format").and_then(toml::Value::as_integer) {
            Some(version) if version == i64::from(FORMAT_VERSION) => {}
            Some(version) if version > i64::from(FORMAT_VERSION) => {
                return Err(Error::run(
                    &path,
                    format!("has format {version}, this vaekit knows up to {FORMAT_VERSION}; use a newer vaekit"),
                ));
            }
            _ => return Err(Error::run(&path, format!("names no known format; expected format = {FORMAT_VERSION}"))),
        }
        let file = Self::deserialize(toml::Value::Table(table))
            .map_err(|e| Error::run(&path, e.to_string().lines().next().unwrap_or_default().to_owned()))?;
        file.check(&path)?;
        Ok(file)
    }

    /// What a reader must not take on trust.
    fn check(&self, path: &Path) -> Result<()> {
        self.config.check().map_err(|e| Error::run(path, e.to_string()))?;
        let width = self.data.spec.checked_width();
        if width.is_none_or(|w| w == 0 || w > MAX_WIDTH) {
            return Err(Error::run(path, "describes rows of an impossible size"));
        }
        if !self.transform.fits(&self.data.spec) {
            return Err(Error::run(path, "its transform does not fit its data"));
        }
        Ok(())
    }

    /// Writes `run.toml`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::run(&dir.join(RUN), e.to_string()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::data(
                &self.data.name,
                format!("has {} classes, too many to record; is that column one of classes?", self.data.classes.len()),
            ));
        }
        write_atomically(&dir.join(RUN), |out| out.write_all(text.as_bytes()))
    }

    /// Ties weights to this file: a checksum of all that decides their shape and meaning.
    ///
    /// Settings that are younger than the format are left out at the value that
    /// older runs had, so that those keep their identity.
    pub fn identity(&self) -> String {
        const YOUNGER: [&str; 5] = [
            r#","groups":2,"positions":1,"levels":1,"commitment":0.25,"slab":0.2"#,
            r#""init":"torch","#,
            r#","perceptual":"none","perceptual_weight":100.0"#,
            r#""net":"mlp","channels":[],"upsample":"transposed","#,
            concat!(
                r#","posterior":"diagonal-gaussian","prior":"auto","estimator":"reparameterized","flow_steps":4,"#,
                r#""flow_hidden":128,"components":64,"categories":10,"temperature":0.5"#
            ),
        ];
        let c = &self.config;
        let parts = (&c.variant, &c.params, &c.model, c.seed, &self.data.fingerprint, &self.transform);
        let text = serde_json::to_string(&parts).unwrap_or_default();
        md5_hex(YOUNGER.iter().fold(text, |text, young| text.replacen(young, "", 1)).as_bytes())
    }
}
