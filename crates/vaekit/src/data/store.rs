//! Rows and words that need not fit in memory: unnamed files, written once and then read at any place by any thread.
//!
//! A file has no name from the start, so that nothing stays behind, whatever ends the process. Its folder is that of
//! [`set_cache`], else `TMPDIR`, else `/var/tmp`, which systems keep on disk where `/tmp` may be memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::{Error, Result};

static CACHE: OnceLock<PathBuf> = OnceLock::new();

/// Values that are written or read at once.
const BLOCK: usize = 1 << 16;

/// Puts what does not fit in memory into this folder. Later calls have no effect.
///
/// # Errors
/// A path that is no folder.
pub fn set_cache(folder: PathBuf) -> Result<()> {
    if !folder.is_dir() {
        return Err(Error::setting("cache", format!("{}: expected a folder that exists", folder.display())));
    }
    CACHE.get_or_init(|| folder);
    Ok(())
}

/// The folder of what does not fit in memory.
pub fn cache() -> PathBuf {
    let usual = || match std::env::var_os("TMPDIR") {
        Some(folder) => PathBuf::from(folder),
        None => Some(PathBuf::from("/var/tmp")).filter(|f| f.is_dir()).unwrap_or_else(std::env::temp_dir),
    };
    CACHE.get().cloned().unwrap_or_else(usual)
}

/// A file without a name, for writing.
struct Spilled(BufWriter<File>);

impl Spilled {
    fn new() -> Result<Self> {
        let file = tempfile::tempfile_in(cache()).map_err(|e| failed("write", &e))?;
        Ok(Self(BufWriter::with_capacity(BLOCK, file)))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(|e| failed("write", &e))
    }

    fn finish(self) -> Result<Arc<File>> {
        self.0.into_inner().map(Arc::new).map_err(|e| failed("write", e.error()))
    }
}

fn failed(what: &str, e: &io::Error) -> Error {
    let advice = if what == "write" { "; name a folder with room by --cache" } else { "" };
    let problem = format!("rows that do not fit in memory: {e}{advice}");
    Error::io(what, &cache(), io::Error::new(e.kind(), problem))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (bytes, at) = (&mut bytes[n..], at + n as u64);
    }
    Ok(())
}

/// Numbers on disk, row after row; a NaN is a missing value.
#[derive(Clone, Debug)]
pub struct StoredValues {
    file: Arc<File>,
    len: usize,
    missing: usize,
    binary: Vec<bool>,
}

impl PartialEq for StoredValues {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl StoredValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of values that are missing.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Of each column whether its known values are 0 and 1 alone.
    pub fn binary(&self) -> &[bool] {
        &self.binary
    }

    /// Reads the values from place `at` on.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn read(&self, at: usize, out: &mut [f32]) -> Result<()> {
        let mut bytes = vec![0u8; 4 * out.len()];
        read_at(&self.file, &mut bytes, 4 * at as u64).map_err(|e| failed("read", &e))?;
        let (words, _) = bytes.as_chunks::<4>();
        out.iter_mut().zip(words).for_each(|(v, word)| *v = f32::from_le_bytes(*word));
        Ok(())
    }

    /// Calls `each` with all values in order, a block of whole rows at a time.
    ///
    /// # Errors
    /// Whatever the system or `each` says.
    pub fn for_each_block(&self, each: &mut dyn FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        let width = self.binary.len().max(1);
        let size = (BLOCK / width).max(1) * width;
        let mut block = vec![0f32; size.min(self.len)];
        for at in (0..self.len).step_by(size) {
            let block = &mut block[..size.min(self.len - at)];
            self.read(at, block)?;
            each(at, block)?;
        }
        Ok(())
    }
}

/// Takes rows one by one: in memory, and on disk from [`spill`](Self::spill) on.
pub(crate) struct ValuesWriter {
    held: Vec<f32>,
    disk: Option<Spilled>,
    len: usize,
    missing: usize,
    binary: Vec<bool>,
}

impl ValuesWriter {
    pub fn new(width: usize) -> Self {
        Self { held: Vec::new(), disk: None, len: 0, missing: 0, binary: vec![true; width] }
    }

    /// Bytes in memory.
    pub fn held(&self) -> u64 {
        4 * self.held.len() as u64
    }

    /// Adds the next value of a row.
    pub fn push(&mut self, value: f32) -> Result<()> {
        let column = self.len % self.binary.len().max(1);
        self.binary[column] &= value == 0.0 || value == 1.0 || value.is_nan();
        self.missing += usize::from(value.is_nan());
        self.len += 1;
        self.held.push(value);
        if self.disk.is_some() && self.held.len() >= BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    /// Moves all values to disk, and those to come.
    pub fn spill(&mut self) -> Result<()> {
        if self.disk.is_none() {
            self.disk = Some(Spilled::new()?);
        }
        self.flush()?;
        self.held.shrink_to(BLOCK);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(disk) = &mut self.disk {
            for block in self.held.chunks(BLOCK) {
                disk.write(&block.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())?;
            }
            self.held.clear();
        }
        Ok(())
    }

    /// What was written.
    pub fn finish(mut self) -> Result<super::Rows> {
        self.flush()?;
        let Some(disk) = self.disk else { return Ok(super::Rows::F32(self.held)) };
        let (len, missing, binary) = (self.len, self.missing, self.binary);
        Ok(super::Rows::Stored(StoredValues { file: disk.finish()?, len, missing, binary }))
    }
}

/// A word for each row.
#[derive(Clone, Debug)]
pub enum Texts {
    /// In memory.
    Held(Arc<Vec<String>>),
    /// On disk.
    Stored(StoredTexts),
}

/// Words on disk: where each ends, and their bytes.
#[derive(Clone, Debug)]
pub struct StoredTexts {
    ends: Arc<File>,
    bytes: Arc<File>,
    len: usize,
}

impl Texts {
    /// Number of words.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(words) => words.len(),
            Self::Stored(stored) => stored.len,
        }
    }

    /// True for no word.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The word of a row.
    ///
    /// # Errors
    /// A row beyond the last, or whatever the system says.
    pub fn get(&self, row: usize) -> Result<String> {
        let beyond = || failed("read", &io::ErrorKind::UnexpectedEof.into());
        match self {
            Self::Held(words) => words.get(row).cloned().ok_or_else(beyond),
            Self::Stored(stored) if row < stored.len => stored.get(row),
            Self::Stored(_) => Err(beyond()),
        }
    }

    /// The words of all rows.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn to_vec(&self) -> Result<Vec<String>> {
        (0..self.len()).map(|row| self.get(row)).collect()
    }
}

impl StoredTexts {
    fn get(&self, row: usize) -> Result<String> {
        let mut ends = [0u8; 16];
        let from = if row == 0 { 8 } else { 0 };
        let at = 8 * (row as u64).saturating_sub(1);
        read_at(&self.ends, &mut ends[from..], at).map_err(|e| failed("read", &e))?;
        let (words, _) = ends.as_chunks::<8>();
        let (start, end) = (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]));
        let mut bytes = vec![0u8; (end - start) as usize];
        read_at(&self.bytes, &mut bytes, start).map_err(|e| failed("read", &e))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl From<Vec<String>> for Texts {
    fn from(words: Vec<String>) -> Self {
        Self::Held(Arc::new(words))
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Held(a), Self::Held(b)) => a == b,
            (Self::Stored(a), Self::Stored(b)) => Arc::ptr_eq(&a.bytes, &b.bytes),
            _ => false,
        }
    }
}

/// Takes words one by one, as [`ValuesWriter`] takes numbers.
#[derive(Default)]
pub(crate) struct TextsWriter {
    held: Vec<String>,
    disk: Option<(Spilled, Spilled)>,
    len: usize,
    end: u64,
}

impl TextsWriter {
    /// True from [`spill`](Self::spill) on.
    pub fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Adds the word of the next row.
    pub fn push(&mut self, word: String) -> Result<()> {
        self.len += 1;
        self.held.push(word);
        if self.disk.is_some() { self.flush() } else { Ok(()) }
    }

    /// Moves all words to disk, and those to come.
    pub fn spill(&mut self) -> Result<()> {
        if self.disk.is_none() {
            self.disk = Some((Spilled::new()?, Spilled::new()?));
        }
        self.flush()?;
        self.held.shrink_to(1);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if let Some((ends, bytes)) = &mut self.disk {
            for word in self.held.drain(..) {
                self.end += word.len() as u64;
                ends.write(&self.end.to_le_bytes())?;
                bytes.write(word.as_bytes())?;
            }
        }
        Ok(())
    }

    /// What was written.
    pub fn finish(self) -> Result<Texts> {
        match self.disk {
            None => Ok(self.held.into()),
            Some((ends, bytes)) => {
                Ok(Texts::Stored(StoredTexts { ends: ends.finish()?, bytes: bytes.finish()?, len: self.len }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_on_disk_reads_as_it_was_written(
            rows in proptest::collection::vec(proptest::array::uniform3(-1e30f32..1e30), 1..60),
            words in proptest::collection::vec(".{0,12}", 1..60), moved in 0usize..60,
        ) {
            let mut values = ValuesWriter::new(3);
            for (i, row) in rows.iter().enumerate() {
                if i == moved { values.spill().unwrap(); }
                row.iter().for_each(|v| values.push(*v).unwrap());
            }
            let flat: Vec<f32> = rows.concat();
            match values.finish().unwrap() {
                Rows::Stored(stored) => {
                    let mut row = [0f32; 3];
                    for (i, written) in rows.iter().enumerate().rev() {
                        stored.read(3 * i, &mut row).unwrap();
                        prop_assert_eq!(&row, written);
                    }
                    let mut all = Vec::new();
                    stored.for_each_block(&mut |at, block| { assert_eq!(at, all.len()); all.extend_from_slice(block); Ok(()) }).unwrap();
                    prop_assert_eq!(all, flat);
                }
                held => prop_assert_eq!(held, Rows::F32(flat)),
            }
            let mut texts = TextsWriter::default();
            for (i, word) in words.iter().enumerate() {
                if i == moved { texts.spill().unwrap(); }
                texts.push(word.clone()).unwrap();
            }
            let texts = texts.finish().unwrap();
            prop_assert_eq!(texts.to_vec().unwrap(), words);
            prop_assert!(texts.get(texts.len()).is_err());
        }
    }
}
