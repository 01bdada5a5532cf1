//! Values from what a person typed, and errors in plain words.

/// A type error of the parser, without the names of Rust's types.
pub(super) fn in_plain_words(problem: &str) -> String {
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

/// A number, a truth value, or else text.
pub(super) fn parse_value(text: &str) -> toml::Value {
    if let Ok(i) = text.parse::<i64>() {
        return i.into();
    }
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<f64>().map_or_else(|_| text.into(), Into::into),
    }
}
