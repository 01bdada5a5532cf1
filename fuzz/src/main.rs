//! Gives every reader files that were damaged at random, and says what came of it.
//!
//! ```sh
//! cargo run --release -p vaekit-fuzz -- --seconds 60            # every target for a minute
//! cargo run --release -p vaekit-fuzz -- csv --inputs 100000     # one target, so many files
//! cargo run --release -p vaekit-fuzz -- csv --only 4711         # one file again
//! ```
//!
//! A file is made from the committed corpus by the number of the input alone, so that a number is a file for ever. What
//! makes a reader panic is kept in `fuzz/found`. Run it under `ulimit -v 6000000` to see what takes too much memory; an
//! input that takes more than 30 seconds ends the program.

mod corpus;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use targets::{TARGETS, Target, Workplace};

/// The longest that a reader may take for one file.
const LONGEST: Duration = Duration::from_secs(30);

/// Gives every reader damaged files.
#[derive(Parser)]
struct Flags {
    /// Targets; all unless said
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60, conflicts_with = "inputs")]
    seconds: u64,
    /// Inputs for each target in place of a time
    #[arg(long)]
    inputs: Option<u64>,
    /// The number of the first input
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// One input alone
    #[arg(long)]
    only: Option<u64>,
    /// Write the corpus and end
    #[arg(long)]
    write_corpus: bool,
    /// Add a line a target to this file
    #[arg(long)]
    lines: Option<PathBuf>,
}

/// What came of a target.
struct Outcome {
    inputs: u64,
    /// Inputs that were read all the same.
    read: u64,
    panics: Vec<u64>,
    slowest: Duration,
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn main() {
    let flags = Flags::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if flags.write_corpus {
        corpus::write(&root.join("corpus"));
        return;
    }
    let unknown = flags.targets.iter().find(|name| TARGETS.iter().all(|t| t.name != name.as_str()));
    if let Some(name) = unknown {
        let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
        println!("error: '{name}' is no target; expected some of {}", names.join(", "));
        std::process::exit(2);
    }
    // The message of a panic is in the outcome; a thousand of them would bury it.
    std::panic::set_hook(Box::new(|_| ()));
    let mut failed = false;
    for target in TARGETS.iter().filter(|t| flags.targets.is_empty() || flags.targets.iter().any(|n| n == t.name)) {
        let found = run(target, &flags, root);
        let slowest = found.slowest.as_millis();
        println!(
            "{:<14}{:>9} inputs, {:>8} of them read, {} panics, slowest {slowest} ms",
            target.name,
            found.inputs,
            found.read,
            found.panics.len()
        );
        if let Some(path) = &flags.lines {
            let line = serde_json::json!({
                "target": target.name, "inputs": found.inputs, "read": found.read, "panics": found.panics.len(),
                "slowest_ms": slowest,
            });
            add(path, &line.to_string());
        }
        failed |= !found.panics.is_empty();
    }
    std::process::exit(i32::from(failed));
}

#[expect(
    clippy::print_stdout,
    clippy::exit,
    reason = "it is a program, and a reader that hangs cannot be stopped otherwise"
)]
fn run(target: &Target, flags: &Flags, root: &Path) -> Outcome {
    let seeds = corpus::read(&root.join("corpus").join(target.name));
    let place = Workplace::new();
    let begun = Instant::now();
    let mut found = Outcome { inputs: 0, read: 0, panics: Vec::new(), slowest: Duration::ZERO };
    let (first, last) = match (flags.only, flags.inputs) {
        (Some(only), _) => (only, only + 1),
        (None, Some(inputs)) => (flags.first, flags.first + inputs),
        (None, None) => (flags.first, u64::MAX),
    };
    // The start of the input under way, in milliseconds of this target, for the watch.
    let (since, current, name) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(first)), target.name);
    let (watched, under_way) = (Arc::clone(&since), Arc::clone(&current));
    let watch = move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let at = watched.load(Ordering::Relaxed);
            if at == u64::MAX {
                return;
            }
            if begun.elapsed().saturating_sub(Duration::from_millis(at)) > LONGEST {
                let number = under_way.load(Ordering::Relaxed);
                println!("{name}: input {number} takes more than {} s", LONGEST.as_secs());
                std::process::exit(3);
            }
        }
    };
    std::thread::spawn(watch);
    for number in first..last {
        if flags.only.is_none() && flags.inputs.is_none() && begun.elapsed().as_secs() >= flags.seconds {
            break;
        }
        let bytes = mutate::input(target.name, &seeds, number, target.wrap);
        current.store(number, Ordering::Relaxed);
        since.store(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        let one = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (target.read)(&place, &bytes)));
        found.slowest = found.slowest.max(one.elapsed());
        found.inputs += 1;
        match read {
            Ok(read) => found.read += u64::from(read),
            Err(panic) => {
                let told = panic.downcast_ref::<String>().cloned();
                let told = told.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
                println!("{}: input {number} panics: {told}", target.name);
                let kept = root.join("found");
                let _ = std::fs::create_dir_all(&kept);
                let _ = std::fs::write(kept.join(format!("{}-{number}", target.name)), &bytes);
                found.panics.push(number);
            }
        }
    }
    since.store(u64::MAX, Ordering::Relaxed);
    found
}

fn add(path: &Path, line: &str) {
    use std::io::Write;
    if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(file, "{line}");
    }
}
