//! The records of a csv file, none longer than a bound.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use crate::{Error, Result, error};

/// The longest record that is read, 64 MiB: beyond it stands a quote without its end, or no table at all.
const MAX_RECORD: u64 = 64 << 20;

/// A file that gives no more than [`MAX_RECORD`] bytes for each record.
struct Bounded {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.left.get() as usize);
        if most == 0 && !buffer.is_empty() {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let n = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - n as u64);
        Ok(n)
    }
}

/// The records of a file, one at a time.
pub(super) struct Records<'a> {
    place: &'a str,
    reader: csv::Reader<Bounded>,
    left: Rc<Cell<u64>>,
    record: csv::StringRecord,
    /// The line after the record before.
    after: u64,
    skipped: Option<u64>,
}

impl<'a> Records<'a> {
    pub fn open(path: &Path, place: &'a str) -> Result<Self> {
        let left = Rc::new(Cell::new(MAX_RECORD));
        let file = Bounded { file: error::open(path)?, left: Rc::clone(&left) };
        let reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(file);
        Ok(Self { place, reader, left, record: csv::StringRecord::new(), after: 1, skipped: None })
    }

    /// The next record; none at the end.
    pub fn next(&mut self) -> Result<Option<&csv::StringRecord>> {
        self.left.set(MAX_RECORD);
        let found = self.reader.read_record(&mut self.record);
        let found = found.map_err(|e| {
            let problem = match e.kind() {
                csv::ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::FileTooLarge => format!(
                    "line {} begins a record of more than {MAX_RECORD} bytes; is a quote not closed, or is this no table?",
                    self.after
                ),
                _ => describe(&e),
            };
            Error::data(self.place, problem)
        })?;
        if !found {
            return Ok(None);
        }
        let within = self.record.as_slice().matches('\n').count() as u64;
        let after = self.reader.position().line();
        self.skipped = (after > self.after + 1 + within).then_some(self.after);
        self.after = after;
        Ok(Some(&self.record))
    }

    /// The first of the empty lines before the record, where there were some.
    pub fn skipped(&self) -> Option<u64> {
        self.skipped
    }
}

fn describe(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells, the lines before it {expected_len}; every line needs the same number")
        }
        _ => format!("is not a readable csv table: {e}"),
    }
}
