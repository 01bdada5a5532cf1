//! A module imports only modules to its left; so the main path stays one way.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;

/// From left to right. `train` and `uses` meet at the run folder and never import each other.
const ORDER: [&str; 17] = [
    "error",
    "budget",
    "declare",
    "rng",
    "data",
    "nn",
    "model",
    "objective",
    "variants",
    "plot",
    "eval",
    "settings",
    "run",
    "train",
    "uses",
    "bench",
    "sweep",
];

fn sources(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let relative = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            found.push((relative, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The first word after each `crate::`, and of each item of a `crate::{..}`.
fn imported(text: &str) -> Vec<&str> {
    let first = |rest: &'_ str| rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{').and_then(|group| group.split(';').next()) {
            Some(group) => found.extend(group.split(',').map(str::trim).map(|item| &item[..first(item)])),
            None => found.push(&rest[..first(rest)]),
        }
    }
    found
}

#[test]
fn grouped_imports_are_seen() {
    assert_eq!(imported("use crate::{Error, train::X};\nuse crate::data::Y;"), ["Error", "train", "data"]);
}

#[test]
fn imports_point_left() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 40);
    for (file, text) in files {
        let module = file.split(['/', '.']).next().unwrap();
        let Some(place) = ORDER.iter().position(|m| *m == module) else {
            assert_eq!(module, "lib", "{file}: put the new module into ORDER");
            continue;
        };
        for used in imported(&text) {
            let Some(other) = ORDER.iter().position(|m| *m == used) else { continue };
            assert!(other <= place, "{file} imports {used}, which lies to its right");
            assert!(module != "uses" || used != "train", "{file} imports train");
        }
    }
}

#[test]
fn files_stay_small_and_are_named_for_what_they_hold() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for (file, text) in files {
        assert!(text.lines().count() <= 420, "{file} has {} lines; split it", text.lines().count());
        let stem = file.rsplit('/').next().unwrap().trim_end_matches(".rs");
        assert!(!["utils", "util", "helpers", "helper", "base", "manager", "common", "misc"].contains(&stem), "{file}");
        assert!(text.starts_with("//!"), "{file} does not say what it is for");
    }
}
