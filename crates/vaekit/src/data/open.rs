//! From what a person types to a data set.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

use super::readers::reader_of;
use super::{Dataset, builtin, public};

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
    /// The columns of a csv table; all when empty.
    pub columns: Vec<String>,
    /// The column of a csv table that holds classes.
    pub label_column: Option<String>,
    /// The columns of a csv table that a conditional model is told.
    pub condition: Vec<String>,
    /// The column of a csv table that says what rows are called.
    pub id_column: Option<String>,
    /// Words that stand for a missing value, beside the usual ones.
    pub missing: Vec<String>,
    /// A table without the columns of these roles will do.
    pub if_there: bool,
    /// The caller has no settings for columns, so that errors must not advise them.
    pub columns_are_fixed: bool,
    /// Seed of a built-in set.
    pub seed: u64,
}

/// Opens a built-in set, a public set, or a path.
///
/// `progress` hears of downloads.
///
/// # Errors
/// A name that is neither known nor a path (the nearest name is suggested),
/// and whatever the reader of the format finds.
pub fn open(data: &str, options: &OpenOptions, progress: &mut dyn FnMut(public::Progress<'_>)) -> Result<Dataset> {
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
