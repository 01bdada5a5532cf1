//! The gpu trains every variant to the losses of the processor. Built with `--features gpu`, and run where
//! `VAEKIT_TEST_GPU` is set, for a build machine may have no driver.
#![cfg(feature = "gpu-unfused")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::Command;

/// Figures of 20 steps: what training printed, and the mean loss of the epoch.
fn train(dir: &Path, variant: &str, device: &str) -> (f64, f64) {
    let out = dir.join(format!("{variant}-{device}"));
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(["train", "rings", "--epochs", "1", "--limit", "2560", "--batch", "128", "--hidden", "32"]);
    command.args(["--variant", variant, "--device", device, "--quiet", "--json", "--out"]).arg(&out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{variant} {device}: {}", String::from_utf8_lossy(&output.stderr));
    let test: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let epoch: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    assert_eq!(epoch["step"], 20);
    (epoch["train"]["loss"].as_f64().unwrap(), test["distortion_nats"].as_f64().unwrap())
}

#[test]
fn twenty_steps_give_the_losses_of_the_processor() {
    if std::env::var_os("VAEKIT_TEST_GPU").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for variant in vaekit::variants::VARIANTS {
        let (cpu, gpu) = (train(dir.path(), variant.name(), "cpu"), train(dir.path(), variant.name(), "gpu"));
        assert!((cpu.0 - gpu.0).abs() < 1e-4 && (cpu.1 - gpu.1).abs() < 1e-4, "{}: {cpu:?} {gpu:?}", variant.name());
    }
}
