//! Damage at random, by the number of an input.

use std::io::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is put around bytes after they were damaged, so that a checksum does not hide what lies below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Nothing.
    None,
    /// One array of an archive, stored.
    Npz,
    /// The checksums of the chunks of a PNG file made right, every second time.
    Png,
    /// A gzip member, every second time.
    Gzip,
}

/// Words that formats look at.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "1e-320",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999",
    "",
    ",",
    "\"",
    "\n",
    "\r\n",
    "\0",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "'",
    "true",
    "null",
    "<f4",
    "<f8",
    "|u1",
    ">i8",
    "|O",
    "F32",
    "shape",
    "data_offsets",
    "kind",
    "z0",
];

const NUMBERS: &[u64] =
    &[0, 1, 2, 7, 127, 128, 255, 256, 32_767, 65_535, 1 << 24, 1 << 31, u32::MAX as u64, 1 << 40, 1 << 63, u64::MAX];

/// The bytes of an input.
pub fn input(target: &str, seeds: &[Vec<u8>], number: u64, wrap: Wrap) -> Vec<u8> {
    let mut name = [0u8; 32];
    target.bytes().take(24).enumerate().for_each(|(i, b)| name[i] = b);
    name[24..].copy_from_slice(&number.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(name);
    let mut bytes = seeds[below(&mut rng, seeds.len())].clone();
    for _ in 0..1 + below(&mut rng, 6) {
        damage(&mut bytes, seeds, &mut rng);
    }
    bytes.truncate(1 << 20);
    wrapped(bytes, wrap, rng.next_u32().is_multiple_of(2))
}

fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    (rng.next_u64() % n.max(1) as u64) as usize
}

fn damage(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    let n = bytes.len();
    let at = below(rng, n + 1);
    let run = |rng: &mut ChaCha8Rng| at..(at + 1 + below(rng, 1 + n / 8)).min(n);
    match rng.next_u32() % 12 {
        0 if at < n => bytes[at] ^= 1 << (rng.next_u32() % 8),
        1 if at < n => bytes[at] = rng.next_u32() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(run(rng))),
        4 => {
            let copy: Vec<u8> = bytes[run(rng)].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            let many = 1 + below(rng, 64);
            let fill = rng.next_u32() as u8;
            bytes.splice(at..at, std::iter::repeat_n(fill, many));
        }
        6 | 7 => {
            let word = WORDS[below(rng, WORDS.len())].as_bytes();
            let over = if rng.next_u32().is_multiple_of(2) { 0 } else { word.len() };
            bytes.splice(at..(at + over).min(n), word.iter().copied());
        }
        8 | 9 => {
            let number = NUMBERS[below(rng, NUMBERS.len())];
            let wide = [1, 2, 4, 8][below(rng, 4)];
            let all = if rng.next_u32().is_multiple_of(2) { number.to_le_bytes() } else { number.to_be_bytes() };
            let part = if rng.next_u32().is_multiple_of(2) { &all[..wide] } else { &all[8 - wide..] };
            bytes.splice(at..(at + wide).min(n), part.iter().copied());
        }
        10 => {
            // A digit becomes another, which keeps numbers numbers.
            if let Some(place) = (0..n).map(|i| (at + i) % n).find(|i| bytes[*i].is_ascii_digit()) {
                bytes[place] = b'0' + (rng.next_u32() % 10) as u8;
            }
        }
        _ => {
            let other = &seeds[below(rng, seeds.len())];
            let from = below(rng, other.len() + 1);
            let to = (from + below(rng, 64)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
    }
}

fn wrapped(bytes: Vec<u8>, wrap: Wrap, second: bool) -> Vec<u8> {
    match wrap {
        Wrap::Npz => zipped(&bytes).unwrap_or_default(),
        Wrap::Png if second => with_checksums(bytes),
        Wrap::Gzip if second => {
            let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            let written = member.write_all(&bytes);
            written.and_then(|()| member.finish()).unwrap_or_default()
        }
        _ => bytes,
    }
}

fn zipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("x.npy", stored).ok()?;
    archive.write_all(bytes).ok()?;
    Some(archive.finish().ok()?.into_inner())
}

/// The chunks of a PNG file with the checksums that they should have.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while at + 12 <= bytes.len() {
        let length = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let Some(end) = at.checked_add(8).and_then(|start| start.checked_add(length)).filter(|e| e + 4 <= bytes.len())
        else {
            break;
        };
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
    bytes
}
