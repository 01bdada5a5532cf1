//! The program as a user calls it.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![allow(dead_code, reason = "each file of tests calls it in ways of its own")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs a line of arguments in a folder.
pub fn vaekit(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(line.split_whitespace()).current_dir(dir).env_remove("VAEKIT_DATA").output().unwrap()
}

/// The figures of a line that must succeed; null where it prints none.
pub fn figures(dir: &Path, line: &str) -> serde_json::Value {
    let output = vaekit(dir, &format!("{line} --json --quiet"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// A line that must be refused in one line, with these words in it.
pub fn refused(dir: &Path, line: &str, words: &[&str]) {
    let output = vaekit(dir, line);
    let told = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(output.status.code() == Some(2) && errors.len() == 1, "{line}: {told}");
    assert!(words.iter().all(|word| errors[0].contains(word)), "{line}: {told}");
}
