//! Signals: what a parent ignores stays ignored, a sweep takes its trainings along, half a file is never left.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn vaekit(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(line.split_whitespace()).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Waits until something holds; a test that hangs says less than one that fails.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(signal: &str, id: u32) {
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
}

fn ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// The number of epochs that a run has lines of.
fn epochs(run: &Path) -> usize {
    std::fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |text| text.lines().count())
}

#[test]
fn what_the_parent_ignores_stays_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin!("vaekit").display().to_string();
    let train = "train rings --epochs 100000 --hidden 8 --quiet --out run";
    let ignoring = format!("trap '' HUP INT; exec {program} {train}");
    let mut child = Command::new("sh").args(["-c", &ignoring]).current_dir(dir.path()).spawn().unwrap();
    let run = dir.path().join("run");
    until("training begins", || epochs(&run) > 0);
    send("-HUP", child.id());
    send("-INT", child.id());
    let before = epochs(&run);
    until("training goes on", || epochs(&run) > before + 20);
    assert!(!ended(&mut child));
    send("-TERM", child.id());
    until("it ends at a signal that nobody ignores", || ended(&mut child));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_sweep_takes_its_trainings_along_however_it_ends() {
    for signal in ["-TERM", "-KILL"] {
        let dir = tempfile::tempdir().unwrap();
        let text = "data = \"rings\"\nepochs = 100000\nhidden = [8]\n[sweep]\nseed = [0, 1, 2]\n";
        std::fs::write(dir.path().join("s.toml"), text).unwrap();
        let mut sweep = vaekit(dir.path(), "sweep s.toml --jobs 2 --out out --quiet").spawn().unwrap();
        let runs = ["seed=0", "seed=1"].map(|name| dir.path().join("out").join(name));
        until("two runs train", || runs.iter().all(|run| epochs(run) > 0));
        send(signal, sweep.id());
        until("the sweep ends", || ended(&mut sweep));
        let counts = || runs.each_ref().map(|run| epochs(run));
        until("the trainings end", || {
            let before = counts();
            std::thread::sleep(Duration::from_millis(400));
            counts() == before
        });
        let saved = runs.iter().all(|run| run.join("state/checkpoint.safetensors").is_file());
        assert!(saved, "{signal}: they save before they end");
        assert!(!dir.path().join("out/seed=2").exists(), "{signal}: no more are started");
        // What is there goes on.
        std::fs::write(dir.path().join("s.toml"), text.replace("[0, 1, 2]", "[0]")).unwrap();
        let mut again = vaekit(dir.path(), "sweep s.toml --out out --quiet").spawn().unwrap();
        let before = epochs(&runs[0]);
        until("the run goes on", || epochs(&runs[0]) > before);
        send("-KILL", again.id());
        let _ = again.wait();
    }
}

#[test]
fn a_verb_that_is_ended_leaves_no_half_written_file() {
    let dir = tempfile::tempdir().unwrap();
    let train = "train digits --limit 500 --epochs 1 --hidden 64 --quiet --out run";
    assert!(vaekit(dir.path(), train).status().unwrap().success());
    let mut sample = vaekit(dir.path(), "sample run -n 2000000 --out many.csv").spawn().unwrap();
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
        entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    };
    until("the file is being written", || names().iter().any(|name| name.starts_with(".vaekit-")));
    send("-TERM", sample.id());
    until("it ends", || ended(&mut sample));
    assert_eq!(names(), ["run"], "nothing is left");
}
