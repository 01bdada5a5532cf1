//! Run folders that earlier builds wrote in format 1 open, are used and go on for ever, and mean what they meant.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::{Path, PathBuf};

use vaekit::data::OpenOptions;
use vaekit::train::Changes;
use vaekit::{Run, Trainer};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A copy of a committed run, for what writes into it.
fn copy(name: &str, to: &Path) {
    std::fs::create_dir_all(to.join("state")).unwrap();
    for file in ["run.toml", "model.safetensors", "metrics.jsonl", "state/checkpoint.safetensors"] {
        std::fs::copy(folder(name).join(file), to.join(file)).unwrap();
    }
}

#[test]
fn a_run_of_format_1_gives_the_figures_it_gave() {
    // `vaekit train rings --epochs 3 --hidden 6 --latent 2`, before there were convolutional networks.
    let run = Run::open(folder("format1")).unwrap();
    let (data, splits) = run.open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
    let (figures, _) = run.evaluate(&data, &splits.test, 1).unwrap();
    assert!((figures.elbo_nats.unwrap() + 6.593_103).abs() < 1e-4, "{figures:?}");
    assert!((figures.mse - 0.932_479).abs() < 1e-4, "{figures:?}");
}

#[test]
fn runs_of_format_1_sample_the_bytes_they_sampled() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["format1", "format1-resume"] {
        let run = Run::open(folder(name)).unwrap();
        let out = dir.path().join("samples.csv");
        run.sample(4, run.default_observation(), run.rng()).unwrap().write(&out).unwrap();
        let (found, expected) =
            (std::fs::read_to_string(&out), std::fs::read_to_string(folder(name).join("samples.csv")));
        assert_eq!(found.unwrap(), expected.unwrap(), "{name}");
    }
}

/// `vaekit train rings --variant cvae --hidden 6 --latent 2 --epochs 2 --limit 512 --batch 64` by the last build that
/// wrote format 1; `resumed.safetensors` is what `--resume --epochs 4` made of it there, on a processor with AVX-512.
#[test]
fn a_conditional_run_of_format_1_goes_on_to_the_bytes_it_went_on_to() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    copy("format1-resume", &run);
    let trainer = Trainer::resume(&run, &Changes { epochs: Some(4), data: None }).unwrap();
    let data = trainer.config().open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
    trainer.fit(&data).unwrap();
    let text = std::fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(text.starts_with("format = 1\n") && text.contains("[data.spec.shape]"), "{text}");
    let found = std::fs::read(run.join("model.safetensors")).unwrap();
    let expected = std::fs::read(folder("format1-resume").join("resumed.safetensors")).unwrap();
    assert_eq!(found.len(), expected.len());
    // The header holds the identity: it is the same on every machine.
    let header = 8 + u64::from_le_bytes(expected[..8].try_into().unwrap()) as usize;
    assert_eq!(found[..header], expected[..header]);
    // Products of matrices may round otherwise on processors with other vectors; there a hair's breadth is allowed.
    let same_processor = std::arch::is_x86_feature_detected!("avx512f");
    if same_processor {
        assert!(found == expected, "the weights are not the bytes that they were");
    }
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes[header..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    for (a, b) in numbers(&found).iter().zip(numbers(&expected)) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn a_run_of_format_1_refuses_other_data_and_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    copy("format1-resume", &run);
    let path = run.join("run.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("data = \"rings\"", "data = \"moons\"")).unwrap();
    let error = Run::open(&run).unwrap().open_data(&OpenOptions::default(), &mut |_| ()).err().unwrap().to_string();
    assert!(error.contains("moons"), "{error}");
    std::fs::write(&path, text.replace("format = 1", "format = 3")).unwrap();
    let error = Run::open(&run).err().unwrap().to_string();
    assert!(error.contains("format 3") && error.contains("newer vaekit"), "{error}");
}
