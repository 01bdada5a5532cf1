//! Errors of the parser in plain words.

/// A type error of the parser, without the names of Rust's types.
pub(crate) fn in_plain_words(problem: &str) -> String {
    let line = problem.lines().next().unwrap_or_default();
    let words = [
        ("invalid type: string ", "found "),
        ("invalid type: integer ", "found "),
        ("invalid type: floating point ", "found "),
        ("invalid type: boolean ", "found "),
        ("invalid value: integer ", "found "),
        ("expected f64", "expected a number"),
        ("expected u64", "expected a whole number, not below 0"),
        ("expected usize", "expected a whole number, not below 0"),
        ("expected u32", "expected a whole number, not below 0"),
        ("expected a sequence", "expected a list"),
        ("unknown variant", "unknown choice"),
    ];
    words.iter().fold(line.to_owned(), |text, (from, to)| text.replace(from, to))
}
