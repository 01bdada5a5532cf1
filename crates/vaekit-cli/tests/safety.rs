//! Nothing is lost, replaced, followed or filled unasked, and whatever cannot be held is refused before it is.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::{Command, Output};

fn program() -> String {
    assert_cmd::cargo::cargo_bin!("vaekit").display().to_string()
}

fn vaekit(dir: &Path, line: &str) -> Output {
    Command::new(program()).args(line.split_whitespace()).current_dir(dir).env_remove("VAEKIT_DATA").output().unwrap()
}

fn done(dir: &Path, line: &str) -> String {
    let output = vaekit(dir, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and one error with the words.
fn refused(dir: &Path, line: &str, code: i32, words: &str) {
    let output = vaekit(dir, line);
    told(&output, line, code, words);
}

fn told(output: &Output, line: &str, code: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    assert!(errors.len() == 1 && errors[0].contains(words), "{line}: {text}");
}

/// A table and a run of it.
fn workplace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..80).map(|i| format!("{},{}\n", f64::from(i).sin(), f64::from(i * 7 % 13))).collect();
    std::fs::write(dir.path().join("own.csv"), format!("a,b\n{rows}")).unwrap();
    done(dir.path(), "train own.csv --epochs 2 --hidden 8 --latent 2 --quiet --out run");
    dir
}

#[test]
fn an_output_replaces_no_input_and_nothing_else_unasked() {
    let dir = workplace();
    let at = dir.path();
    let own = std::fs::read(at.join("own.csv")).unwrap();
    std::fs::write(at.join("codes.csv"), "z0,z1\n0,0\n").unwrap();
    for line in [
        "reconstruct run own.csv --out own.csv",
        "reconstruct run --out own.csv",
        "encode run --out own.csv",
        "sample run --out own.csv",
        "traverse run --out own.csv",
        "interpolate run --out own.csv",
        "decode run codes.csv --out codes.csv",
    ] {
        refused(at, line, 2, "what is read");
        refused(at, &format!("{line} --force"), 2, "what is read");
    }
    // By another name it is the same file.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at.join("own.csv"), at.join("other.csv")).unwrap();
        refused(at, "encode run --out other.csv --force", 2, "what is read");
    }
    assert_eq!(std::fs::read(at.join("own.csv")).unwrap(), own);

    // A picture of a folder that is read is read too.
    std::fs::create_dir(at.join("pictures")).unwrap();
    for i in 0..4u8 {
        image::GrayImage::from_pixel(4, 4, image::Luma([60 * i])).save(at.join(format!("pictures/{i}.png"))).unwrap();
    }
    done(at, "train pictures --epochs 1 --hidden 4 --latent 1 --quiet --out seen");
    refused(at, "reconstruct seen pictures --out pictures/0.png --force", 2, "what is read");

    std::fs::write(at.join("precious.csv"), "kept").unwrap();
    for line in ["encode run --out precious.csv", "sample run --out precious.csv", "reconstruct run --out precious.csv"]
    {
        refused(at, line, 2, "--force");
    }
    assert_eq!(std::fs::read(at.join("precious.csv")).unwrap(), b"kept");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = at.join("precious.csv");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        done(at, "encode run --out precious.csv --force --quiet");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "the mode is kept");
    }
    done(at, "train own.csv --epochs 1 --hidden 8 --latent 2 --quiet --out second");
    done(at, "compare run second --importance-samples 5 --quiet");
    refused(at, "compare run second --importance-samples 5", 2, "compare.html is there already");
}

#[test]
fn a_sweep_writes_into_no_folder_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let text = "data = \"rings\"\nepochs = 1\nhidden = [4]\nlimit = 64\n[sweep]\nbeta = [1, 2]\n";
    std::fs::write(at.join("s.toml"), text).unwrap();
    std::fs::create_dir(at.join("mine")).unwrap();
    std::fs::write(at.join("mine/sweep.csv"), "kept").unwrap();
    refused(at, "sweep s.toml --out mine --quiet", 2, "no run of this sweep");
    std::fs::write(at.join("mine/notes.txt"), "kept").unwrap();
    refused(at, "sweep s.toml --out mine --quiet", 2, "no run of this sweep");
    assert_eq!(std::fs::read(at.join("mine/sweep.csv")).unwrap(), b"kept");
    // Two at once would each leave out what the other trains.
    std::fs::create_dir(at.join("taken")).unwrap();
    std::fs::write(at.join("taken/beta=1.toml"), "").unwrap();
    let held = std::fs::File::create(at.join("taken/sweep.lock")).unwrap();
    held.try_lock().unwrap();
    refused(at, "sweep s.toml --out taken --quiet", 2, "another process");
    drop(held);
    // One that was killed before its first run began goes on.
    std::fs::create_dir(at.join("early")).unwrap();
    std::fs::write(at.join("early/beta=1.toml"), "").unwrap();
    done(at, "sweep s.toml --out early --quiet");
    done(at, "sweep s.toml --out new --quiet");
    std::fs::write(at.join("s.toml"), text.replace("[1, 2]", "[1, 2, 3]")).unwrap();
    done(at, "sweep s.toml --out new --quiet");
}

#[test]
fn going_on_where_there_is_nothing_to_go_on_with_is_said() {
    let dir = workplace();
    let at = dir.path();
    let said = |line: &str, words: &str| {
        let output = vaekit(at, line);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && text.contains(words), "{line}: {text}");
    };
    done(at, "train own.csv --epochs 60 --patience 1 --lr 0.5 --hidden 8 --latent 2 --quiet --out stopped");
    said("train --resume stopped --epochs 80 --quiet", "early stopping ended this run");
    std::fs::remove_file(at.join("run/state/checkpoint.safetensors")).unwrap();
    said("train --resume run --epochs 3 --quiet", "no checkpoint");
    refused(at, "compare stopped stopped", 2, "named twice");
    refused(at, "train own.csv --likelihood gaussian --likelihood-lr 0.1 --out never", 2, "no numbers of its own");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
    let dir = workplace();
    let at = dir.path();
    for name in ["metrics.jsonl", "model.safetensors", "state/checkpoint.safetensors"] {
        let (path, kept) = (at.join("run").join(name), at.join("kept"));
        std::fs::rename(&path, &kept).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        refused(at, "train --resume run --epochs 3 --quiet", 2, "no plain file");
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&kept, &path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_lock_is_not_followed() {
    let dir = workplace();
    let at = dir.path();
    std::fs::write(at.join("precious"), "kept").unwrap();
    std::fs::remove_file(at.join("run/state/lock")).unwrap();
    std::os::unix::fs::symlink(at.join("precious"), at.join("run/state/lock")).unwrap();
    refused(at, "train --resume run --epochs 3 --quiet", 2, "lock");
    assert_eq!(std::fs::read(at.join("precious")).unwrap(), b"kept");
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let dir = workplace();
    for line in ["evaluate run --json", "variants", "data digits"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(program());
        let output = command.args(line.split(' ')).current_dir(dir.path()).stdout(full).output().unwrap();
        told(&output, line, 1, "standard output");
    }
    // A reader that has seen enough is no failure.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{} variants --markdown | head -1", program())]).current_dir(dir.path());
    assert!(command.output().unwrap().status.success());
    // A limit on the size of files is an error like any other.
    let sample = format!("ulimit -f 1; {} sample run -n 100000 --out big.csv", program());
    let output = Command::new("sh").args(["-c", &sample]).current_dir(dir.path()).output().unwrap();
    told(&output, &sample, 1, "cannot write");
    assert!(!dir.path().join("big.csv").exists());
}

#[test]
fn a_damaged_line_of_metrics_costs_itself_alone() {
    let dir = workplace();
    let at = dir.path();
    done(at, "train --resume run --epochs 4 --quiet");
    let path = at.join("run/metrics.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&path, format!("{}\n{}\n{}\n{}\n", lines[0], &lines[1][..20], lines[2], lines[3])).unwrap();
    let output = vaekit(at, "train --resume run --epochs 5 --quiet");
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && warned.contains("no readable line for 1 of 4 epochs"), "{warned}");
    let epochs = std::fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(epochs, 4, "epochs 1, 3, 4 and 5");
}

#[test]
fn classes_that_change_places_are_other_data() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let rows = |words: [&str; 2]| -> String {
        (0..60).map(|i| format!("{},{}\n", f64::from(i).sin(), words[i as usize % 2])).collect()
    };
    std::fs::write(at.join("t.csv"), format!("a,kind\n{}", rows(["x", "y"]))).unwrap();
    let train = "train t.csv --label-column kind --variant cvae --epochs 1 --hidden 4 --latent 1 --quiet --out run";
    done(at, train);
    std::fs::write(at.join("t.csv"), format!("a,kind\n{}", rows(["y", "x"]))).unwrap();
    refused(at, "train --resume run --epochs 2", 2, "other data");
}

/// Every number of a file of weights replaced.
fn with_weights(path: &Path, value: f32) {
    let mut bytes = std::fs::read(path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[header..].chunks_exact_mut(4).for_each(|number| number.copy_from_slice(&value.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn weights_beyond_all_reason_give_no_figures() {
    let dir = workplace();
    with_weights(&dir.path().join("run/model.safetensors"), 1e30);
    for line in ["evaluate run", "sample run -n 4 --out s.csv", "reconstruct run --out r.csv"] {
        refused(dir.path(), line, 1, "not finite");
    }
    assert!(!dir.path().join("s.csv").exists());
}

#[test]
fn a_description_that_does_not_fit_the_weights_is_refused_before_it_is_built() {
    let dir = workplace();
    let path = dir.path().join("run/run.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("hidden = [8]", "hidden = [9000, 9000]")).unwrap();
    refused(dir.path(), "evaluate run", 2, "the layers of the run.toml beside it");
    std::fs::write(&path, text.replace("hidden = [8]", "hidden = [22000, 22000]")).unwrap();
    refused(dir.path(), "evaluate run", 2, "the layers of the run.toml beside it");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_held_is_refused_under_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let npy = |shape: &str| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    };
    std::fs::write(at.join("wide.npy"), npy("(1, 200000000)")).unwrap();
    std::fs::write(at.join("columns.npy"), [npy("(1, 60000000)"), vec![0; 60_000_000]].concat()).unwrap();
    std::fs::write(at.join("large.npy"), npy("(3000000, 1000)")).unwrap();
    let quote = [b"a,b\n1,\"".to_vec(), vec![b'x'; 80 << 20]].concat();
    std::fs::write(at.join("quote.csv"), quote).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at.join("zero.csv")).unwrap();
    let cells = vec!["1"; 1_000_000].join(",");
    std::fs::write(at.join("million.csv"), format!("{cells}\n{cells}\n{cells}\n")).unwrap();
    std::fs::create_dir(at.join("pictures")).unwrap();
    for i in 0..3 {
        std::fs::write(at.join(format!("pictures/{i}.png")), png_header(16_384, 8_192)).unwrap();
    }
    std::fs::create_dir(at.join("many")).unwrap();
    for i in 0..30 {
        std::fs::write(at.join(format!("many/{i:02}.png")), png_header(8_192, 8_192)).unwrap();
    }
    for (line, words) in [
        ("train wide.npy", "the array holds 0 bytes"),
        ("train columns.npy", "--memory"),
        ("train large.npy", "--memory"),
        ("train quote.csv", "begins a record of more than"),
        ("train zero.csv", "no known format"),
        ("train million.csv", "--memory"),
        ("train pictures", "pixels"),
        ("train many", "--memory"),
        ("train digits --hidden 20000,20000", "--memory"),
        ("train digits --memory 1MiB --epochs 1", "--memory"),
    ] {
        let limited = format!("ulimit -v 6000000; {} {line} --out run", program());
        let output = Command::new("sh").args(["-c", &limited]).current_dir(at).output().unwrap();
        told(&output, line, 2, words);
        assert!(!at.join("run").exists(), "{line}");
    }
}

/// A PNG file that ends after the sizes.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 0, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\r".to_vec();
    file.extend(chunk);
    file.extend(crc.sum().to_be_bytes());
    file.extend(b"\0\0\0\x04IDAT1234\0\0\0\0");
    file
}

#[test]
fn without_a_home_nothing_is_downloaded_into_a_folder_of_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command.args(["train", "kmnist"]).current_dir(dir.path()).env_clear();
    told(&command.output().unwrap(), "train kmnist", 2, "VAEKIT_CACHE");
}

#[test]
fn names_that_hold_escape_sequences_are_spelled() {
    let dir = tempfile::tempdir().unwrap();
    let numbers: String = (0..30).map(|i| format!("{i},{}\n", i * i)).collect();
    std::fs::write(dir.path().join("t.csv"), format!("a,b\n{numbers}1,\u{1b}[31mred\n")).unwrap();
    let output = vaekit(dir.path(), "train t.csv");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("\\u{1b}[31mred") && !text.contains('\u{1b}'), "{text:?}");
    std::fs::write(dir.path().join("t.csv"), format!("a,b\n{numbers}1,{}\n", "x".repeat(180_000))).unwrap();
    let output = vaekit(dir.path(), "train t.csv");
    assert!(output.stderr.len() < 3_000, "{} bytes", output.stderr.len());
}
