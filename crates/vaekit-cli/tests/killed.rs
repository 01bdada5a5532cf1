//! A run killed with SIGKILL at any moment goes on to the bytes of one left alone.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn vaekit(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

const SETTINGS: [&str; 14] = [
    "train",
    "grid-of-gaussians",
    "--hidden",
    "32,32",
    "--epochs",
    "60",
    "--batch",
    "32",
    "--patience",
    "50",
    "--kl-schedule",
    "linear",
    "--lr-schedule",
    "cosine",
];

#[test]
fn ten_kills_and_ten_resumes_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let whole: Vec<&str> = SETTINGS.iter().copied().chain(["--out", "whole", "--threads", "1"]).collect();
    let begun = std::time::Instant::now();
    assert!(vaekit(&whole, dir.path()).status().unwrap().success());
    let alone = begun.elapsed();

    let pieces: Vec<&str> = SETTINGS.iter().copied().chain(["--out", "pieces", "--threads", "2"]).collect();
    let resume = ["train", "--resume", "pieces", "--threads", "2"];
    // Moments that differ from run to run, as a person's would.
    let mut moment = u64::from(std::process::id());
    for kill in 0..10 {
        let there = dir.path().join("pieces/run.toml").exists();
        let mut child = vaekit(if there { &resume } else { &pieces }, dir.path()).spawn().unwrap();
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = (moment >> 33) % alone.as_millis().max(1) as u64;
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let _ = child.wait();
        // A folder without run.toml was killed before it was a run; it is begun anew.
        if !dir.path().join("pieces/run.toml").exists() {
            let _ = std::fs::remove_dir_all(dir.path().join("pieces"));
        }
        eprintln!("kill {kill} done");
    }
    let there = dir.path().join("pieces/run.toml").exists();
    assert!(vaekit(if there { &resume } else { &pieces }, dir.path()).status().unwrap().success());
    let model = |run: &str| std::fs::read(dir.path().join(run).join("model.safetensors")).unwrap();
    assert!(model("whole") == model("pieces"), "the killed run ended with other weights");
    let leftovers = std::fs::read_dir(dir.path().join("pieces")).unwrap().flatten();
    assert!(!leftovers.map(|e| e.file_name()).any(|n| n.to_string_lossy().starts_with(".vaekit-")));
}
