//! `run.toml`: what was trained on what.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Encoding, MAX_WIDTH, Schema, Splits, fingerprint};
use crate::settings::TrainConfig;
use crate::{Error, Result};

use super::{RUN, format1, identity, must_be_file, write_atomically};

/// The version of the run folder's format that this library writes.
pub const FORMAT_VERSION: u32 = 2;

/// A larger `run.toml` is not read.
const MAX_BYTES: u64 = 16 << 20;

/// The content of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// A run that was made in an earlier format stays in it.
    pub format: u32,
    /// The version of vaekit that wrote it.
    pub vaekit: String,
    /// The name of a recipe that is no variant of the list; see [`Trainer::with_recipe`](crate::Trainer::with_recipe).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// The settings in effect.
    pub config: TrainConfig,
    /// The data that it was trained on.
    pub data: DataInfo,
    /// What a row is.
    pub schema: Schema,
    /// How rows become numbers.
    pub encoding: Encoding,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    /// The name of the data set.
    pub name: String,
    /// Checksum of all that the model may look at.
    pub fingerprint: String,
    /// Checksum of the modelled values alone, without classes and conditions.
    pub values: String,
    /// Rows in all.
    pub rows: usize,
    /// Rows of the training part.
    pub train_rows: usize,
    /// Rows of the validation part.
    pub valid_rows: usize,
    /// Rows of the test part.
    pub test_rows: usize,
}

impl DataInfo {
    /// Describes a data set and its parts.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn new(data: &Dataset, splits: &Splits) -> Result<Self> {
        let values = fingerprint::of_values(data)?;
        Ok(Self {
            name: data.name.clone(),
            fingerprint: fingerprint::with_beside(&values, data, data.schema())?.unwrap_or_default(),
            values,
            rows: data.len(),
            train_rows: splits.train.len(),
            valid_rows: splits.valid.len(),
            test_rows: splits.test.len(),
        })
    }
}

/// Settings of training that are younger than format 2, with the value that runs without them had.
const BEFORE: &[(&str, f64)] = &[("likelihood_lr", 0.0)];

/// A file with the settings that came after it, at what they were then.
fn completed(mut table: toml::Table) -> toml::Table {
    if let Some(config) = table.get_mut("config").and_then(toml::Value::as_table_mut) {
        for (key, before) in BEFORE {
            config.entry(*key).or_insert(toml::Value::Float(*before));
        }
    }
    table
}

impl RunFile {
    /// Reads and checks the `run.toml` of a folder.
    ///
    /// # Errors
    /// No run there, a newer format, or content that does not hold together.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(RUN);
        must_be_file(&path)?;
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
            Some(version) if version > i64::from(FORMAT_VERSION) => {
                return Err(Error::run(
                    &path,
                    format!("has format {version}, this vaekit knows up to {FORMAT_VERSION}; use a newer vaekit"),
                ));
            }
            Some(1..) => {}
            _ => return Err(Error::run(&path, format!("names no known format; expected format = {FORMAT_VERSION}"))),
        }
        let file = Self::from_table(table, &path)?;
        file.check(&path)?;
        Ok(file)
    }

    /// The file that a table of any known format holds, unchecked.
    ///
    /// # Errors
    /// A key that is missing or of another type.
    pub(crate) fn from_table(table: toml::Table, path: &Path) -> Result<Self> {
        let first = |e: toml::de::Error| Error::run(path, e.to_string().lines().next().unwrap_or_default().to_owned());
        match table.get("format").and_then(toml::Value::as_integer) {
            Some(1) => format1::File::deserialize(toml::Value::Table(completed(table))).map_err(first)?.open(path),
            _ => Self::deserialize(toml::Value::Table(completed(table))).map_err(first),
        }
    }

    /// True for the data that the run was trained on.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn is_of(&self, data: &Dataset) -> Result<bool> {
        Ok(match self.format {
            format1::FORMAT => fingerprint::of_format_1(data)? == self.data.fingerprint,
            _ => {
                let found = fingerprint::with_beside(&fingerprint::of_values(data)?, data, &self.schema)?;
                found.is_some_and(|found| found == self.data.fingerprint)
            }
        })
    }

    /// True for data with the rows that the run was trained on, whatever stands beside them.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn has_rows_of(&self, data: &Dataset) -> Result<bool> {
        // Counted first: a checksum of many rows takes its time.
        Ok(data.len() == self.data.rows
            && match self.format {
                format1::FORMAT => fingerprint::of_format_1(data)? == self.data.fingerprint,
                _ => data.fingerprint_of_values()? == self.data.values,
            })
    }

    /// Refuses data that is not what the run was trained on.
    ///
    /// # Errors
    /// Other rows, other columns, or other classes.
    pub fn check_same(&self, data: &Dataset) -> Result<()> {
        if self.is_of(data)? {
            return Ok(());
        }
        let (ours, theirs) = (&self.data, data.schema());
        let mut problem = format!(
            "{} rows of {theirs}, but the run was trained on other data ({} rows of {}, '{}'); name that data",
            data.len(),
            ours.rows,
            self.schema,
            ours.name
        );
        if data.len() == ours.rows && theirs.to_string() == self.schema.to_string() {
            problem =
                "has other values, classes or column names than what the run was trained on; that is other data".into();
        }
        Err(Error::data(&data.name, problem))
    }

    /// What a reader must not take on trust.
    fn check(&self, path: &Path) -> Result<()> {
        self.config.check().map_err(|e| Error::run(path, e.to_string()))?;
        let width = self.schema.checked_width();
        if width.is_none_or(|w| w == 0 || w > MAX_WIDTH) {
            return Err(Error::run(path, "describes rows of an impossible size"));
        }
        if !self.schema.is_sound() {
            return Err(Error::run(path, "describes columns that cannot be"));
        }
        if !self.encoding.fits(&self.schema) {
            return Err(Error::run(path, "its encoding does not fit its data"));
        }
        Ok(())
    }

    /// Writes `run.toml`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = self.text()?;
        write_atomically(&dir.join(RUN), |out| out.write_all(text.as_bytes()))
    }

    /// The content of `run.toml`.
    ///
    /// # Errors
    /// More columns or classes than it may hold.
    pub(crate) fn text(&self) -> Result<String> {
        let text = match self.format {
            format1::FORMAT => toml::to_string(&format1::File::of(self)),
            _ => toml::to_string(self),
        };
        let text = text.map_err(|e| Error::run(Path::new(RUN), e.to_string()))?;
        if text.len() as u64 > MAX_BYTES {
            let (columns, classes) = (self.schema.columns.len(), self.schema.classes().len());
            let problem = format!(
                "has {columns} columns and {classes} classes, whose names are too many to record; choose columns with \
                 --columns, or check --label-column"
            );
            return Err(Error::data(&self.data.name, problem));
        }
        Ok(text)
    }

    /// Ties weights to this file: a checksum of all that decides their shape and meaning.
    pub fn identity(&self) -> String {
        match self.format {
            format1::FORMAT => format1::identity(self),
            _ => identity::of(self),
        }
    }
}
