//! The idx format of MNIST: two zero bytes, a type, a rank, big-endian sizes, bytes.
//!
//! Only type 8 (unsigned byte) is read, which is what images and labels use.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{Error, Result, budget, error};

use super::npy::Array;
use super::readers::Reader;
use super::{Rows, memory};

/// An idx file.
pub(super) const READER: Reader = Reader {
    name: "an idx file",
    reads: "unsigned bytes of any shape, as MNIST has them; a name with idx or ubyte, .gz or not",
    settings: &[],
    knows: |path| {
        let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        path.is_file() && (name.contains("idx") || name.contains("ubyte"))
    },
    read: |path, _| {
        let Idx { shape, bytes } = read_idx(path)?;
        memory::of_array(path, Array { shape, values: Rows::U8(bytes) })
    },
};

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
/// sizes say. Nothing is allocated by what a header claims, and nothing is
/// unpacked beyond it: the buffer grows with the bytes that are there.
pub fn read_idx(path: &Path) -> Result<Idx> {
    parse(path, &mut unzipped(path)?)
}

/// Reads a file of at most `most` bytes, unpacking it when it starts with the gzip magic.
pub(super) fn read_unzipped(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    unzipped(path)?.take(most + 1).read_to_end(&mut bytes).map_err(|e| damaged(path, &e))?;
    if bytes.len() as u64 > most {
        return Err(Error::data(path.display(), format!("holds more than the {most} bytes that are expected")));
    }
    Ok(bytes)
}

fn unzipped(path: &Path) -> Result<Box<dyn Read>> {
    let mut file = BufReader::new(error::open(path)?);
    let packed = file.fill_buf().map_err(|e| damaged(path, &e))?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn damaged(path: &Path, e: &std::io::Error) -> Error {
    Error::data(path.display(), format!("cannot be read: damaged or cut short ({e})"))
}

fn parse(path: &Path, file: &mut dyn Read) -> Result<Idx> {
    let fail = |problem: String| Err(Error::data(path.display(), problem));
    let mut header = [0u8; 20];
    file.read_exact(&mut header[..4]).map_err(|e| damaged(path, &e))?;
    let (kind, rank) = (header[2], usize::from(header[3]));
    if header[0] != 0 || header[1] != 0 || kind != 8 || !(1..=4).contains(&rank) {
        return fail(format!(
            "not an idx file of bytes: it starts {:02x} {:02x} {kind:02x} {rank:02x}, expected 00 00 08 and a rank of 1 to 4",
            header[0], header[1]
        ));
    }
    let sizes = &mut header[4..4 + 4 * rank];
    file.read_exact(sizes).map_err(|e| damaged(path, &e))?;
    let shape: Vec<usize> = sizes.chunks(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let expected = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64));
    let Some(expected) = expected else {
        return fail(format!("the header claims the impossible shape {shape:?}"));
    };
    budget::ask(path.display(), &format!("values of shape {shape:?}"), expected)?;
    let mut bytes = Vec::new();
    // One byte more than expected is enough to know that there are too many.
    file.take(expected + 1).read_to_end(&mut bytes).map_err(|e| damaged(path, &e))?;
    let found = bytes.len() as u64;
    if found != expected {
        let found = if found > expected { "more".to_owned() } else { found.to_string() };
        return fail(format!("the header says {expected} values ({shape:?}), the file holds {found}"));
    }
    Ok(Idx { shape, bytes })
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
        let idx = parse(Path::new("x"), &mut &sample()[..]).unwrap();
        assert_eq!((idx.shape, idx.bytes), (vec![2, 1, 2], vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_gzip_file_of_several_members_reads() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x-idx3-ubyte.gz");
        let bytes = sample();
        let mut packed = Vec::new();
        for part in bytes.chunks(7) {
            let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            member.write_all(part).unwrap();
            packed.extend(member.finish().unwrap());
        }
        std::fs::write(&path, packed).unwrap();
        assert_eq!(read_idx(&path).unwrap().bytes, [1, 2, 3, 4]);
    }

    #[test]
    fn every_truncation_and_a_wrong_magic_are_refused() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            assert!(parse(Path::new("x"), &mut &bytes[..cut]).is_err(), "{cut}");
        }
        let mut wrong = bytes.clone();
        wrong[2] = 0x0d;
        assert!(parse(Path::new("x"), &mut &wrong[..]).is_err());
    }

    #[test]
    fn absurd_sizes_are_refused_without_allocating() {
        let mut bytes = vec![0, 0, 8, 4];
        bytes.extend([0xff; 16]);
        let error = parse(Path::new("x"), &mut &bytes[..]).unwrap_err().to_string();
        assert!(error.contains("impossible") || error.contains("holds 0"), "{error}");
    }
}
