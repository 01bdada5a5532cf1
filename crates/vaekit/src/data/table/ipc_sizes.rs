//! Lengths that an Arrow file tells, held against its size before a reader takes memory for them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::{Message, RecordBatch, root_as_footer, root_as_message};

use crate::budget;

/// The first and the last bytes of the file layout; a stream has none.
const MAGIC: &[u8] = b"ARROW1";
/// What stands before the length of a message.
const MARKER: [u8; 4] = [0xff; 4];

/// Refuses lengths that reach beyond the file, and compressed parts that unpack to more than memory allows.
pub(super) fn check(file: &mut File) -> Result<(), String> {
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let begin = bytes(file, 0, size.min(6), size)?;
    if begin == MAGIC { check_file(file, size) } else { check_stream(file, size) }
}

/// Bytes of a file, once it is known to have them.
fn bytes(file: &mut File, at: u64, n: u64, size: u64) -> Result<Vec<u8>, String> {
    if at.checked_add(n).is_none_or(|end| end > size) {
        return Err(format!("{n} bytes at {at} of a file of {size}; it is cut short or damaged"));
    }
    let mut out = vec![0; n as usize];
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut out)).map_err(|e| e.to_string())?;
    Ok(out)
}

fn whole(bytes: &[u8]) -> i32 {
    bytes.try_into().map_or(-1, i32::from_le_bytes)
}

fn length(n: i64) -> Result<u64, String> {
    u64::try_from(n).map_err(|_| format!("a length of {n}"))
}

/// Messages that the footer lists.
fn check_file(file: &mut File, size: u64) -> Result<(), String> {
    let end = bytes(file, size.saturating_sub(10), 10.min(size), size)?;
    if end.len() < 10 || &end[4..] != MAGIC {
        return Err("it does not end as it should; it is cut short".into());
    }
    let n = length(i64::from(whole(&end[..4])))?;
    let at = size.checked_sub(10 + n).ok_or("its footer is longer than the file")?;
    let footer = bytes(file, at, n, size)?;
    let footer = root_as_footer(&footer).map_err(|e| format!("its footer is damaged ({e})"))?;
    for block in footer.recordBatches().iter().flatten().chain(footer.dictionaries().iter().flatten()) {
        let (offset, meta) = (length(block.offset())?, length(i64::from(block.metaDataLength()))?);
        let told = bytes(file, offset, meta, size)?;
        let skip = if told.starts_with(&MARKER) { 8 } else { 4 };
        let body = offset + meta;
        let Some(told) = told.get(skip..) else { return Err("a message of no length".into()) };
        let message = root_as_message(told).map_err(|e| format!("a message is damaged ({e})"))?;
        check_body(file, &message, body, length(block.bodyLength())?, size)?;
    }
    Ok(())
}

/// Messages one after the other.
fn check_stream(file: &mut File, size: u64) -> Result<(), String> {
    let mut at = 0;
    while at + 4 <= size {
        let mut told = bytes(file, at, 4, size)?;
        at += 4;
        if told == MARKER {
            told = bytes(file, at, 4, size)?;
            at += 4;
        }
        let n = length(i64::from(whole(&told)))?;
        if n == 0 {
            return Ok(());
        }
        let told = bytes(file, at, n, size)?;
        at += n;
        let message = root_as_message(&told).map_err(|e| format!("a message is damaged ({e})"))?;
        let body = length(message.bodyLength())?;
        check_body(file, &message, at, body, size)?;
        at += body;
    }
    Ok(())
}

/// The body of a message: within the file, and of a size that may be held.
fn check_body(file: &mut File, message: &Message<'_>, at: u64, body: u64, size: u64) -> Result<(), String> {
    if at.checked_add(body).is_none_or(|end| end > size) {
        return Err(format!("a body of {body} bytes at {at} of a file of {size}; it is cut short or damaged"));
    }
    let dictionary = || message.header_as_dictionary_batch().and_then(|batch| batch.data());
    match message.header_as_record_batch().or_else(dictionary) {
        Some(batch) => check_unpacked(file, &batch, at, body, size),
        None => Ok(()),
    }
}

fn check_unpacked(file: &mut File, batch: &RecordBatch<'_>, at: u64, body: u64, size: u64) -> Result<(), String> {
    if batch.compression().is_none() {
        return Ok(());
    }
    let mut unpacked = 0u64;
    for buffer in batch.buffers().iter().flatten() {
        let (offset, n) = (length(buffer.offset())?, length(buffer.length())?);
        if n < 8 {
            continue;
        }
        if offset.checked_add(n).is_none_or(|end| end > body) {
            return Err("a part lies outside of its message".into());
        }
        let told = bytes(file, at + offset, 8, size)?;
        // -1 says that a part is not compressed after all.
        let told = told.as_slice().try_into().map_or(0, i64::from_le_bytes);
        unpacked = unpacked.saturating_add(if told == -1 { n } else { length(told)? });
        if unpacked > budget::memory() {
            return Err(format!("a batch unpacks to more than {unpacked} bytes; raise --memory if that is right"));
        }
    }
    Ok(())
}
