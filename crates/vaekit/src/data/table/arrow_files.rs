//! Parquet and Arrow IPC files.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{Error, Result, error};

use super::super::OpenOptions;
use super::super::arrow;
use super::source::{Cell, Each, Source};
use super::{Gaps, ipc_sizes, memory, parquet_sizes};

/// Rows that are unpacked at once.
const BATCH: usize = 4096;

/// What opens the batches of a file from its beginning.
type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>>>;

/// A file of Arrow record batches.
pub(crate) struct ArrowFile {
    path: PathBuf,
    place: String,
    names: Vec<String>,
    notes: Vec<String>,
    gaps: Gaps,
    open: fn(&Path) -> Result<(SchemaRef, Batches)>,
}

impl ArrowFile {
    pub fn parquet(path: &Path, options: &OpenOptions) -> Result<Self> {
        let damaged =
            |e: &dyn std::fmt::Display| Error::data(path.display(), format!("is no readable Parquet file: {e}"));
        let (file, again) = (error::open(path)?, error::open(path)?);
        guarded(move || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
            parquet_sizes::check(again, builder.metadata())
        })
        .and_then(|checked| checked)
        .map_err(|e| damaged(&e))?;
        Self::new(path, options, open_parquet)
    }

    pub fn ipc(path: &Path, options: &OpenOptions) -> Result<Self> {
        Self::new(path, options, open_ipc)
    }

    fn new(path: &Path, options: &OpenOptions, open: fn(&Path) -> Result<(SchemaRef, Batches)>) -> Result<Self> {
        let place = path.display().to_string();
        let (schema, _) = open(path)?;
        memory::ask_columns(&place, schema.fields().len())?;
        let nested = schema.fields().iter().filter(|field| field.data_type().is_nested());
        let notes = nested.map(|field| {
            let (name, kind) = (field.name(), field.data_type());
            format!("'{name}' is nested ({kind}) and read as text; unnest it to model its values")
        });
        let notes = notes.collect();
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self { path: path.to_path_buf(), place, names, notes, gaps: Gaps::new(&options.missing), open })
    }
}

fn open_parquet(path: &Path) -> Result<(SchemaRef, Batches)> {
    let damaged = |e: &dyn std::fmt::Display| Error::data(path.display(), format!("is no readable Parquet file: {e}"));
    let file = error::open(path)?;
    // A damaged file may make its reader panic, which must not end the program.
    let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|e| damaged(&e))?;
    let builder = builder.map_err(|e| damaged(&e))?;
    let schema = builder.schema().clone();
    let reader = builder.with_batch_size(BATCH).build().map_err(|e| damaged(&e))?;
    Ok((schema, Box::new(reader)))
}

fn open_ipc(path: &Path) -> Result<(SchemaRef, Batches)> {
    let damaged = |e: &dyn std::fmt::Display| Error::data(path.display(), format!("is no readable Arrow file: {e}"));
    let open = || error::open(path);
    guarded({
        let mut file = open()?;
        move || ipc_sizes::check(&mut file)
    })
    .and_then(|checked| checked)
    .map_err(|e| damaged(&e))?;
    let of_file = guarded({
        let file = open()?;
        move || arrow_ipc::reader::FileReader::try_new(file, None)
    })
    .map_err(|e| damaged(&e))?;
    if let Ok(reader) = of_file {
        return Ok((reader.schema(), Box::new(reader)));
    }
    // The other layout: a stream, which Feather and pipes do not write, but Arrow's own tools do.
    let file: File = open()?;
    let reader = guarded(move || arrow_ipc::reader::StreamReader::try_new(file, None)).map_err(|e| damaged(&e))?;
    let reader = reader.map_err(|e| damaged(&e))?;
    Ok((reader.schema(), Box::new(reader)))
}

/// The result of a reader of others' code, or what it panicked with: bytes that it did not expect.
fn guarded<T>(read: impl FnOnce() -> T) -> std::result::Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(|_| "its bytes are damaged".to_owned())
}

impl Source for ArrowFile {
    fn place(&self) -> &str {
        &self.place
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn row_name(&self, row: u64) -> String {
        format!("row {row}")
    }

    fn number(&self, word: &str) -> Option<f64> {
        word.parse().ok()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(self.gaps.unseen()).collect()
    }

    fn scan(&self, each: &mut Each<'_>) -> Result<()> {
        let damaged = |problem: String| Error::data(&self.place, problem);
        let (_, mut batches) = (self.open)(&self.path)?;
        let mut row = 0u64;
        loop {
            let next = guarded(|| batches.next());
            let next = next.map_err(|e| damaged(format!("cannot be read beyond row {row}: {e}")))?;
            let Some(batch) = next else { return Ok(()) };
            let batch = batch.map_err(|e| damaged(format!("cannot be read beyond row {row}: {e}")))?;
            let columns = batch.columns().iter().zip(&self.names).map(|(array, name)| {
                let problem =
                    || damaged(format!("column '{name}' is of type {}, which is not read", array.data_type()));
                guarded(|| Read::new(array)).ok().flatten().ok_or_else(problem)
            });
            let columns: Vec<Read<'_>> = columns.collect::<Result<_>>()?;
            let mut cells = vec![Cell::Missing(""); columns.len()];
            for i in 0..batch.num_rows() {
                cells.iter_mut().zip(&columns).for_each(|(cell, column)| *cell = column.cell(i, &self.gaps));
                each(row, &cells)?;
                row += 1;
            }
        }
    }
}

/// A column of a batch.
enum Read<'a> {
    Numbers(Vec<f64>),
    Days(Vec<f64>),
    Words(Vec<Option<String>>),
    Texts(&'a arrow_array::StringArray),
}

impl<'a> Read<'a> {
    fn new(array: &'a ArrayRef) -> Option<Self> {
        if let Some(days) = days(array) {
            return Some(Self::Days(days));
        }
        // Long whole numbers are names: as 64-bit floating-point numbers they would run together.
        let long = |numbers: &Vec<f64>| numbers.iter().any(|v| v.abs() >= 9_007_199_254_740_992.0);
        let whole = matches!(array.data_type(), DataType::Int64 | DataType::UInt64);
        if let Some(numbers) = arrow::numbers(array).filter(|numbers| !(whole && long(numbers))) {
            return Some(Self::Numbers(numbers));
        }
        match array.data_type() {
            DataType::Utf8 => Some(Self::Texts(array.as_string::<i32>())),
            _ => arrow::words(array).or_else(|| shown(array)).map(Self::Words),
        }
    }

    fn cell(&self, i: usize, gaps: &Gaps) -> Cell<'_> {
        let word = |word: &'_ str| gaps.has(word);
        match self {
            Self::Numbers(v) if v[i].is_nan() || gaps.has_number(v[i]) => Cell::Missing(""),
            Self::Numbers(v) => Cell::Number(v[i]),
            Self::Days(v) if v[i].is_nan() => Cell::Missing(""),
            Self::Days(v) => Cell::Days(v[i]),
            Self::Words(v) => match &v[i] {
                Some(text) if !word(text) => Cell::Text(text),
                _ => Cell::Missing(""),
            },
            Self::Texts(array) if array.is_null(i) || word(array.value(i)) => Cell::Missing(""),
            Self::Texts(array) => Cell::Text(array.value(i)),
        }
    }
}

/// Values of other types as text: lists and records in brackets, times of day and durations in ISO 8601.
fn shown(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let form = FormatOptions::default();
    let shown = ArrayFormatter::try_new(array, &form).ok()?;
    let word = |i: usize| if array.is_null(i) { Ok(None) } else { shown.value(i).try_to_string().map(Some) };
    (0..array.len()).map(word).collect::<std::result::Result<_, _>>().ok()
}

/// Days since 1970 of a column of dates or times, NaN for a null.
fn days(array: &ArrayRef) -> Option<Vec<f64>> {
    macro_rules! of {
        ($kind:ty, $a_day:expr) => {
            Some(array.as_primitive::<$kind>().iter().map(|v| v.map_or(f64::NAN, |v| v as f64 / $a_day)).collect())
        };
    }
    match array.data_type() {
        DataType::Date32 => of!(Date32Type, 1.0),
        DataType::Date64 => of!(Date64Type, 86_400e3),
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType, 86_400.0),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType, 86_400e3),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType, 86_400e6),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of!(TimestampNanosecondType, 86_400e9),
        _ => None,
    }
}
