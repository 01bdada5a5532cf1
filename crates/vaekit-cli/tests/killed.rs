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

const SETTINGS: [&str; 16] = [
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
    "--save-every",
    "0.05",
];

#[test]
fn ten_kills_and_ten_resumes_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let whole: Vec<&str> = SETTINGS.iter().copied().chain(["--out", "whole", "--threads", "1"]).collect();
    let begun = std::time::Instant::now();
    assert!(vaekit(&whole, dir.path()).status().unwrap().success());
    let alone = begun.elapsed();

    let pieces: Vec<&str> = SETTINGS.iter().copied().chain(["--out", "pieces", "--threads", "2"]).collect();
    let resume = ["train", "--resume", "pieces", "--threads", "2", "--save-every", "0.05"];
    // Moments that differ from run to run, as a person's would.
    let mut inside = 0;
    let mut moment = u64::from(std::process::id());
    for kill in 0..10 {
        let there = dir.path().join("pieces/run.toml").exists();
        let mut child = vaekit(if there { &resume } else { &pieces }, dir.path()).spawn().unwrap();
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Short enough that the run does not end before the kills do.
        let wait = (moment >> 33) % (alone.as_millis() as u64 / 4).max(1);
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let _ = child.wait();
        if let Ok(checkpoint) = std::fs::read(dir.path().join("pieces/state/checkpoint.safetensors")) {
            let text = String::from_utf8_lossy(&checkpoint[..4096.min(checkpoint.len())]).into_owned();
            inside += usize::from(!text.contains("\\\"batch\\\":0,"));
        }
        eprintln!("kill {kill} done, {inside} of them inside an epoch");
    }
    assert!(inside > 0, "no kill fell on a checkpoint inside an epoch: the test shows too little");
    let there = dir.path().join("pieces/run.toml").exists();
    assert!(vaekit(if there { &resume } else { &pieces }, dir.path()).status().unwrap().success());
    let model = |run: &str| std::fs::read(dir.path().join(run).join("model.safetensors")).unwrap();
    assert!(model("whole") == model("pieces"), "the killed run ended with other weights");
    let leftovers = std::fs::read_dir(dir.path().join("pieces")).unwrap().flatten();
    assert!(!leftovers.map(|e| e.file_name()).any(|n| n.to_string_lossy().starts_with(".vaekit-")));
}

#[test]
fn an_interrupt_saves_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["train", "rings", "--epochs", "100000", "--hidden", "8", "--out", "run"];
    let child = vaekit(&args, dir.path()).stderr(Stdio::piped()).spawn().unwrap();
    // It listens once the first checkpoint or line of metrics is there.
    while !dir.path().join("run/metrics.jsonl").metadata().is_ok_and(|m| m.len() > 0) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("vaekit train --resume run"), "{told}");
    assert!(vaekit(&["evaluate", "run"], dir.path()).status().unwrap().success());
    assert!(dir.path().join("run/state/checkpoint.safetensors").is_file());
}
