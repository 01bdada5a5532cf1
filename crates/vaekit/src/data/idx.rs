//! The idx format of MNIST: two zero bytes, a type, a rank, big-endian sizes, bytes.
//!
//! Only type 8 (unsigned byte) is read, which is what images and labels use.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::{Error, Result, error};

/// An idx array of bytes.
#[derive(Debug)]
pub struct Idx {
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Reads an idx or idx.gz file.
///
/// # Errors
/// Wrong magic, sizes that overflow, and contents shorter or longer than the
/// sizes say. Nothing is allocated by what a header claims: the buffer grows
/// with the bytes that are there.
pub fn read_idx(path: &Path) -> Result<Idx> {
    parse(path, &read_unzipped(path)?)
}

/// Reads a file, unpacking it when it starts with the gzip magic.
pub(super) fn read_unzipped(path: &Path) -> Result<Vec<u8>> {
    let broken = |e: std::io::Error| Error::data(path.display(), format!("cannot be read: {e}"));
    let mut bytes = Vec::new();
    error::open(path)?.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        GzDecoder::new(&bytes[..])
            .read_to_end(&mut unpacked)
            .map_err(|e| Error::data(path.display(), format!("gzip data is damaged or cut short ({e})")))?;
        return Ok(unpacked);
    }
    Ok(bytes)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Idx> {
    let fail = |problem: String| Err(Error::data(path.display(), problem));
    if bytes.len() < 4 {
        return fail(format!("{} bytes are too few for an idx header", bytes.len()));
    }
    let (kind, rank) = (bytes[2], usize::from(bytes[3]));
    if bytes[0] != 0 || bytes[1] != 0 || kind != 8 || !(1..=4).contains(&rank) {
        return fail(format!(
            "not an idx file of bytes: it starts {:02x} {:02x} {kind:02x} {rank:02x}, expected 00 00 08 and a rank of 1 to 4",
            bytes[0], bytes[1]
        ));
    }
    let start = 4 + 4 * rank;
    if bytes.len() < start {
        return fail("cut short inside the idx header".into());
    }
    let shape: Vec<usize> =
        bytes[4..start].chunks(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let Some(expected) = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) else {
        return fail(format!("the header claims the impossible shape {shape:?}"));
    };
    let found = bytes.len() - start;
    if found != expected {
        return fail(format!("the header says {expected} values ({shape:?}), the file holds {found}"));
    }
    Ok(Idx { shape, bytes: bytes[start..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend([1, 2, 3, 4]);
        bytes
    }

    #[test]
    fn a_good_file_reads() {
        let idx = parse(Path::new("x"), &sample()).unwrap();
        assert_eq!((idx.shape, idx.bytes), (vec![2, 1, 2], vec![1, 2, 3, 4]));
    }

    #[test]
    fn every_truncation_and_a_wrong_magic_are_refused() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            assert!(parse(Path::new("x"), &bytes[..cut]).is_err(), "{cut}");
        }
        let mut wrong = bytes.clone();
        wrong[2] = 0x0d;
        assert!(parse(Path::new("x"), &wrong).is_err());
    }

    #[test]
    fn absurd_sizes_are_refused_without_allocating() {
        let mut bytes = vec![0, 0, 8, 4];
        bytes.extend([0xff; 16]);
        let error = parse(Path::new("x"), &bytes).unwrap_err().to_string();
        assert!(error.contains("impossible") || error.contains("holds 0"), "{error}");
    }
}
