//! The records of a csv file, none longer than a bound.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use crate::{Error, Result, error};

/// The longest record that is read, 64 MiB: beyond it stands a quote without its end, or no table at all.
const MAX_RECORD: u64 = 64 << 20;

/// A file that gives no more than [`MAX_RECORD`] bytes for each record, and sees the lines that pass.
struct Bounded {
    file: File,
    left: Rc<Cell<u64>>,
    /// The number of the line at hand, whether nothing stood in it so far, and the first line with nothing in it.
    line: u64,
    blank: bool,
    empty: Option<u64>,
    /// An empty line before one that is none.
    skipped: Rc<Cell<Option<u64>>>,
    /// The line of a quote that is open, and whether the file has ended.
    quote: Rc<Cell<(Option<u64>, bool)>>,
}

impl Bounded {
    fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    if self.blank {
                        self.empty = self.empty.or(Some(self.line));
                    }
                    (self.line, self.blank) = (self.line + 1, true);
                }
                byte if byte.is_ascii_whitespace() => continue,
                _ => {
                    self.blank = false;
                    if self.skipped.get().is_none() {
                        self.skipped.set(self.empty);
                    }
                }
            }
            if *byte == b'"' {
                let (open, ended) = self.quote.get();
                self.quote.set((if open.is_some() { None } else { Some(self.line) }, ended));
            }
        }
        if bytes.is_empty() {
            self.quote.set((self.quote.get().0, true));
        }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.left.get() as usize);
        if most == 0 && !buffer.is_empty() {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let n = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - n as u64);
        self.see(&buffer[..n]);
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
    skipped: Rc<Cell<Option<u64>>>,
    quote: Rc<Cell<(Option<u64>, bool)>>,
}

impl<'a> Records<'a> {
    pub fn open(path: &Path, place: &'a str) -> Result<Self> {
        let left = Rc::new(Cell::new(MAX_RECORD));
        let (skipped, quote) = (Rc::new(Cell::new(None)), Rc::new(Cell::new((None, false))));
        let (file, shared) = (error::open(path)?, (Rc::clone(&left), Rc::clone(&skipped), Rc::clone(&quote)));
        let file =
            Bounded { file, left: shared.0, line: 1, blank: true, empty: None, skipped: shared.1, quote: shared.2 };
        let reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(file);
        Ok(Self { place, reader, left, record: csv::StringRecord::new(), after: 1, skipped, quote })
    }

    /// The next record; none at the end.
    pub fn next(&mut self) -> Result<Option<&csv::StringRecord>> {
        self.left.set(MAX_RECORD);
        let found = self.reader.read_record(&mut self.record);
        if let (Some(line), true) = self.quote.get() {
            let problem = format!("the quote that opens in line {line} is not closed; every quote needs its end");
            return Err(Error::data(self.place, problem));
        }
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
        self.after = self.reader.position().line();
        Ok(Some(&self.record))
    }

    /// The first empty line before a line that is none. The reader of csv passes over such lines; it may have come to
    /// them before the record at hand is at them.
    pub fn skipped(&self) -> Option<u64> {
        self.skipped.get()
    }
}

/// The cells of the first line of a csv file, where it is one.
pub(crate) fn header(path: &Path) -> Option<Vec<String>> {
    let is_csv = path.is_file() && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let place = path.display().to_string();
    let mut records = if is_csv { Records::open(path, &place).ok()? } else { return None };
    Some(records.next().ok()??.iter().map(str::to_owned).collect())
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
