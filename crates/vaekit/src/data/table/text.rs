//! Files of text as they come: compressed or not, in one of the usual encodings, with one of the usual separators.

use std::io::{BufReader, Chain, Cursor, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use flate2::read::MultiGzDecoder;

use crate::{Error, Result, error};

/// How a file of text is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What stands between cells.
    pub separator: u8,
    pub encoding: &'static Encoding,
}

impl Form {
    #[cfg(test)]
    pub const PLAIN: Self = Self { separator: b',', encoding: UTF_8 };
}

/// Bytes that are looked at before a file is read.
pub(super) const HEAD: usize = 256 << 10;

/// The text of a file in UTF-8.
pub(super) fn open_text(path: &Path, form: &Form) -> Result<Box<dyn Read>> {
    let bytes = unpacked(path)?;
    // An encoding of its own is told by the mark at the beginning, which is not part of the text.
    let decoded: DecodeReaderBytes<_, Vec<u8>> =
        DecodeReaderBytesBuilder::new().encoding(Some(form.encoding)).bom_override(true).build(bytes);
    Ok(Box::new(decoded))
}

type Begun = Chain<Cursor<Vec<u8>>, std::fs::File>;

/// The bytes of a file, unpacked where gzip has packed them.
fn unpacked(path: &Path) -> Result<Box<dyn Read>> {
    let mut file = error::open(path)?;
    let mut magic = Vec::with_capacity(2);
    let read = (&mut file).take(2).read_to_end(&mut magic);
    read.map_err(|e| Error::data(path.display(), format!("cannot be read: {e}")))?;
    let packed = magic == [0x1f, 0x8b];
    let whole: Begun = Cursor::new(magic).chain(file);
    Ok(match packed {
        // Several members one after the other are one file.
        true => Box::new(MultiGzDecoder::new(BufReader::new(whole))),
        false => Box::new(BufReader::with_capacity(1 << 16, whole)),
    })
}

/// The first bytes of a file as text, whether they are all of it, and how the file is encoded.
pub(super) fn head(path: &Path) -> Result<(String, bool, &'static Encoding)> {
    let mut bytes = Vec::new();
    let read = unpacked(path)?.take(HEAD as u64).read_to_end(&mut bytes);
    read.map_err(|e| Error::data(path.display(), format!("cannot be read: {e}")))?;
    let whole = bytes.len() < HEAD;
    let encoding = match Encoding::for_bom(&bytes) {
        Some((encoding, _)) => encoding,
        None => match zeros(&bytes) {
            Some(encoding) => encoding,
            None if is_utf8(path)? => UTF_8,
            None => WINDOWS_1252,
        },
    };
    Ok((encoding.decode(&bytes).0.into_owned(), whole, encoding))
}

/// Text of 16 bits without a mark: every other byte of a table is 0.
fn zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    let of = |from: usize| bytes.iter().skip(from).step_by(2).filter(|b| **b == 0).count() * 2;
    let enough = bytes.len() * 4 / 5;
    match bytes.len() >= 8 {
        true if of(1) > enough && of(0) == 0 => Some(UTF_16LE),
        true if of(0) > enough && of(1) == 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// True where the whole file is UTF-8.
fn is_utf8(path: &Path) -> Result<bool> {
    let mut file = unpacked(path)?;
    let mut buffer = vec![0u8; 1 << 16];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..]);
        let n = read.map_err(|e| Error::data(path.display(), format!("cannot be read: {e}")))?;
        match std::str::from_utf8(&buffer[..kept + n]) {
            Ok(_) => kept = 0,
            // A character may be cut where the buffer ends.
            Err(e) if e.error_len().is_none() && n > 0 => {
                let (from, to) = (e.valid_up_to(), kept + n);
                buffer.copy_within(from..to, 0);
                kept = to - from;
            }
            Err(_) => return Ok(false),
        }
        if n == 0 {
            return Ok(kept == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (String, &'static Encoding) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let (_, _, encoding) = head(file.path()).unwrap();
        let mut text = String::new();
        open_text(file.path(), &Form { encoding, ..Form::PLAIN }).unwrap().read_to_string(&mut text).unwrap();
        (text, encoding)
    }

    #[test]
    fn every_usual_encoding_is_read_and_marks_are_no_text() {
        let wide = |little: bool| {
            let unit = |u: u16| if little { u.to_le_bytes() } else { u.to_be_bytes() };
            "a,b\n1,ü\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>()
        };
        for (bytes, expected) in [
            ("a,b\n1,ü\n".as_bytes().to_vec(), UTF_8),
            ([b"\xef\xbb\xbf", "a,b\n1,ü\n".as_bytes()].concat(), UTF_8),
            (b"a,b\n1,\xfc\n".to_vec(), WINDOWS_1252),
            (wide(true), UTF_16LE),
            (wide(false), UTF_16BE),
            ([&[0xff, 0xfe][..], &wide(true)].concat(), UTF_16LE),
        ] {
            assert_eq!(of(&bytes), ("a,b\n1,ü\n".into(), expected));
        }
    }

    #[test]
    fn one_byte_of_another_encoding_late_in_the_file_is_seen() {
        let mut bytes = vec![b'a'; 3 * HEAD];
        assert_eq!(of(&bytes).1, UTF_8);
        bytes.extend(b"\xfc");
        assert_eq!(of(&bytes).1, WINDOWS_1252);
    }
}
