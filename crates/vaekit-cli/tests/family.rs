//! The family on the command line: what goes with what, what is refused, and what is shown.
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

/// Exit code 2, one line that holds the words, and nothing written.
fn refused(dir: &Path, line: &str, words: &[&str]) {
    let output = vaekit(dir, line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}: {told}");
    let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && words.iter().all(|w| errors[0].contains(w)), "{line}: {told}");
    assert!(!dir.join("never").exists(), "{line}");
}

const SMALL: &str = "--hidden 32 --epochs 2 --batch 64 --limit 600 --quiet";

#[test]
fn samples_come_from_the_prior_from_fits_and_of_classes() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    done(at, &format!("train digits {SMALL} --latent 3 --variant rae --out rae"));
    refused(at, "sample rae --out never.png", &["--from mixture"]);
    for source in ["mixture", "flow", "data"] {
        done(at, &format!("sample rae --from {source} -n 9 --out {source}.npy --quiet"));
    }
    assert_ne!(std::fs::read(at.join("mixture.npy")).unwrap(), std::fs::read(at.join("flow.npy")).unwrap());
    refused(at, "sample rae --from nowhere --out never.png", &["nowhere", "mixture"]);

    done(at, &format!("train digits {SMALL} --latent 3 --variant cvae --out cvae"));
    done(at, "sample cvae --class 3 -n 4 --seed 1 --out three.npy --quiet");
    done(at, "sample cvae --class 4 -n 4 --seed 1 --out four.npy --quiet");
    assert_ne!(std::fs::read(at.join("three.npy")).unwrap(), std::fs::read(at.join("four.npy")).unwrap());
    refused(at, "sample cvae --class eleven --out never.png", &["eleven", "expected one of 0, 1"]);
    refused(at, "sample rae --from data --class 3 --out never.png", &["not conditional"]);
    let rows: String = (0..60).map(|i| format!("{},{}\n", i % 7, i % 5)).collect();
    std::fs::write(at.join("plain.csv"), format!("a,b\n{rows}")).unwrap();
    refused(at, "train plain.csv --variant cvae --latent 2 --out never", &["cvae", "--label-column"]);
    done(at, "reconstruct cvae --out r.png --quiet");
    done(at, "interpolate cvae --classes 2,9 --steps 3 --out i.png --quiet");
    done(at, "evaluate cvae --limit 50 --importance-samples 5 --json --quiet");
}

#[test]
fn groups_levels_and_other_priors_train_and_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (i, flags) in [
        "--variant ladder-vae --groups 3 --free-bits 0.1 --latent 8",
        "--variant vq-vae --levels 2 --positions 4 --latent 16",
        "--variant cvae --prior realnvp --latent 3",
        "--variant rae --penalty spectral --latent 3",
    ]
    .iter()
    .enumerate()
    {
        done(at, &format!("train digits {SMALL} {flags} --out run{i}"));
        done(at, &format!("reconstruct run{i} --out run{i}.png --quiet"));
        if !flags.contains("rae") {
            done(at, &format!("sample run{i} -n 4 --out sample{i}.png --quiet"));
            let weighed = if flags.contains("vq-vae") { "" } else { "--importance-samples 2" };
            done(at, &format!("evaluate run{i} {weighed} --limit 20 --quiet"));
        }
    }
}

#[test]
fn another_variant_takes_what_a_run_was_told_and_not_its_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    done(at, &format!("train digits {SMALL} --variant gm-vae --latent 4 --out clusters"));
    done(at, "train --config clusters/run.toml --variant sigma-vae --out sigma --quiet");
    let read = |run: &str| vaekit::run::RunFile::read(&at.join(run)).unwrap().config;
    let (told, other) = (read("clusters"), read("sigma"));
    assert_eq!((other.model.hidden, other.model.latent, other.limit), (told.model.hidden, 4, told.limit));
    assert_eq!((told.model.prior.as_str(), told.model.likelihood.as_str()), ("mixture", "bernoulli"));
    assert_eq!((other.model.prior.as_str(), other.model.likelihood.as_str()), ("auto", "gaussian-shared"));
    // What it was told it was told.
    done(at, &format!("train digits {SMALL} --latent 4 --likelihood laplace --out laplace"));
    done(at, "train --config laplace/run.toml --variant beta-vae --out beta --quiet");
    assert_eq!((read("beta").model.likelihood.as_str(), read("beta").model.beta), ("laplace", 4.0));
}

#[test]
fn figures_are_named_for_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let bits = |run: &str| {
        let told = done(at, &format!("evaluate {run} --limit 20 --json --quiet"));
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["bits_per_dim"].is_number()
    };
    for (likelihood, more, has) in [
        ("bernoulli", "", false),
        ("bernoulli", "--binarize dynamic", true),
        ("gaussian-shared", "", false),
        ("gaussian-shared", "--binarize dynamic", false),
        ("continuous-bernoulli", "", false),
        ("logistic", "", true),
        ("logistic", "--binarize dynamic", false),
    ] {
        let run = format!("{likelihood}{}", if more.is_empty() { "" } else { "-binary" });
        done(at, &format!("train digits {SMALL} --latent 3 --likelihood {likelihood} {more} --out {run}"));
        assert_eq!(bits(&run), has, "{run}");
    }
    done(at, &format!("train digits {SMALL} --latent 3 --variant cvae --out cvae"));
    let told = done(at, "evaluate cvae --limit 20 --importance-samples 1 --quiet");
    assert!(told.contains("-log p(x | class)") && told.contains("does not tell Monte Carlo"), "{told}");
    done(at, &format!("train digits {SMALL} --latent 3 --variant ae --out ae"));
    refused(at, "evaluate ae --samples 3", &["samples", "one code a row"]);
    refused(at, "evaluate ae --key x", &["key", "name DATA"]);
}

#[test]
fn perceptual_losses_stand_beside_the_likelihood() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for name in ["ms-ssim", "features"] {
        done(at, &format!("train digits {SMALL} --latent 3 --perceptual {name} --out {name}"));
        done(at, &format!("reconstruct {name} --out {name}.png --quiet"));
        let metrics = std::fs::read_to_string(at.join(name).join("metrics.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        let figure = |key: &str| last["train"][key].as_f64().unwrap();
        // The loss is the bound and the weighted distance, 100 unless said.
        let sum = 100.0 * figure("perceptual") - figure("elbo_nats");
        assert!((figure("loss") - sum).abs() < 1e-3 * sum.abs() && figure("perceptual") > 0.0, "{name}: {last}");
        done(at, &format!("evaluate {name} --importance-samples 2 --limit 20 --quiet"));
    }
}

#[test]
fn clusters_and_codes_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    done(at, &format!("train digits {SMALL} --variant gm-vae --latent 2 --components 4 --set pretrain=1 --out gm"));
    let told = done(at, "evaluate gm --limit 200 --quiet");
    assert!(told.contains("clusters") && told.contains("of 4 components; accuracy"), "{told}");
    let vq = "--variant vq-vae --latent 8 --set positions=4 --components 16";
    done(at, &format!("train digits {SMALL} {vq} --out vq"));
    let told: serde_json::Value = serde_json::from_str(&done(at, "evaluate vq --json --quiet")).unwrap();
    let perplexity = told["chosen"]["perplexity"][0].as_f64().unwrap();
    assert!((1.0..=16.0).contains(&perplexity), "{told}");
    let chosen = |run: &str| {
        done(at, &format!("encode {run} --part test --choices --out {run}.csv --quiet"));
        std::fs::read_to_string(at.join(format!("{run}.csv"))).unwrap()
    };
    // Codes of the model are decoded in silence, others with a word.
    done(at, "encode vq --part test --out z.csv --quiet");
    std::fs::write(at.join("odd.csv"), "z0,z1,z2,z3,z4,z5,z6,z7\n9,9,9,9,9,9,9,9\n").unwrap();
    for (codes, strange) in [("z.csv", false), ("odd.csv", true)] {
        let output = vaekit(at, &format!("decode vq {codes} --out x.npy --force"));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.contains("none of this model's"), strange, "{told}");
    }
    let (clusters, codes) = (chosen("gm"), chosen("vq"));
    assert!(clusters.starts_with("cluster\n") && codes.starts_with("code0,code1,code2,code3\n"), "{codes}");
    let below =
        |text: &str, n: f32| text.lines().skip(1).flat_map(|l| l.split(',')).all(|v| v.parse::<f32>().unwrap() < n);
    assert!(below(&clusters, 4.0) && below(&codes, 16.0), "{clusters}");
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let train = |flags: &str| format!("train digits {SMALL} {flags} --out never");
    refused(at, "train digits --variant factor-vae --batch 1 --out never", &["batch", "2"]);
    let one_over = "train digits --variant factor-vae --batch 64 --limit 577 --out never";
    refused(at, one_over, &["batch", "last batch of 1"]);
    for (flags, words) in [
        ("--posterior diagonal", vec!["posterior", "diagonal-gaussian"]),
        ("--posterior von-mises-fisher --prior vamp", vec!["prior", "vamp"]),
        ("--variant iwae --posterior categorical --categories 2", vec!["posterior", "iwae"]),
        ("--variant iwae --beta 2", vec!["beta", "iwae"]),
        ("--variant iwae --posterior quantized --positions 4", vec!["posterior", "iwae", "one code"]),
        ("--variant piwae --posterior iaf", vec!["posterior", "piwae", "iwae for others"]),
        ("--variant vamp-vae --prior standard-normal", vec!["prior", "'vamp'"]),
        ("--variant cat-vae --posterior diagonal-gaussian", vec!["posterior", "'categorical'"]),
        ("--variant vq-vae --beta 2", vec!["beta", "quantized"]),
        ("--variant rae --prior standard-normal", vec!["prior", "no meaning"]),
        ("--beta 0 --free-bits 0.1", vec!["free_bits", "beta is 0"]),
        ("--posterior quantized --samples 3", vec!["samples", "quantized"]),
        ("--variant gm-vae --components 700 --latent 3", vec!["components", "600 training rows"]),
        ("--perceptual ms-ssim --perceptual-weight 0", vec!["perceptual_weight", "leave both out"]),
        ("--lr-schedule step", vec!["lr_epochs", "found none", "fewer than the 2"]),
        ("--variant ladder-vae --posterior iaf", vec!["posterior", "hierarchical"]),
        ("--posterior iaf --estimator score", vec!["estimator", "iaf"]),
        ("--posterior deterministic", vec!["posterior", "ae"]),
        ("--variant ae --posterior iaf", vec!["posterior", "deterministic"]),
        ("--variant vq-vae --latent 10 --set positions=3", vec!["positions", "10"]),
        ("--posterior joint --latent 10 --categories 10", vec!["categories", "10"]),
        ("--posterior von-mises-fisher --latent 1", vec!["latent"]),
        ("--likelihood logistic --normalize standardize", vec!["likelihood", "bytes"]),
        ("--likelihood poison", vec!["likelihood", "poisson"]),
        ("--posterior full-gaussian --latent 30000", vec!["latent", "weights"]),
        ("--components 0", vec!["components"]),
        ("--perceptual ssim", vec!["perceptual", "ms-ssim"]),
        ("--perceptual-weight 3", vec!["perceptual_weight", "--perceptual"]),
        ("--flow-steps 3", vec!["flow_steps", "iaf"]),
        ("--posterior iff --flow-steps 3", vec!["posterior", "did you mean 'iaf'"]),
        ("--variant vq-vae --levels 3 --latent 32", vec!["levels", "32 dimensions"]),
        ("--variant vq-vae --latent 64 --positions 64 --components 16384", vec!["components", "--memory"]),
        ("--variant ladder-vae --groups 1", vec!["groups", "2"]),
        ("--perceptual ms-ssim --normalize standardize --likelihood gaussian", vec!["perceptual", "0..1"]),
        ("--temperature 0.1", vec!["temperature", "joint"]),
        ("--positions 2", vec!["positions", "quantized"]),
        ("--posterior ladder --groups 2.5", vec!["groups", "whole"]),
        ("--variant factor-vae --discriminator 8.5", vec!["discriminator", "whole"]),
        ("--variant vae --gamma 2", vec!["gamma", "factor-vae"]),
        ("--variant flow-vae --posterior full-gaussian", vec!["posterior", "iaf"]),
        ("--momentum 0.5", vec!["momentum", "--optimizer"]),
        ("--optimizer sgd --epsilon 0.1", vec!["epsilon", "--optimizer"]),
        ("--lr-factor 0.1", vec!["lr_factor", "--lr-schedule"]),
        ("--lr-schedule cosine --lr-patience 2", vec!["lr_patience", "--lr-schedule"]),
        ("--kl-period 3", vec!["kl_period", "--kl-schedule"]),
        ("--size 32", vec!["size", "folder"]),
        ("--label-column class", vec!["label_column", "csv"]),
        ("--variant iwae --components 3 --prior maf", vec!["components", "vamp"]),
    ] {
        refused(at, &train(flags), &words);
    }
    std::fs::write(at.join("plain.csv"), "a,b\n1,2\n3,4\n5,6\n7,8\n0,1\n2,2\n").unwrap();
    refused(at, "train plain.csv --perceptual features --out never", &["perceptual", "--label-column"]);
    refused(at, "train plain.csv --perceptual ms-ssim --normalize 0..1 --out never", &["perceptual", "images"]);
    std::fs::write(at.join("counts.csv"), "a,b\n1,2\n3,4\n5,6.5\n7,8\n0,1\n2,2\n").unwrap();
    refused(at, "train counts.csv --likelihood negative-binomial --out never", &["row 2", "b", "6.5"]);
}

#[test]
fn parts_are_listed_and_gradients_compared() {
    let dir = tempfile::tempdir().unwrap();
    for (list, name) in [
        ("posteriors", "iaf"),
        ("priors", "vamp"),
        ("likelihoods", "poisson"),
        ("perceptual", "ms-ssim"),
        ("estimators", "score"),
    ] {
        assert!(done(dir.path(), &format!("variants {list}")).lines().any(|l| l.starts_with(name)), "{list}");
    }
    let told: serde_json::Value = serde_json::from_str(&done(dir.path(), "variants gradients --json --quiet")).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 4);
}

#[test]
fn a_part_has_a_page_that_says_what_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let page = done(dir.path(), "variants iaf");
    assert!(page.contains("--flow-steps") && page.contains("vamp") && !page.contains("codebook"), "{page}");
    let page = done(dir.path(), "variants codebook");
    assert!(page.contains("--positions") && page.contains("quantized") && !page.contains("iaf"), "{page}");
    refused(dir.path(), "variants iff", &["iff", "did you mean 'iaf'"]);
}

#[test]
fn parts_of_one_variant_serve_another() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    done(at, &format!("train digits {SMALL} --latent 8 --posterior quantized --positions 4 --components 16 --out vq"));
    let groups = "--variant miwae --posterior ladder --groups 3 --bounds 2 --samples 2";
    done(at, &format!("train digits {SMALL} --latent 8 {groups} --out ladder"));
    let file = std::fs::read_to_string(at.join("ladder/run.toml")).unwrap();
    assert!(file.contains("groups = 3") && file.contains("bounds = 2"), "{file}");
}

#[test]
fn a_conditional_model_keeps_the_class_of_each_row() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    // Two kinds of rows, far apart.
    let row = |i: usize| match i % 2 {
        0 => format!("{},{},low\n", i % 7, i % 5),
        _ => format!("{},{},high\n", 100 + i % 7, 100 + i % 5),
    };
    std::fs::write(at.join("kinds.csv"), "a,b,kind\n".to_owned() + &(0..200).map(row).collect::<String>()).unwrap();
    std::fs::write(at.join("lows.csv"), "a,b,kind\n".to_owned() + &(0..9).map(|i| row(2 * i)).collect::<String>())
        .unwrap();
    let train = "train kinds.csv --label-column kind --variant cvae --latent 2 --hidden 16 --epochs 60 --batch 20";
    done(at, &format!("{train} --lr 0.01 --quiet --out run"));
    let table = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let agree = |name: &str| {
        for line in table(name).lines().skip(1) {
            let (value, kind) = (line.split(',').next().unwrap(), line.rsplit(',').next().unwrap());
            assert_eq!(value.parse::<f32>().unwrap() > 50.0, kind == "high", "{name}: {line}");
        }
        table(name)
    };
    done(at, "sample run -n 20 --mean --out drawn.csv --quiet");
    assert!(agree("drawn.csv").starts_with("a,b,kind\n"));
    // Codes carry their class to the decoder; other rows bring theirs, even some of them alone.
    done(at, "encode run kinds.csv --out codes.csv --quiet");
    done(at, "decode run codes.csv --out back.csv --quiet");
    assert_eq!(agree("back.csv").lines().count(), 201);
    done(at, "reconstruct run lows.csv --out again.csv --quiet");
    assert_eq!(agree("again.csv").lines().count(), 10);
    done(at, "encode run lows.csv --out low.csv --quiet");
    done(at, "decode run low.csv --out low-back.csv --quiet");
    assert!(agree("low-back.csv").lines().skip(1).all(|line| line.ends_with("low")));
    // Columns are known by name, wherever they stand.
    let codes = table("codes.csv");
    let turned = codes.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{},{}\n", cells[1], cells[0], cells[2])
    });
    std::fs::write(at.join("turned.csv"), turned.collect::<String>()).unwrap();
    done(at, "decode run turned.csv --out turned-back.csv --quiet");
    assert_eq!(table("turned-back.csv"), table("back.csv"));
    done(at, "decode run codes.csv --class low --out lows-only.csv --quiet");
    assert!(agree("lows-only.csv").lines().skip(1).all(|line| line.ends_with("low")));
    done(at, "encode run kinds.csv --out codes.npy --quiet");
    assert!(String::from_utf8_lossy(&vaekit(at, "decode run codes.npy --out n.csv").stderr).contains("kind = high"));
    // From one class to the other: each end is of its own.
    done(at, "interpolate run --rows 0,1 --steps 4 --out line.csv --quiet");
    let line = agree("line.csv");
    assert!(line.lines().nth(1).unwrap().ends_with("low") && line.lines().nth(4).unwrap().ends_with("high"), "{line}");
    std::fs::write(at.join("odd.csv"), table("codes.csv").replace("high", "odd")).unwrap();
    refused(at, "decode run odd.csv --out never", &["out"]);
    refused(at, "decode run odd.csv --out never.csv", &["kind", "odd", "high"]);
}
