//! How much memory data, models and samples may take: one bound, asked before anything is allocated.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// 2 GiB.
const DEFAULT: u64 = 2 << 30;

static MOST: AtomicU64 = AtomicU64::new(DEFAULT);

/// Allows so many bytes for each thing that is held: a data set, a model with its optimizer, samples. The default is
/// 2 GiB.
pub fn set_memory(bytes: u64) {
    MOST.store(bytes, Ordering::Relaxed);
}

/// What is allowed.
pub fn memory() -> u64 {
    MOST.load(Ordering::Relaxed)
}

/// Refuses what is larger than allowed, before it is made. `place` is a file, a flag or a data set, `what` says what
/// would be held.
///
/// # Errors
/// More bytes than [`memory`].
pub fn ask(place: impl ToString, what: &str, bytes: u64) -> Result<()> {
    if bytes <= memory() {
        return Ok(());
    }
    let (found, most) = (size(bytes), size(memory()));
    let problem = format!(
        "{what}: needs {found} of memory, at most {most} is allowed; use less data or a smaller model, or raise --memory"
    );
    Err(Error::data(place, problem))
}

/// The same for an array of 32-bit numbers of these sizes, whose product may be beyond any number.
///
/// # Errors
/// As [`ask`].
pub fn ask_values(place: impl ToString, what: &str, sizes: &[usize]) -> Result<()> {
    let bytes = sizes.iter().try_fold(4u64, |n, size| n.checked_mul(*size as u64)).unwrap_or(u64::MAX);
    ask(place, what, bytes)
}

/// A size in the unit that suits it.
fn size(bytes: u64) -> String {
    match bytes {
        u64::MAX => "more than any machine has".into(),
        b if b >= 1 << 30 => format!("{:.1} GiB", b as f64 / f64::from(1 << 30)),
        b => format!("{:.1} MiB", b as f64 / f64::from(1 << 20)),
    }
}

/// A size as a person writes it: a number of bytes, or of KiB, MiB, GiB or TiB.
///
/// # Errors
/// Another word, or less than 1 MiB.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => f64::from(1 << 20),
        "g" | "gb" | "gib" => f64::from(1 << 30),
        "t" | "tb" | "tib" => (1u64 << 40) as f64,
        _ => return Err(format!("found '{text}', expected a size such as 2GiB or 500MiB")),
    };
    match number.parse::<f64>().map(|n| n * unit) {
        Ok(bytes) if bytes >= f64::from(1 << 20) && bytes < 1e18 => Ok(bytes as u64),
        _ => Err(format!("found '{text}', expected a size of 1MiB or more, such as 2GiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!([parse("2GiB"), parse("1.5 g"), parse("2097152")], [Ok(2 << 30), Ok(3 << 29), Ok(2 << 20)]);
        assert!(parse("much").is_err() && parse("3").is_err() && parse("-1G").is_err());
    }

    #[test]
    fn products_beyond_any_number_are_refused() {
        let told = ask_values("x.npy", "rows", &[usize::MAX, 7]).unwrap_err().to_string();
        assert!(told.contains("x.npy") && told.contains("--memory"), "{told}");
        assert!(ask_values("x.npy", "rows", &[1 << 20, 16]).is_ok());
    }
}
