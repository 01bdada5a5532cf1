//! From what a person types to a data set.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

use super::readers::reader_of;
use super::{Column, Dataset, Kind, Overrides, Role, Schema, builtin, public};

/// How to read what a name or a path alone leaves open.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Where public sets are looked for first.
    pub data_dir: Option<PathBuf>,
    /// Never download.
    pub offline: bool,
    /// Resize pictures to squares of this side.
    pub size: Option<u32>,
    /// The array of an npz archive.
    pub key: Option<String>,
    /// The columns of a table to model; all when empty.
    pub columns: Vec<String>,
    /// The columns of a table that are not modelled.
    pub roles: Vec<AskedColumn>,
    /// What a person says of columns, stronger than what their cells tell.
    pub overrides: Overrides,
    /// The columns that a trained model knows: the table must have them.
    pub schema: Option<Schema>,
    /// What becomes of cells that the model cannot have.
    pub unknown: Unknown,
    /// Whether the first row of delimited text names the columns; found out unless said.
    pub header: Option<bool>,
    /// The mark before decimals in delimited text; found out unless said.
    pub decimal: Option<char>,
    /// What stands between the cells of delimited text; found out unless said.
    pub separator: Option<u8>,
    /// Words that stand for a missing value, beside the usual ones.
    pub missing: Vec<String>,
    /// The columns are plain numbers, such as codes, and the caller has no settings for them.
    pub columns_are_fixed: bool,
    /// Seed of a built-in set.
    pub seed: u64,
}

/// The byte of a separator by its name; a comma unless it is another.
pub fn separator(name: &str) -> u8 {
    match name {
        "semicolon" => b';',
        "tab" => b'\t',
        "bar" => b'|',
        _ => b',',
    }
}

/// What becomes of a cell that a trained model cannot have: a new level, or a word among numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// It is an error.
    #[default]
    Error,
    /// It is taken for missing.
    Missing,
}

/// A column of a table that is not modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedColumn {
    /// The name in the header.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What its cells are; without, a condition is of numbers where all its cells are, else of words.
    pub kind: Option<Kind>,
    /// A table without it will do.
    pub if_there: bool,
}

impl AskedColumn {
    /// The columns that settings name: of classes, conditions and names of rows.
    pub fn by_settings(label: Option<&String>, condition: &[String], id: Option<&String>) -> Vec<Self> {
        let asked = |role| move |name: &String| Self { name: name.clone(), role, kind: None, if_there: false };
        let all = label.into_iter().map(asked(Role::Label)).chain(condition.iter().map(asked(Role::Condition)));
        all.chain(id.into_iter().map(asked(Role::Identifier))).collect()
    }

    /// The columns of other rows for a model of this schema, as far as these rows have them.
    pub fn by_schema(schema: &Schema) -> Vec<Self> {
        let asked = |c: &Column| Self { name: c.name.clone(), role: c.role, kind: Some(c.kind), if_there: true };
        schema.beside().map(asked).collect()
    }
}

/// Opens a built-in set, a public set, or a path.
///
/// `progress` hears of downloads.
///
/// # Errors
/// A name that is neither known nor a path (the nearest name is suggested),
/// and whatever the reader of the format finds.
pub fn open(data: &str, options: &OpenOptions, progress: &mut dyn FnMut(public::Progress<'_>)) -> Result<Dataset> {
    read(data, options, progress).map(Dataset::opened)
}

fn read(data: &str, options: &OpenOptions, progress: &mut dyn FnMut(public::Progress<'_>)) -> Result<Dataset> {
    if let Some(set) = builtin::BUILTIN.iter().find(|s| s.name == data) {
        return (set.make)(set, options.seed);
    }
    if let Some(set) = public::PUBLIC.iter().find(|s| s.name == data) {
        return set.load(options, progress);
    }
    let path = Path::new(data);
    if !path.exists() {
        let names = builtin::BUILTIN.iter().map(|s| s.name).chain(public::PUBLIC.iter().map(|s| s.name));
        let nearest = crate::nearest(data, names).map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
        return Err(Error::data(data, format!("is neither a known data set nor a path that exists{nearest}")));
    }
    reader_of(path)?.read(path, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_gets_the_nearest_one() {
        let error = open("dgits", &OpenOptions::default(), &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains("'digits'"), "{error}");
    }
}
