//! The formats of files and folders: a line each, and the one place that says which of them serves a path.

use std::path::Path;

use crate::{Error, Result};

use super::{Dataset, OpenOptions, idx, images, npy, npz, public, table};

/// A format.
pub struct Reader {
    /// What a message calls a file of it.
    pub name: &'static str,
    /// What it reads, and the sign by which it knows a file.
    pub reads: &'static str,
    /// Settings of reading that it looks at.
    pub settings: &'static [&'static str],
    pub(super) knows: fn(&Path) -> bool,
    pub(super) read: fn(&Path, &OpenOptions) -> Result<Dataset>,
}

/// Every reader; the first that knows a path serves.
pub const READERS: &[Reader] =
    &[public::READER, images::READER, table::CSV, table::PARQUET, table::ARROW, npy::READER, npz::READER, idx::READER];

impl Reader {
    /// Reads a file or a folder.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn read(&self, path: &Path, options: &OpenOptions) -> Result<Dataset> {
        (self.read)(path, options)
    }
}

/// The reader of a path that exists.
///
/// # Errors
/// A path that none knows.
pub fn reader_of(path: &Path) -> Result<&'static Reader> {
    if let Some(reader) = READERS.iter().find(|reader| (reader.knows)(path)) {
        return Ok(reader);
    }
    if images::is_picture(path) {
        return Err(Error::data(path.display(), "is one picture; name the folder that holds many"));
    }
    let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
    Err(Error::data(path.display(), format!("is of no known format; expected {}", names.join(", "))))
}

/// The extension of a file, in small letters; empty for a folder.
pub(super) fn extension(path: &Path) -> String {
    let extension = path.extension().filter(|_| !path.is_dir());
    extension.map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// The name of a file without its extension, for the name of a data set.
pub(super) fn stem(path: &Path, otherwise: &str) -> String {
    path.file_stem().map_or_else(|| otherwise.to_owned(), |s| s.to_string_lossy().into_owned())
}

/// The name of a folder, for the name of a data set.
pub(super) fn folder_name(path: &Path, otherwise: &str) -> String {
    path.file_name().map_or_else(|| otherwise.to_owned(), |s| s.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reader_by_its_sign() {
        let dir = tempfile::tempdir().unwrap();
        let reader = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, b"").unwrap();
            reader_of(&path).map(|r| r.name).map_err(|e| e.to_string())
        };
        assert_eq!(reader("a.CSV").unwrap(), table::CSV.name);
        assert_eq!(reader("a.npz").unwrap(), npz::READER.name);
        assert_eq!(reader("t10k-images-idx3-ubyte.gz").unwrap(), idx::READER.name);
        assert!(reader("a.png").unwrap_err().contains("one picture"));
        assert!(reader("a.docx").unwrap_err().contains("csv table"));
        assert_eq!(reader_of(dir.path()).unwrap().name, images::READER.name);
        std::fs::write(dir.path().join("train-images-idx3-ubyte"), b"").unwrap();
        assert_eq!(reader_of(dir.path()).unwrap().name, public::READER.name);
    }
}
