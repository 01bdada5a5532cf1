//! Lines to the two outputs.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Mutex;

/// What went wrong with standard output first.
static BROKEN: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// A line of result on standard output.
pub fn out(line: &str) {
    keep(writeln!(std::io::stdout(), "{}", plain(line)));
}

/// A reader that has gone is not our trouble; a disk that is full is.
pub fn keep(written: std::io::Result<()>) {
    if let Err(e) = written
        && e.kind() != std::io::ErrorKind::BrokenPipe
        && let Ok(mut broken) = BROKEN.lock()
    {
        broken.get_or_insert(e);
    }
}

/// The exit code of a verb that ended with `code`: 1 where its results could not be written.
pub fn ended(code: std::process::ExitCode) -> std::process::ExitCode {
    keep(std::io::stdout().flush());
    let broken = BROKEN.lock().ok().and_then(|mut broken| broken.take());
    match broken {
        Some(e) => {
            error(&format!("standard output cannot be written: {e}"));
            std::process::ExitCode::FAILURE
        }
        None => code,
    }
}

/// A line for the person who watches, on standard error.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain(line));
}

/// Text whose control characters, which a file name or a cell may hold, are spelled out.
fn plain(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let spelled = |c: char| if is_odd(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(spelled).collect())
}

/// The most that an error says, in characters: beyond it the middle is left out.
const LONGEST: usize = 2_000;

fn cut(text: &str) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= LONGEST {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (LONGEST * 3 / 4, LONGEST / 4);
    let first: String = text.chars().take(head).collect();
    let last: String = text.chars().skip(length - tail).collect();
    Cow::Owned(format!("{first} [{} characters left out] {last}", length - head - tail))
}

/// Something to know before trusting the figures.
pub fn warning(line: &str) {
    note(&format!("warning: {}", cut(line)));
}

/// What went wrong, in one line.
pub fn error(line: &str) {
    note(&format!("error: {}", cut(&line.split_whitespace().collect::<Vec<_>>().join(" "))));
}

/// An object on standard output.
pub fn json(value: &serde_json::Value) {
    out(&value.to_string());
}

/// A number with thousands set apart.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tells what was written where.
pub fn wrote(path: &std::path::Path, rows: usize, common: &crate::Common) {
    if common.json {
        json(&serde_json::json!({"out": path, "rows": rows}));
    } else if !common.quiet {
        out(&format!("{} ({} rows)", path.display(), count(rows)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_spelled_and_long_lines_keep_both_ends() {
        assert_eq!(plain("a\u{1b}[31mb\tc"), "a\\u{1b}[31mb\tc");
        let long = format!("begin {} end", "x".repeat(200_000));
        let short = cut(&long);
        assert!(short.starts_with("begin") && short.ends_with("end") && short.len() < 2_200);
    }
}
