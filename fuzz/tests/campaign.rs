//! Every target takes some damaged files without a panic, and a number is a file for ever.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::process::Command;

fn fuzz(args: &[&str]) -> (bool, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("vaekit-fuzz")).args(args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn damaged_files_of_every_kind_are_refused_or_read() {
    let (held, told) = fuzz(&["--inputs", "300"]);
    assert!(held, "{told}");
    for line in told.lines() {
        assert!(line.contains("300 inputs") && line.contains(", 0 panics,"), "{told}");
        // A corpus that is not found, or damage that nothing survives, would show too little.
        let read: u32 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert!(read > 0 && read < 300, "{line}");
    }
    assert!(told.lines().count() >= 14, "{told}");
}

#[test]
fn an_input_is_the_same_by_its_number_alone() {
    let reads = |first: &str, n: &str| {
        let (_, told) = fuzz(&["csv", "--first", first, "--inputs", n]);
        told.split_whitespace().nth(3).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(reads("0", "40") + reads("40", "60"), reads("0", "100"));
}
