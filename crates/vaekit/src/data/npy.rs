//! NumPy's npy arrays and npz archives, without NumPy's pickles.
//!
//! The reader is our own because a header is not to be believed: sizes are
//! multiplied with overflow checks and compared with the bytes at hand before
//! anything is allocated.
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::{BufReader, Read, Write};
use std::path::Path;

use crate::{Error, Result, budget, error};

use super::readers::{Reader, extension};
use super::{Rows, memory};

/// `.npy`
pub(super) const READER: Reader = Reader {
    name: "an npy array",
    reads: "booleans, integers or floats of shape [N, D], [N, H, W], [N, H, W, C] or [N, C, H, W]; .npy",
    settings: &[],
    knows: |path| extension(path) == "npy",
    read: |path, _| memory::of_array(path, read_npy(path)?),
};

/// An array of any numeric type, as rows of bytes or f32.
#[derive(Debug)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Rows,
}

/// Reads a `.npy` file.
///
/// # Errors
/// Anything but an array of booleans, integers or floats that fills
/// its header's shape exactly.
pub fn read_npy(path: &Path) -> Result<Array> {
    parse(&path.display().to_string(), &mut BufReader::new(error::open(path)?))
}

/// The arrays of an `.npz` archive, by name, in the archive's order.
pub fn npz_keys(path: &Path) -> Result<Vec<String>> {
    let archive = open_archive(path)?;
    let names = archive.file_names().filter_map(Result::ok);
    Ok(names.filter_map(|n| n.strip_suffix(".npy").map(str::to_owned)).collect())
}

/// Reads one array of an `.npz` archive.
///
/// # Errors
/// As [`read_npy`], and a key that is not there.
pub fn read_npz(path: &Path, key: &str) -> Result<Array> {
    let mut archive = open_archive(path)?;
    let place = format!("{} [{key}]", path.display());
    let mut file =
        archive.by_name(&format!("{key}.npy")).map_err(|e| Error::data(&place, format!("not readable: {e}")))?;
    parse(&place, &mut file)
}

fn open_archive(path: &Path) -> Result<zip::ZipArchive<BufReader<std::fs::File>>> {
    zip::ZipArchive::new(BufReader::new(error::open(path)?))
        .map_err(|e| Error::data(path.display(), format!("not a readable npz archive: {e}")))
}

/// The longest header that is read: NumPy's own are shorter than 1 KiB.
const MAX_HEADER: usize = 1 << 16;

/// Reads no more than the header needs, and one byte that should not be there.
fn parse(place: &str, file: &mut dyn Read) -> Result<Array> {
    let fail = |problem: String| Err(Error::data(place, problem));
    let mut take = |n: usize| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = file.take(n as u64).read_to_end(&mut bytes);
        read.map_err(|e| Error::data(place, format!("cannot be read: damaged or cut short ({e})")))?;
        Ok(bytes)
    };
    let start = take(10)?;
    if start.len() < 10 || &start[..6] != b"\x93NUMPY" {
        return fail("not an npy array: the first bytes are not \\x93NUMPY".into());
    }
    let len = match start[6] {
        1 => usize::from(u16::from_le_bytes([start[8], start[9]])),
        2 | 3 => match *take(2)?.as_slice() {
            [c, d] => u32::from_le_bytes([start[8], start[9], c, d]) as usize,
            _ => return fail("cut short inside the npy header".into()),
        },
        v => return fail(format!("npy version {v} is not known; save the array again with a current NumPy")),
    };
    if len > MAX_HEADER {
        return fail(format!("its header is {len} bytes long, expected at most {MAX_HEADER}"));
    }
    let header = take(len)?;
    let Some(header) = Some(header).filter(|h| h.len() == len).and_then(|h| String::from_utf8(h).ok()) else {
        return fail("cut short inside the npy header".into());
    };
    let (Some(descr), Some(order), Some(shape)) =
        (field(&header, "descr"), field(&header, "fortran_order"), shape(&header))
    else {
        return fail("the npy header lacks a plain 'descr', 'fortran_order' or 'shape'".into());
    };
    let descr = descr.trim_matches(['\'', '"']);
    let Some(size) = descr.get(2..).and_then(|d| d.parse::<usize>().ok()).filter(|s| (1..=8).contains(s)) else {
        return fail(format!("element type {descr} is not supported; expected booleans, integers or floats"));
    };
    let Some(expected) = shape.iter().try_fold(size, |n, &d| n.checked_mul(d)) else {
        return fail(format!("the header claims the impossible shape {shape:?}"));
    };
    // The bytes as they are, and the numbers that they become.
    budget::ask_values(place, &format!("an array of shape {shape:?}"), &[expected / size, (size + 4).div_ceil(4)])?;
    let body = take(expected.saturating_add(1))?;
    if body.len() != expected {
        let found = if body.len() > expected { "more".to_owned() } else { format!("{} bytes", body.len()) };
        return fail(format!(
            "the header says shape {shape:?} of {descr}, which is {expected} bytes, the array holds {found}"
        ));
    }
    match values(descr, size, &body) {
        Some(Rows::U8(v)) if order == "True" => Ok(Array { values: Rows::U8(row_major(&shape, &v)), shape }),
        Some(Rows::F32(v)) if order == "True" => Ok(Array { values: Rows::F32(row_major(&shape, &v)), shape }),
        Some(values) => Ok(Array { shape, values }),
        None => fail(format!("element type {descr} is not supported; expected booleans, integers or floats")),
    }
}

/// The text after `'name':` up to the next comma; enough for the plain dictionaries that NumPy writes.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{name}'"))?;
    let rest = header[at + name.len() + 2..].trim_start().strip_prefix(':')?.trim_start();
    Some(rest.split([',', '}']).next()?.trim())
}

fn shape(header: &str) -> Option<Vec<usize>> {
    let rest = &header[header.find("'shape'")?..];
    let inside = rest.split_once('(')?.1.split_once(')')?.0;
    inside.split(',').map(str::trim).filter(|d| !d.is_empty()).map(|d| d.parse().ok()).collect()
}

fn values(descr: &str, size: usize, body: &[u8]) -> Option<Rows> {
    let big = descr.starts_with('>');
    // Every element type as f64 first: f32 cannot hold all integers, but it is
    // what models compute with, so the loss happens here and only once.
    let word = |b: &[u8]| -> u64 {
        let fold = |acc: u64, &byte: &u8| acc << 8 | u64::from(byte);
        if big { b.iter().fold(0, fold) } else { b.iter().rev().fold(0, fold) }
    };
    let all = |f: &dyn Fn(u64) -> f64| Rows::F32(body.chunks(size).map(|b| f(word(b)) as f32).collect());
    let spare = 64 - 8 * size as u32;
    Some(match (descr.as_bytes()[1], size) {
        (b'u' | b'b', 1) => Rows::U8(body.to_vec()),
        (b'u', _) => all(&|w| w as f64),
        (b'i', _) => all(&|w| ((w << spare) as i64 >> spare) as f64),
        (b'f', 4) => all(&|w| f64::from(f32::from_bits(w as u32))),
        (b'f', 8) => all(&f64::from_bits),
        _ => return None,
    })
}

/// Column-major ("Fortran") values in row-major order.
fn row_major<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for i in 1..shape.len() {
        strides[i] = strides[i - 1] * shape[i - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>()]);
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    out
}

/// Writes an f32 array in npy format, version 1.
///
/// # Errors
/// Whatever the writer says.
pub fn write_npy(out: &mut dyn Write, shape: &[usize], values: &[f32]) -> std::io::Result<()> {
    let dims: String = shape.iter().map(|d| format!("{d},")).collect();
    let dims = if shape.len() == 1 { dims } else { dims.trim_end_matches(',').replace(',', ", ") };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({dims}), }}");
    // Data starts at a multiple of 64 bytes, as NumPy does for mapped files.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    write_npy_values(out, values)
}

/// The numbers of an array alone, as they follow its header.
///
/// # Errors
/// Whatever the writer says.
pub fn write_npy_values(out: &mut dyn Write, values: &[f32]) -> std::io::Result<()> {
    values.chunks(1 << 14).try_for_each(|values| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        out.write_all(&bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn what_is_written_reads_back_and_no_truncation_does() {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, &[2, 3], &[1.0, -2.5, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let array = parse("x", &mut &bytes[..]).unwrap();
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.values, Rows::F32(vec![1.0, -2.5, 3.0, 4.0, 5.0, 6.0]));
        for cut in 0..bytes.len() {
            assert!(parse("x", &mut &bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn integers_of_either_sign_and_byte_order_read() {
        let array = parse("x", &mut npy("<i2", "(2,)", &[0xff, 0xff, 2, 0]).as_slice()).unwrap();
        assert_eq!(array.values, Rows::F32(vec![-1.0, 2.0]));
        let array = parse("x", &mut npy(">u4", "(1,)", &[0, 0, 1, 0]).as_slice()).unwrap();
        assert_eq!(array.values, Rows::F32(vec![256.0]));
        let array = parse("x", &mut npy("<f8", "(1,)", &0.5f64.to_le_bytes()).as_slice()).unwrap();
        assert_eq!(array.values, Rows::F32(vec![0.5]));
    }

    #[test]
    fn absurd_shapes_and_objects_are_refused() {
        let huge = format!("({0}, {0})", 1u64 << 40);
        for bytes in [npy("<f4", &huge, &[]), npy("|O", "(1,)", &[0; 8]), npy("<c8", "(1,)", &[0; 8])] {
            assert!(parse("x", &mut &bytes[..]).is_err());
        }
    }

    #[test]
    fn fortran_order_is_turned_round() {
        let mut bytes = npy("|u1", "(2, 3)", &[1, 4, 2, 5, 3, 6]);
        let at = bytes.windows(5).position(|w| w == b"False").unwrap();
        bytes[at..at + 5].copy_from_slice(b"True ");
        assert_eq!(parse("x", &mut &bytes[..]).unwrap().values, Rows::U8(vec![1, 2, 3, 4, 5, 6]));
    }
}
