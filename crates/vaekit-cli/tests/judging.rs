//! evaluate, report, compare and sweep on small runs: what they print, write and refuse.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::{Command, Output};

fn vaekit(dir: &Path, line: &str) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("vaekit"))
        .args(line.split_whitespace())
        .current_dir(dir)
        .env_remove("VAEKIT_DATA")
        .output()
        .unwrap()
}

fn done(dir: &Path, line: &str) -> String {
    let output = vaekit(dir, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code 2 and one line that holds the words.
fn refused(dir: &Path, line: &str, words: &str) {
    let output = vaekit(dir, line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}: {told}");
    let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && errors[0].contains(words), "{line}: {told}");
}

const SMALL: &str = "--hidden 64 --latent 4 --epochs 15 --batch 64 --limit 2000 --quiet";

/// Two VAEs and an autoencoder of `digits`, and a table without classes.
fn runs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    done(dir.path(), &format!("train digits {SMALL} --binarize dynamic --out a"));
    done(dir.path(), &format!("train digits {SMALL} --binarize dynamic --beta 30 --variant beta-vae --out b"));
    done(dir.path(), &format!("train digits {SMALL} --binarize dynamic --variant ae --out ae"));
    done(dir.path(), &format!("train rings {SMALL} --out rings"));
    let rows: String = (0..400).map(|i| format!("{},{}\n", f64::from(i).sin(), f64::from(i * 7 % 13))).collect();
    std::fs::write(dir.path().join("plain.csv"), format!("a,b\n{rows}")).unwrap();
    done(dir.path(), "train plain.csv --epochs 2 --hidden 8 --latent 1 --quiet --out plain");
    dir
}

#[test]
fn runs_are_judged_reported_and_compared() {
    let dir = runs();
    let at = dir.path();
    let all = "--importance-samples 50 --annealed 5 --chains 2 --gap 2 --latents --disentanglement --representation \
               --quality";
    let told = done(at, &format!("evaluate a --limit 300 {all} --json --quiet"));
    let figures: serde_json::Value = serde_json::from_str(&told).unwrap();
    let number = |key: &str| figures[key].as_f64().unwrap();
    assert!(number("nll_nats") < -number("elbo_nats") && number("nll_se") > 0.0 && number("annealed_nll_nats") > 0.0);
    let gap = &figures["gap"];
    let parts = gap["approximation_nats"].as_f64().unwrap() + gap["amortization_nats"].as_f64().unwrap();
    assert!((gap["total_nats"].as_f64().unwrap() - parts).abs() < 1e-6);
    assert_eq!(figures["representation"].as_array().unwrap().len(), 3);
    assert!(figures["quality"]["classifier_accuracy"].as_f64().unwrap() > 0.5);
    // Rows that the classifier was not taught: as many as there are samples.
    assert_eq!(figures["quality"]["floor_rows"], figures["quality"]["samples"]);
    assert!((0.0..=1.0).contains(&figures["disentanglement"]["mig_binned"].as_f64().unwrap()));
    assert!(at.join("a/classifier.safetensors").exists());

    done(at, "report a --importance-samples 20 --quiet");
    let page = std::fs::read_to_string(at.join("a/report.html")).unwrap();
    for part in ["Figures", "Training", "Samples", "Codes", "Representation", "Sample quality", "vaekit evaluate a"] {
        assert!(page.contains(part), "{part}");
    }
    done(at, "report ae --quiet");
    let page = std::fs::read_to_string(at.join("ae/report.html")).unwrap();
    assert!(page.contains("mixture of Gaussians fitted to the codes"), "an autoencoder is sampled by a mixture");
    assert!(page.contains("samples are of a mixture fitted to codes"), "and judged by it");
    done(at, "report rings --quiet");

    let told = done(at, "compare b a ae --importance-samples 50 --json --quiet");
    let comparison: serde_json::Value = serde_json::from_str(&told).unwrap();
    let names: Vec<&str> =
        comparison["contenders"].as_array().unwrap().iter().map(|c| c["run"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "ae"], "{told}");
    assert!(comparison["contenders"][1]["behind"].as_f64().unwrap() > 0.0);
    // Each figure says how many rows and samples it is of.
    let best = &comparison["contenders"][0];
    assert_eq!((&best["nll_rows"], &best["figures"]["rows"]), (&1000.into(), &1200.into()), "{told}");
    assert!(best["effective_samples"].as_f64().unwrap() >= 1.0 && best["rise_nats"].as_f64().is_some());
    assert!(
        comparison["notes"].as_array().unwrap().iter().any(|n| n.as_str().unwrap().contains("1000 of the 1200 rows"))
    );
    assert!(comparison["verdict"][0].as_str().unwrap().starts_with("a is better than b"), "{told}");
    let differing = comparison["differing"].as_array().unwrap();
    assert!(differing.iter().any(|d| d[0] == "beta"));
    assert!(std::fs::read_to_string(at.join("compare.html")).unwrap().contains("a is better than b"));

    refused(at, "compare a rings --force", "other data");
    refused(at, "compare a b --out kept.csv", "html");

    // Figures in other units have no winner; models that are told classes stand aside.
    let small = "--hidden 16 --latent 2 --epochs 1 --limit 500 --quiet";
    for (flags, out) in [("--likelihood poisson", "counts"), ("", "grey"), ("--net mlp --seed 0 --lr 0.01", "quick")] {
        done(at, &format!("train digits {small} {flags} --out {out}"));
    }
    done(at, &format!("train digits {small} --variant cvae --out told"));
    let compare = |runs: &str| -> serde_json::Value {
        serde_json::from_str(&done(at, &format!("compare {runs} --importance-samples 5 --force --json --quiet")))
            .unwrap()
    };
    // Errors are of the bytes of the file, however a run scales them.
    let found = compare("counts grey");
    assert_eq!(found["judged_by"], "MSE");
    let mse = |i: usize| found["contenders"][i]["figures"]["mse_stored"].as_f64().unwrap();
    assert!(mse(0) <= mse(1) && mse(0) > 100.0, "{found}");
    let found = compare("a grey");
    assert_eq!(found["judged_by"], "nothing");
    assert!(found["verdict"][0].as_str().unwrap().starts_with("None is better"), "{found}");
    let (two, three) = (compare("grey quick"), compare("grey told quick"));
    assert_eq!(two["contenders"][0]["run"], three["contenders"][0]["run"]);
    assert_eq!((&three["judged_by"], &three["contenders"][2]["run"]), (&"-log p(x)".into(), &"told".into()));
    refused(at, "evaluate ae --importance-samples 10", "autoencoder");
    refused(at, "evaluate ae --latents", "autoencoder");
    refused(at, "evaluate plain --representation", "no classes");
    refused(at, "evaluate plain --quality", "no classes");
    refused(at, "evaluate rings --disentanglement", "factors");
    refused(at, "evaluate a --representation --limit 5", "fewer than the 10 classes");
    std::fs::write(at.join("short.csv"), "f\n1\n2\n").unwrap();
    refused(at, "evaluate a --disentanglement --factors short.csv", "2 rows, expected 12000");
    std::fs::write(at.join("same.csv"), format!("f\n{}", "1\n".repeat(12_000))).unwrap();
    refused(at, "evaluate a --disentanglement --factors same.csv", "constant");
    refused(at, "traverse a --manifold", "4 dimensions");
}

#[test]
fn a_sweep_goes_on_and_ends_in_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let text = "data = \"rings\"\nepochs = 1\nhidden = [8]\nlatent = 2\nlimit = 400\n\n[sweep]\nbeta = [0.5, 2]\nseed = [0, 1]\n";
    std::fs::write(at.join("s.toml"), text).unwrap();
    let told = done(at, "sweep s.toml --json --quiet");
    let found: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((found["runs"].as_u64(), found["settings"].as_array().unwrap().len()), (Some(4), 2));
    // Validation rows choose, and the figures of test rows stand beside.
    let (by, settings) = (&found["chosen"]["by"], &found["chosen"]["settings"][0]);
    assert_eq!((by.as_str(), settings[0].as_str()), (Some("valid_elbo_stored_nats"), Some("beta")), "{told}");
    let figure = |i: usize, name: &str| {
        let figures = found["settings"][i]["figures"].as_array().unwrap();
        figures.iter().find(|f| f[0] == name).unwrap()[1].as_f64().unwrap()
    };
    let best =
        (0..2).max_by(|a, b| figure(*a, "valid_elbo_stored_nats").total_cmp(&figure(*b, "valid_elbo_stored_nats")));
    assert_eq!(found["settings"][best.unwrap()]["settings"][0], *settings);
    let run = at.join("sweeps/s/beta=2,seed=1/model.safetensors");
    let before = std::fs::read(&run).unwrap();
    std::fs::remove_dir_all(at.join("sweeps/s/beta=0.5,seed=0")).unwrap();
    let again: serde_json::Value = serde_json::from_str(&done(at, "sweep s.toml --json --quiet")).unwrap();
    let elbos = |v: &serde_json::Value| -> Vec<String> {
        let settings = v["settings"].as_array().unwrap().iter();
        settings
            .map(|s| s["figures"].as_array().unwrap().iter().find(|f| f[0] == "elbo_stored_nats").unwrap().to_string())
            .collect()
    };
    assert_eq!(elbos(&again), elbos(&found), "what is there is kept, what is missing is made again");
    assert_eq!(std::fs::read(&run).unwrap(), before);
    assert_eq!(std::fs::read_to_string(at.join("sweeps/s/sweep.csv")).unwrap().lines().count(), 5);
    assert!(std::fs::read_to_string(at.join("sweeps/s/sweep.html")).unwrap().contains("Rate and distortion"));
    std::fs::write(at.join("t.toml"), "data = \"rings\"\n[sweep]\nbetta = [1]\n").unwrap();
    refused(at, "sweep t.toml", "betta");
    let odd = "data = \"rings\"\nepochs = 1\nlimit = 100\n[sweep]\nprior = [\"auto\", \"uniform-sphere\"]\n";
    std::fs::write(at.join("odd.toml"), odd).unwrap();
    refused(at, "sweep odd.toml", "prior=uniform-sphere: prior");
    assert!(!at.join("sweeps/odd").exists());
    let mixed = odd.replace("prior = [\"auto\", \"uniform-sphere\"]", "normalize = [\"none\", \"standardize\"]");
    std::fs::write(at.join("mixed.toml"), mixed).unwrap();
    done(at, "sweep mixed.toml --quiet");
    // Densities are of values as the file holds them, whatever each run's scale.
    assert!(!std::fs::read_to_string(at.join("sweeps/mixed/sweep.html")).unwrap().contains("neither nats nor MSE"));
    let pixels = "data = \"digits\"\nepochs = 1\nlimit = 100\n[sweep]\nbinarize = [\"none\", \"threshold\"]\n";
    std::fs::write(at.join("pixels.toml"), pixels).unwrap();
    let found: serde_json::Value = serde_json::from_str(&done(at, "sweep pixels.toml --json --quiet")).unwrap();
    assert_eq!(found["chosen"], serde_json::Value::Null, "what does not compare is not chosen from");
    assert!(std::fs::read_to_string(at.join("sweeps/pixels/sweep.html")).unwrap().contains("neither nats nor MSE"));
    // Other seeds divide a table otherwise and standardize it a little otherwise, which is no other way of seeing it.
    assert!(!std::fs::read_to_string(at.join("sweeps/s/sweep.html")).unwrap().contains("neither nats nor MSE"));
    std::fs::write(at.join("s.toml"), text.replace("epochs = 1", "epochs = 2")).unwrap();
    refused(at, "sweep s.toml", "other settings");
}
