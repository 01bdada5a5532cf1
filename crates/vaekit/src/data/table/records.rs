//! The records of a csv file, none longer than a bound.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use crate::{Error, Result};

use super::text::{Form, open_text};

/// The longest record that is read, 64 MiB: beyond it stands a quote without its end, or no table at all.
const MAX_RECORD: u64 = 64 << 20;

/// A file that gives no more than [`MAX_RECORD`] bytes for each record, and sees the lines that pass.
struct Bounded {
    file: Box<dyn Read>,
    /// A carriage return at the end of the bytes before, which a line feed may follow: the two are one line end, or the
    /// lines of a record would be miscounted.
    held: bool,
    left: Rc<Cell<u64>>,
    /// The number of the line at hand, whether nothing stood in it so far, and the first line with nothing in it.
    line: u64,
    blank: bool,
    empty: Option<u64>,
    /// An empty line before one that is none.
    skipped: Rc<Cell<Option<u64>>>,
    /// The line of a quote that is open, and whether the file has ended.
    quote: Rc<Cell<(Option<u64>, bool)>>,
    /// Whether the last byte ended a line.
    ended: Rc<Cell<bool>>,
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
        if let Some(last) = bytes.last() {
            self.ended.set(*last == b'\n');
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
        let mut n = 0;
        while n == 0 {
            let from = usize::from(self.held);
            if from == 1 {
                buffer[0] = b'\r';
            }
            let read = if most > from { self.file.read(&mut buffer[from..most])? } else { 0 };
            self.left.set(self.left.get().saturating_sub(read as u64));
            self.held = false;
            n = self.join_line_ends(buffer, from + read, read == 0);
            if read == 0 {
                break;
            }
        }
        self.see(&buffer[..n]);
        Ok(n)
    }
}

impl Bounded {
    /// Drops each carriage return before a line feed, in place; the number of bytes left.
    fn join_line_ends(&mut self, buffer: &mut [u8], n: usize, at_end: bool) -> usize {
        if !buffer[..n].contains(&b'\r') {
            return n;
        }
        let mut to = 0;
        for i in 0..n {
            if buffer[i] == b'\r' {
                match buffer[..n].get(i + 1) {
                    Some(b'\n') => continue,
                    None if !at_end => {
                        self.held = true;
                        continue;
                    }
                    _ => {}
                }
            }
            buffer[to] = buffer[i];
            to += 1;
        }
        to
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
    ended: Rc<Cell<bool>>,
}

impl<'a> Records<'a> {
    pub fn open(path: &Path, place: &'a str, form: &Form) -> Result<Self> {
        let left = Rc::new(Cell::new(MAX_RECORD));
        let (skipped, quote) = (Rc::new(Cell::new(None)), Rc::new(Cell::new((None, false))));
        let ended = Rc::new(Cell::new(false));
        let shared = (Rc::clone(&left), Rc::clone(&skipped), Rc::clone(&quote), Rc::clone(&ended));
        let file = open_text(path, form)?;
        let (line, blank, empty, held) = (1, true, None, false);
        let file = Bounded {
            file,
            held,
            left: shared.0,
            line,
            blank,
            empty,
            skipped: shared.1,
            quote: shared.2,
            ended: shared.3,
        };
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(form.separator).has_headers(false).trim(csv::Trim::All);
        let reader = builder.from_reader(file);
        Ok(Self { place, reader, left, record: csv::StringRecord::new(), after: 1, skipped, quote, ended })
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

    /// The line at which the record at hand begins, whatever empty lines stand before it; the next is read for it.
    pub fn line(&mut self) -> Option<u64> {
        let within = self.record.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
        let after = self.after;
        let is_last = self.next().ok()?.is_none();
        // The last line of a file may have no end.
        Some(after.saturating_sub(within + u64::from(!is_last || self.ended.get())).max(1))
    }

    /// The first empty line before a line that is none. The reader of csv passes over such lines; it may have come to
    /// them before the record at hand is at them.
    pub fn skipped(&self) -> Option<u64> {
        self.skipped.get()
    }
}

fn describe(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!(
                "line {line} has {len} cells, the lines before it {expected_len}; every line needs the same number, and a \
                 cell with the separator in it needs quotes"
            )
        }
        _ => format!("is not a readable csv table: {e}"),
    }
}
