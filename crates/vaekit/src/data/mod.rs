//! Data: rows under a schema, how they are read, and how they become batches.
//!
//! [`open`] turns a name or a path into a [`Dataset`]; [`split`](split::split)
//! divides it; an [`Encoding`] says how typed rows become numbers and back;
//! [`Batches`] shuffles, encodes and binarises.

mod arrow;
mod batches;
pub mod builtin;
mod cells;
pub(crate) mod columns;
mod condition;
mod dataset;
pub mod download;
mod encoding;
pub(crate) mod fingerprint;
mod idx;
mod images;
mod memory;
mod npy;
mod npz;
mod open;
pub mod public;
mod readers;
mod rows;
mod schema;
pub mod split;
mod store;
mod table;
mod written;

pub use batches::{Batch, Batches, HostBatch, Preparation, Step};
pub use cells::{Cells, Factors, Labels, MISSING};
pub use columns::{ColumnCode, CountCode, CountDistribution, Exposure, NumberCode};
pub use condition::Condition;
pub(crate) use condition::few;
pub use dataset::Dataset;
pub(crate) use dataset::MAX_WIDTH;
pub use encoding::{Binarize, Encoding, Transform};
pub use npy::{write_npy, write_npy_values};
pub use open::{AskedColumn, OpenOptions, Unknown, open, separator};
pub use readers::{READERS, Reader, reader_of};
pub use rows::Rows;
pub use schema::{Column, Kind, Numbers, Pixels, Role, Schema};
pub use split::Splits;
pub use store::{StoredTexts, StoredValues, Texts, set_cache};
pub use table::{AskedRole, Finding, Override, Overrides};
pub(crate) use table::{Cell, dates, header, source};
pub(crate) use written::write_csv_cells;
pub use written::{NameColumn, write_csv, write_csv_rows};

/// A number and its noun, in the plural where need be: `1 row`, `2 rows`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
