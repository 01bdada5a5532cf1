//! One step of every variant and likelihood against PyTorch in float64.
//!
//! The numbers come from `reference/golden.py`; weights, inputs and noise come
//! from the same formula on both sides.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use serde_json::Value;
use vaekit::TrainConfig;
use vaekit::data::{Batch, Encoding, Kind, Schema, Transform};
use vaekit::model::Mode;
use vaekit::nn::Parameters;
use vaekit::objective::Progress;
use vaekit::rng::Rng;
use vaekit::variants::{Params, Recipe, Target, find};
use vaekit_ops::{density, device, from_vec, optimizer, scalar};

const X: usize = 6;
const D: usize = 3;
const B: usize = 4;
const K: usize = 2;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// n numbers that no symmetry hides, as `wave` of the script.
fn wave(n: usize, phase: f64) -> Vec<f32> {
    (0..n).map(|i| (1.7 * i as f64 + phase).sin() as f32).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Relative to the largest number of the tensor.
fn assert_close(what: &str, got: &[f32], want: &[f64]) {
    assert_close_from(1e-3, what, got, want);
}

/// The same, with numbers below `floor` held to what it is held to.
fn assert_close_from(floor: f64, what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (g, w) in got.iter().zip(want) {
        assert!((f64::from(*g) - w).abs() <= 1e-5 * size.max(floor), "{what}: {g} is not {w} (largest {size})");
    }
}

fn build(step: &Value) -> Recipe {
    let mut settings = TrainConfig::default().model;
    settings.hidden = vec![5];
    settings.latent = D;
    settings.activation = step["activation"].as_str().unwrap().into();
    settings.likelihood = step["likelihood"].as_str().unwrap().into();
    settings.beta = step["beta"].as_f64().unwrap();
    settings.free_bits = step["free_bits"].as_f64().unwrap();
    let schema = Schema::table((0..X).map(|i| format!("c{i}")), Kind::Real);
    let encoding = Encoding { transform: Transform::Unit, ..Encoding::none() };
    let target = Target { schema: &schema, encoding: &encoding, rows: 100, rng: Rng::new(0) };
    let variant = find(step["variant"].as_str().unwrap()).unwrap();
    let params = Params::check(variant.params(), &std::collections::BTreeMap::new()).unwrap();
    let mut recipe = variant.build(&settings, &params, &target).unwrap();
    set_weights(&mut recipe);
    recipe
}

fn batch(x: Vec<f32>) -> Batch {
    let width = x.len() / B;
    Batch {
        x: from_vec(x, [B, width], &device::cpu()),
        mask: None,
        seen: None,
        given: None,
        row_ids: (0..B as u64).collect(),
    }
}

/// Weights by the formula, in the order of the parameters.
fn set_weights(recipe: &mut Recipe) {
    for (i, parameter) in recipe.parameters_mut().into_iter().enumerate() {
        let n = parameter.shape().iter().product();
        parameter.set(wave(n, i as f64).iter().map(|v| 0.5 * v).collect(), true);
    }
}

#[test]
fn convolutional_networks_agree_with_pytorch() {
    let (channels, height, width) = (2, 6, 5);
    for step in golden()["networks"].as_array().unwrap() {
        let name = format!("{} {} {}", step["net"], step["upsample"], step["likelihood"]);
        let mut settings = TrainConfig::default().model;
        settings.net = step["net"].as_str().unwrap().into();
        settings.upsample = step["upsample"].as_str().unwrap().into();
        settings.likelihood = step["likelihood"].as_str().unwrap().into();
        settings.channels = vec![2, 10];
        settings.hidden = vec![5];
        settings.latent = D;
        settings.activation = "tanh".into();
        let schema = Schema::images([channels, height, width], Kind::Real);
        let encoding = Encoding { transform: Transform::Unit, ..Encoding::none() };
        let target = Target { schema: &schema, encoding: &encoding, rows: 100, rng: Rng::new(0) };
        let mut recipe = find("vae").unwrap().build(&settings, &Params::default(), &target).unwrap();
        set_weights(&mut recipe);
        let x = wave(B * channels * height * width, 0.3).iter().map(|v| 0.5 + 0.5 * v).collect();
        let batch = batch(x);
        let posterior = recipe.vae.encode(&batch, Mode::Infer);
        let eps = from_vec(wave(K * B * D, 0.9), [K, B, D], &device::cpu());
        let (mean, log_var) = (posterior.mean().unsqueeze(), posterior.log_var().unwrap().unsqueeze());
        let z = vec![density::reparameterize(mean, log_var, eps)].into();
        let terms = recipe.vae.terms_at(&batch, posterior, z);
        let loss = recipe.objective.loss(&terms, Progress { epoch: 0.0, rng: Rng::new(0) });
        assert_close(&name, &[scalar(loss.distortion)], &[step["distortion"].as_f64().unwrap()]);
        assert_close(&name, &[scalar(loss.rate.unwrap())], &[step["rate"].as_f64().unwrap()]);
        let mut gradients = loss.value.backward();
        let expected = step["gradients"].as_object().unwrap();
        assert_eq!(recipe.parameters().len(), expected.len(), "{name}");
        for parameter in recipe.parameters() {
            let got = parameter.gradient(&mut gradients).unwrap_or_default();
            let name = format!("{name}, {}", parameter.name());
            // What a normalisation follows hardly changes the loss: its gradient is a small difference of large terms.
            assert_close_from(0.1, &name, &got, &numbers(&expected[parameter.name()]));
        }
    }
}

#[test]
fn losses_and_gradients_agree_with_pytorch() {
    for step in golden()["steps"].as_array().unwrap() {
        let name = format!("{} {} {}", step["variant"], step["likelihood"], step["activation"]);
        let recipe = build(step);
        let clean: Vec<f32> = wave(B * X, 0.3).iter().map(|v| 0.5 + 0.5 * v).collect();
        let damage = wave(B * X, 2.1);
        let seen = match step["variant"].as_str() {
            Some("dae") => clean.iter().zip(damage).map(|(x, d)| x + 0.3 * d).collect(),
            _ => clean.clone(),
        };
        let posterior = recipe.vae.encode(&batch(seen), Mode::Infer);
        let z = match posterior.log_var() {
            Some(log_var) => {
                let eps = from_vec(wave(K * B * D, 0.9), [K, B, D], &device::cpu());
                vec![density::reparameterize(posterior.mean().unsqueeze(), log_var.unsqueeze(), eps)]
            }
            None => posterior.centre(),
        };
        let clean = batch(clean);
        let terms = recipe.vae.terms_at(&clean, posterior, z.into());
        let loss = recipe.objective.loss(&terms, Progress { epoch: 0.0, rng: Rng::new(0) });
        assert_close(&name, &[scalar(loss.value.clone())], &[step["loss"].as_f64().unwrap()]);
        assert_close(&name, &[scalar(loss.distortion)], &[step["distortion"].as_f64().unwrap()]);
        match (loss.rate, loss.elbo) {
            (Some(rate), Some(elbo)) => {
                let (distortion, want) = (step["distortion"].as_f64().unwrap(), step["rate"].as_f64().unwrap());
                assert_close(&name, &[scalar(rate)], &[want]);
                assert_close(&name, &[scalar(elbo)], &[-distortion - want]);
            }
            _ => assert!(step["rate"].is_null(), "{name}"),
        }
        let mut gradients = loss.value.backward();
        let expected = step["gradients"].as_object().unwrap();
        assert_eq!(recipe.parameters().len(), expected.len(), "{name}");
        for parameter in recipe.parameters() {
            let got = parameter.gradient(&mut gradients).unwrap_or_default();
            assert_close(&format!("{name}, {}", parameter.name()), &got, &numbers(&expected[parameter.name()]));
        }
    }
}

#[test]
fn five_steps_of_each_optimizer_agree_with_pytorch() {
    let golden = golden();
    let adam = optimizer::Adam { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };
    for (name, want) in golden["optimizers"].as_object().unwrap() {
        let (mut p, mut a, mut b) = (wave(4, 0.5), vec![0.0; 4], vec![0.0; 4]);
        for t in 0..5u64 {
            let g: Vec<f32> = wave(4, 1.0 + t as f64).iter().map(|v| v * (t + 1) as f32).collect();
            match name.as_str() {
                "adam" => optimizer::adam(&mut p, &g, &mut a, &mut b, t + 1, adam),
                "adamw" => optimizer::adamw(&mut p, &g, &mut a, &mut b, t + 1, adam),
                "sgd" => optimizer::sgd(&mut p, &g, &mut a, 0.01, 0.9, 0.1),
                "rmsprop" => optimizer::rmsprop(&mut p, &g, &mut a, 0.01, 0.1),
                other => panic!("{other} is not tested"),
            }
        }
        assert_close(name, &p, &numbers(want));
    }
}
