//! What README says is so: its commands run, its links lead somewhere, its verbs are all there are.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// A folder with the files that README's reader is said to have.
fn workplace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..24u32 {
        let class = dir.path().join("my-pictures").join(["cats", "dogs"][(i % 2) as usize]);
        std::fs::create_dir_all(&class).unwrap();
        let image = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * i) as u8, (y * 7) as u8, (i * 9) as u8]));
        image.save(class.join(format!("{i}.png"))).unwrap();
    }
    let rows: String =
        (0..60).map(|i| format!("{},{},{}\n", i * 3 % 17, f64::from(i).sin(), ["x", "y"][i as usize % 2])).collect();
    std::fs::write(dir.path().join("table.csv"), format!("a,b,kind\n{rows}")).unwrap();
    let rows: String = (0..60)
        .map(|i| {
            let gap = if i % 9 == 4 { String::new() } else { f64::from(i).cos().to_string() };
            format!("p{i},{gap},{},{},{}\n", i * 5 % 13, ["north", "south"][i as usize % 2], 1.0 + f64::from(i % 4))
        })
        .collect();
    std::fs::write(dir.path().join("trial.csv"), format!("id,a,b,site,dose\n{rows}")).unwrap();
    std::fs::create_dir(dir.path().join("configs")).unwrap();
    for config in std::fs::read_dir(root().join("configs")).unwrap().flatten() {
        std::fs::copy(config.path(), dir.path().join("configs").join(config.file_name())).unwrap();
    }
    dir
}

#[test]
fn the_commands_of_readme_run() {
    let dir = workplace();
    let text = readme();
    let mut ran = 0;
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines().filter(|l| l.starts_with("vaekit ")) {
            let mut words: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
            // The same commands on fewer rows, and the epochs of the text divided by thirty.
            if words[0] == "train" {
                match words.iter().position(|w| w == "--epochs") {
                    Some(at) => words[at + 1] = (words[at + 1].parse::<u32>().unwrap().div_ceil(30)).to_string(),
                    None => words.extend(["--epochs".into(), "1".into()]),
                }
                if !words.contains(&"--resume".to_owned()) {
                    words.extend(["--limit".into(), "256".into()]);
                }
            }
            let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
            let output = command.args(&words).current_dir(dir.path()).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            ran += 1;
        }
    }
    assert!(ran >= 10, "only {ran} commands were found");
    for made in ["pictures.png", "new-rows.csv", "codes.csv", "ae-grid.png", "vae-grid.png"] {
        assert!(dir.path().join(made).is_file(), "{made}");
    }
    let codes = std::fs::read_to_string(dir.path().join("codes.csv")).unwrap();
    assert_eq!((codes.lines().next(), codes.lines().count()), (Some("z0,z1"), 61));
    let north = std::fs::read_to_string(dir.path().join("north.csv")).unwrap();
    assert!(
        north.starts_with("a,b,site,dose\n") && north.lines().skip(1).all(|l| l.ends_with(",north,2.5")),
        "{north}"
    );
    let named = std::fs::read_to_string(dir.path().join("by-name.csv")).unwrap();
    assert!(named.starts_with("id,z0,") && named.lines().nth(1).unwrap().starts_with("p0,"), "{named}");
}

#[test]
fn every_verb_of_the_program_is_in_the_table_and_the_other_way_round() {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("vaekit")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let mut verbs: Vec<&str> =
        commands.lines().filter_map(|l| l.split_whitespace().next()).filter(|v| *v != "help").collect();
    let text = readme();
    let text = text.split("## Verbs").nth(1).unwrap().split("\n## ").next().unwrap();
    let table = text.lines().filter_map(|l| l.strip_prefix("| `")).filter_map(|l| l.split([' ', '`']).next());
    let mut listed: Vec<&str> = table.collect();
    verbs.sort_unstable();
    listed.sort_unstable();
    assert_eq!(verbs, listed);
}

#[test]
fn links_lead_somewhere_and_architecture_stays_short() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/format.md"] {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let there = path.parent().unwrap().join(link);
            assert!(link.starts_with("http") || there.exists(), "{name} links to {link}");
        }
    }
    assert!(!readme().contains("| @"), "README has a figure to fill in");
    let lines = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines < 200, "{lines}");
}

#[test]
fn configurations_are_short_and_known() {
    let files = ["configs", "bench/reproduce"].into_iter().flat_map(|d| std::fs::read_dir(root().join(d)).unwrap());
    for path in files.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 40 && text.starts_with('#'), "{path:?}");
        let layer = vaekit::TrainConfig::read_layer(&path, None).unwrap();
        if layer.contains_key("sweep") {
            vaekit::sweep::Plan::new(layer).unwrap();
        } else {
            vaekit::TrainConfig::from_layers(&[layer]).unwrap();
        }
    }
}
