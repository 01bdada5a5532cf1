//! `vaekit bench` measures, and trains what it says it trains.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use assert_cmd::Command;

fn bench(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.arg("bench").args(args);
    command
}

#[test]
fn the_loss_is_the_one_that_pytorch_reaches() {
    let args = ["--only", "gemm-limit,mlp-784-400-20-b64", "--seconds", "0", "--json", "--quiet"];
    let output = bench(&args).assert().success().get_output().stdout.clone();
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output).unwrap();
    assert_eq!([list[0]["id"].as_str(), list[1]["id"].as_str()], [Some("gemm-limit"), Some("mlp-784-400-20-b64")]);
    assert!(list[0]["gflops"].as_f64().unwrap() > 0.1 && list[0]["loss"].is_null());
    assert!(list[1]["samples_per_second"].as_f64().unwrap() > 1.0);
    // `bench/torch_vae.py` on the same rows: 349.6, and 0.25 either way between starts.
    let loss = list[1]["loss"].as_f64().unwrap();
    assert!((loss - 349.6).abs() < 1.0, "{loss}");
}

#[test]
fn an_unknown_case_and_an_odd_time_are_refused() {
    for (args, word) in [(["--only", "mlp"], "gemm-limit"), (["--seconds", "-1"], "from 0"), (["--seconds", "x"], "x")]
    {
        let output = bench(&args).assert().code(2).get_output().stderr.clone();
        let text = String::from_utf8(output).unwrap();
        assert!(text.starts_with("error: ") && text.lines().count() == 1 && text.contains(word), "{text}");
    }
}
