//! Lines to the two outputs.

use std::io::Write;

/// A line of result on standard output. A reader that has gone is not our trouble.
pub fn out(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line for the person who watches, on standard error.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Something to know before trusting the figures.
pub fn warning(line: &str) {
    note(&format!("warning: {line}"));
}

/// What went wrong, in one line.
pub fn error(line: &str) {
    note(&format!("error: {}", line.split_whitespace().collect::<Vec<_>>().join(" ")));
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
