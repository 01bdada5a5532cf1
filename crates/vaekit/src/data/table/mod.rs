//! Tables in files: from their cells to typed columns.
//!
//! A pass over the whole file tells what each column is ([`infer`]); `--schema` and `--role` are stronger ([`Overrides`]).
//! A second pass makes numbers of the cells ([`assemble`]). The columns of a file that is read for a trained model are the
//! model's.

mod arrow_files;
mod assemble;
mod beside;
pub(crate) mod dates;
mod day_range;
mod delimited;
mod infer;
mod ipc_sizes;
mod layout;
mod modelled;
mod overrides;
mod parquet_sizes;
mod profile;
mod records;
mod source;
mod text;

use std::cell::Cell as Counter;
use std::path::Path;

use crate::Result;

use super::readers::{Reader, extension, stem};
use super::{Dataset, OpenOptions, memory};
use arrow_files::ArrowFile;
use delimited::Delimited;
use layout::Layout;
pub use overrides::{AskedRole, Override, Overrides};
pub(crate) use source::{Cell, Source};

/// Settings of reading that every table looks at.
const SETTINGS: &[&str] = &["columns", "label_column", "condition", "id_column", "missing", "schema", "role"];

/// `.csv` and its relatives
pub(super) const CSV: Reader = Reader {
    name: "a csv table",
    reads: "a table in text, its separator and encoding found out; .csv, .tsv, .txt, also .gz",
    settings: &[
        "columns",
        "label_column",
        "condition",
        "id_column",
        "missing",
        "schema",
        "role",
        "header",
        "decimal",
        "separator",
    ],
    knows: |path| is_delimited(path),
    read: |path, options| read(path, &Delimited::open(path, options)?, options),
};

/// `.parquet`
pub(super) const PARQUET: Reader = Reader {
    name: "a Parquet table",
    reads: "a table of typed columns; .parquet",
    settings: SETTINGS,
    knows: |path| matches!(extension(path).as_str(), "parquet" | "pq"),
    read: |path, options| read(path, &ArrowFile::parquet(path, options)?, options),
};

/// `.arrow`, `.feather`
pub(super) const ARROW: Reader = Reader {
    name: "an Arrow table",
    reads: "a table of typed columns, as a file or a stream of Arrow IPC; .arrow, .feather, .ipc",
    settings: SETTINGS,
    knows: |path| matches!(extension(path).as_str(), "arrow" | "feather" | "ipc" | "arrows"),
    read: |path, options| read(path, &ArrowFile::ipc(path, options)?, options),
};

fn is_delimited(path: &Path) -> bool {
    // The file is read more than once, which a pipe or a device does not allow.
    if !path.is_file() {
        return false;
    }
    let known = |extension: &str| matches!(extension, "csv" | "tsv" | "txt" | "tab");
    match extension(path).as_str() {
        "gz" => path.file_stem().is_some_and(|stem| known(&extension(Path::new(stem)))),
        other => known(other),
    }
}

/// The cells of a table, opened by the format of its file; none for other files.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn source(path: &Path, options: &OpenOptions) -> Result<Option<Box<dyn Source>>> {
    let (csv, parquet, arrow) = ((CSV.knows)(path), (PARQUET.knows)(path), (ARROW.knows)(path));
    Ok(match (csv, parquet, arrow) {
        (true, ..) => Some(Box::new(Delimited::open(path, options)?)),
        (_, true, _) => Some(Box::new(ArrowFile::parquet(path, options)?)),
        (.., true) => Some(Box::new(ArrowFile::ipc(path, options)?)),
        _ => None,
    })
}

/// The names of the columns of a file of delimited text, where it has a header.
pub(crate) fn header(path: &Path) -> Option<Vec<String>> {
    let file = is_delimited(path).then(|| Delimited::open(path, &OpenOptions::default()).ok())??;
    file.header().map(<[String]>::to_vec)
}

/// A table under the columns that it has, that a person says it has, or that a model knows.
fn read(path: &Path, source: &dyn Source, options: &OpenOptions) -> Result<Dataset> {
    let mut found = Layout::of(source, options)?;
    let mut data = assemble::assemble(&stem(path, "table"), source, &mut found, options)?;
    let mut notes = source.notes();
    notes.append(&mut found.notes);
    notes.into_iter().for_each(|line| data.note(line));
    data.describe(found.findings);
    Ok(data)
}

/// What is known of a column of the file, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The column as it will be used.
    pub column: super::Column,
    /// Cells that are missing; none where they were not counted.
    pub missing: Option<u64>,
    /// Why it is what it is.
    pub why: String,
}

/// The words that occur, in alphabetical order, or by value where all are numbers.
pub(super) fn in_order(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    let number = |word: &String| word.parse::<f64>().ok().filter(|v| v.is_finite());
    if words.iter().all(|word| number(word).is_some()) {
        words.sort_by(|a, b| number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default()));
    }
    words
}

/// Words that stand for a missing value, beside the usual ones.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    words: Vec<String>,
    /// Which of them were met, a bit each.
    seen: Counter<u64>,
}

impl Gaps {
    pub fn new(words: &[String]) -> Self {
        Self { words: words.to_vec(), seen: Counter::new(0) }
    }

    /// True for a word that says that nothing is known.
    pub fn has(&self, cell: &str) -> bool {
        let usual = ["", "na", "n/a", "nan", "null", "none", "?"];
        if cell.len() <= 4 && usual.iter().any(|gap| cell.eq_ignore_ascii_case(gap)) {
            return true;
        }
        let own = self.words.iter().position(|gap| Self::same(gap, cell));
        if let Some(at) = own {
            self.seen.set(self.seen.get() | 1 << (at & 63));
        }
        own.is_some()
    }

    /// True for a number of a typed file that one of the words is.
    pub fn has_number(&self, value: f64) -> bool {
        let own = self.words.iter().position(|gap| gap.parse::<f64>().is_ok_and(|gap| gap == value));
        if let Some(at) = own {
            self.seen.set(self.seen.get() | 1 << (at & 63));
        }
        own.is_some()
    }

    /// A line for each word that was in no cell.
    pub fn unseen(&self) -> impl Iterator<Item = String> {
        let unseen = |(i, _): &(usize, &String)| self.seen.get() & 1 << (i & 63) == 0;
        let line = |word: &String| format!("the word '{word}' for a missing value stands in no cell; see --missing");
        self.words.iter().enumerate().filter(unseen).map(move |(_, word)| line(word))
    }

    /// True for a cell that is the word, or the same number.
    fn same(gap: &str, cell: &str) -> bool {
        let number = |text: &str| text.parse::<f64>().ok();
        gap == cell || number(gap).is_some_and(|gap| number(cell) == Some(gap))
    }
}

#[cfg(test)]
mod tests;
