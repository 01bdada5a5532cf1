//! Every verb on a run of every variant: it works, or says why not.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::{Command, Output};

use vaekit::variants::{VARIANTS, Variant};

/// Variants whose codes have no density.
const POINTS: [&str; 6] = ["ae", "dae", "rae", "wae-mmd", "swae", "aae"];

fn vaekit(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(line.split_whitespace()).current_dir(dir).env_remove("VAEKIT_DATA").output().unwrap()
}

/// Trains one run of a variant and uses it in every way.
fn check(dir: &Path, variant: &dyn Variant) {
    let name = variant.name();
    let done = |line: &str| {
        let output = vaekit(dir, line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let latent = match name {
        "sphere-vae" => 3,
        "vq-vae" => 32,
        _ => 20,
    };
    let small = "--hidden 16 --epochs 1 --batch 100 --limit 300 --threads 1 --quiet";
    done(&format!("train digits --variant {name} --latent {latent} {small} --out {name}"));
    let sampled = vaekit(dir, &format!("sample {name} -n 4 --out {name}/s.png --quiet"));
    let told = String::from_utf8(sampled.stderr).unwrap();
    match variant.samples_from_prior() {
        true => assert!(sampled.status.success(), "{name}: {told}"),
        false => assert!(sampled.status.code() == Some(2) && told.contains("--from mixture"), "{name}: {told}"),
    }
    for line in [
        "reconstruct RUN --out RUN/r.png --quiet",
        "encode RUN --part test --out RUN/z.npy --quiet",
        "decode RUN RUN/z.npy --out RUN/x.npy --quiet",
        "interpolate RUN --classes 2,9 --steps 3 --out RUN/i.png --quiet",
        "traverse RUN --steps 3 --out RUN/t.png --quiet",
        "evaluate RUN --limit 40 --json --quiet",
    ] {
        done(&line.replace("RUN", name));
    }
    let weighed = vaekit(dir, &format!("evaluate {name} --limit 40 --importance-samples 3 --quiet"));
    let told = String::from_utf8(weighed.stderr).unwrap();
    match POINTS.contains(&name) || name == "vq-vae" {
        true => assert!(weighed.status.code() == Some(2) && told.contains("log p(x)"), "{name}: {told}"),
        false => assert!(weighed.status.success(), "{name}: {told}"),
    }
    for file in ["s.png", "r.png", "z.npy", "x.npy", "i.png", "t.png"] {
        assert_eq!(
            dir.join(name).join(file).is_file(),
            file != "s.png" || variant.samples_from_prior(),
            "{name} {file}"
        );
    }
}

#[test]
fn every_verb_works_on_every_variant_or_says_why_not() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for half in VARIANTS.chunks(VARIANTS.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(|variant| check(dir.path(), *variant)));
        }
    });
    // What takes longer, on one of each kind: several groups, codes of a codebook, points.
    for name in ["ladder-vae", "vq-vae", "rae"] {
        let reported = vaekit(dir.path(), &format!("report {name} --importance-samples 0 --quiet"));
        assert!(reported.status.success(), "{}", String::from_utf8_lossy(&reported.stderr));
        assert!(dir.path().join(name).join("report.html").is_file());
    }
    let compared = vaekit(dir.path(), "compare vae ladder-vae rae --importance-samples 2 --out compared.html --quiet");
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
}
