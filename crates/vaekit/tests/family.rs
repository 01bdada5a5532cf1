//! One step of the family's members against PyTorch in float64.
//!
//! The numbers come from `reference/family.py`, which takes its noise from `reference/noise.json`; this test checks
//! that the generator still makes that noise, and writes it where `VAEKIT_WRITE_NOISE` is set.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use serde_json::{Value, json};
use vaekit::TrainConfig;
use vaekit::data::{Batch, Encoding, Kind, Schema, Transform};
use vaekit::model::likelihood::{self, Domain};
use vaekit::model::posterior::{PosteriorFamily, VonMisesFisher};
use vaekit::model::prior::Sphere;
use vaekit::model::registry::{POSTERIORS, PRIORS};
use vaekit::model::{Mode, Moment, Prior};
use vaekit::nn::Parameters;
use vaekit::objective::Progress;
use vaekit::objective::perceptual::Structure;
use vaekit::rng::{Purpose, Rng};
use vaekit::variants::{Params, Recipe, Target, find};
use vaekit_ops::{device, from_vec, scalar, to_vec};

const X: usize = 6;
const B: usize = 4;
/// What sets the draws of upper groups apart.
const UPPER: u64 = 0x5550_5045_5200_0000;
/// What sets the draws of classes apart.
const CLASSES: u64 = 0x434c_4153_5345_5300;

/// What sets the draws of spikes apart.
const SPIKES: u64 = 0x5350_494b_4553_0000;
/// What sets the draws of the second stage apart.
const SECOND: u64 = 0x5345_434f_4e44_0000;

fn file(name: &str) -> String {
    format!("{}/../../reference/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn rng() -> Rng {
    Rng::new(5).at(1)
}

fn wave(n: usize, phase: f64) -> Vec<f32> {
    (0..n).map(|i| (1.7 * i as f64 + phase).sin() as f32).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_noise_is_what_the_script_took() {
    let rows: Vec<u64> = (0..B as u64).collect();
    let mut noise = serde_json::Map::new();
    for (k, d) in [(1, 3), (2, 3), (5, 3)] {
        noise.insert(format!("posterior-{k}x{d}"), json!(rng().normal(Purpose::Posterior, &rows, k * d)));
    }
    for g in [1, 2] {
        let group = rng().at_seed_of(UPPER ^ ((g - 1) << 32));
        noise.insert(format!("upper-{g}"), json!(group.normal(Purpose::Posterior, &rows, 1)));
    }
    noise.insert("prior-3".into(), json!(rng().normal(Purpose::Prior, &rows, 3)));
    noise.insert("classes".into(), json!(rng().at_seed_of(CLASSES).uniform(Purpose::Posterior, &rows, 8)));
    noise.insert("spikes".into(), json!(rng().at_seed_of(SPIKES).uniform(Purpose::Posterior, &rows, 3)));
    noise.insert("stage".into(), json!(rng().at_seed_of(SECOND).normal(Purpose::Posterior, &rows, 1)));
    noise.insert("lines".into(), json!(rng().at_seed_of(1).normal(Purpose::Objective, &rows, 3)));
    // As FactorVAE shuffles: by the batch's first row, then by the dimension.
    let orders = (0..3).map(|d| rng().at_seed_of(0).at_seed_of(d + 1).permutation(Purpose::Objective, B));
    noise.insert("shuffle".into(), json!(orders.collect::<Vec<_>>()));
    if std::env::var_os("VAEKIT_WRITE_NOISE").is_some() {
        std::fs::write(file("noise.json"), serde_json::to_string(&noise).unwrap()).unwrap();
    }
    assert_eq!(read("noise.json"), Value::Object(noise));
}

/// A recipe of the case's settings, with weights by the formula.
fn build(step: &Value) -> Recipe {
    let mut layer = toml::Table::new();
    for (key, value) in [("hidden", "5"), ("latent", "3"), ("activation", "tanh"), ("likelihood", "bernoulli")] {
        TrainConfig::set(&mut layer, key, value);
    }
    for (key, value) in step["settings"].as_object().unwrap() {
        TrainConfig::set(&mut layer, key, value.as_str().unwrap());
    }
    let config = TrainConfig::from_layers(&[layer]).unwrap();
    let domain = likelihood::find(&config.model.likelihood).unwrap().domain();
    let kind = if domain == Domain::Bytes { Kind::Byte } else { Kind::Real };
    let schema = match step.get("image") {
        Some(sizes) => Schema::images([0, 1, 2].map(|i| sizes[i].as_u64().unwrap() as usize), kind),
        None => Schema::table((0..X).map(|i| format!("c{i}")), kind),
    };
    let transform = if domain == Domain::Counts { Transform::None } else { Transform::Unit };
    let encoding = Encoding { transform, ..Encoding::none() };
    let target = Target { schema: &schema, encoding: &encoding, rows: 100, rng: Rng::new(0) };
    let variant = find(&config.variant).unwrap();
    let params = Params::check(variant.params(), &config.params).unwrap();
    let mut recipe = variant.build(&config.model, &params, &target).unwrap();
    for (i, parameter) in recipe.parameters_mut().into_iter().enumerate() {
        let n = parameter.shape().iter().product();
        let counts = parameter.name().ends_with("code_counts");
        let value = |v: f32| if counts { (0.5 * v).abs() + 0.5 } else { 0.5 * v };
        parameter.set(wave(n, i as f64).into_iter().map(value).collect(), true);
    }
    recipe
}

fn assert_close(what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1e-2f64, |m, v| m.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() < 5e-5 * size, "{what}[{i}]: {got} is not {want}");
    }
}

#[test]
fn losses_and_gradients_agree_with_pytorch() {
    for step in read("family.json")["steps"].as_array().unwrap() {
        let name = step["case"].as_str().unwrap();
        let mut recipe = build(step);
        let x = match step.get("x") {
            Some(x) => numbers(x).iter().map(|v| *v as f32).collect(),
            None => wave(B * X, 0.3).iter().map(|v| 0.5 + 0.5 * v).collect(),
        };
        let x = from_vec(x, [B, X], &device::cpu());
        let batch = Batch { x, mask: None, seen: None, given: None, row_ids: (0..B as u64).collect() };
        let terms = recipe.vae.elbo_terms(&batch, recipe.objective.samples(), rng(), Mode::Train(rng()));
        let loss = recipe.objective.loss(&terms, Progress { epoch: 1.0, rng: rng() });
        let outputs: Vec<Vec<f32>> = terms.posterior.outputs().map(to_vec).into_iter().collect();
        drop(terms);
        assert_close(name, &[scalar(loss.value.clone())], &[step["loss"].as_f64().unwrap()]);
        let mut gradients = loss.value.backward();
        let expected = step["gradients"].as_object().unwrap();
        assert_eq!(recipe.parameters().len(), expected.len(), "{name}");
        for parameter in recipe.parameters() {
            let got = parameter.gradient(&mut gradients);
            let what = format!("{name}, {}", parameter.name());
            match &expected[parameter.name()] {
                Value::Null => assert!(got.is_none_or(|g| g.iter().all(|v| *v == 0.0)), "{what}"),
                want => assert_close(&what, &got.unwrap(), &numbers(want)),
            }
        }
        if let Some(codes) = step.get("codes") {
            recipe.vae.prior.begin(Moment::Step(&outputs)).unwrap();
            let all = recipe.parameters();
            let found = all.iter().find(|p| p.name() == "prior.codes").unwrap();
            assert_close("vq, codes after the step", &found.values(), &numbers(codes));
        }
    }
}

#[test]
fn structural_similarity_agrees_with_pytorch() {
    let want = &read("family.json")["structure"];
    let [c, h, w] = [0, 1, 2].map(|i| want["shape"][i].as_u64().unwrap() as usize);
    let image = |scale: f32, phase| -> Vec<f32> { wave(c * h * w, phase).iter().map(|v| 0.5 + scale * v).collect() };
    let x = from_vec(image(0.5, 0.1), [1, c * h * w], &device::cpu());
    let y = from_vec(image(0.4, 0.4), [1, c * h * w], &device::cpu_training()).require_grad();
    let found = Structure::new(c, h, w).similarity(x.autodiff(), y.clone());
    assert_close("value", &to_vec(found.clone()), &[want["value"].as_f64().unwrap()]);
    let slope: Vec<f32> = to_vec(y.grad(&found.backward()).unwrap()).into_iter().step_by(37).collect();
    let slope: Vec<f32> = slope.iter().map(|v| 100.0 * v).collect();
    let expected: Vec<f64> = numbers(&want["slope"]).iter().map(|v| 100.0 * v).collect();
    assert_close("slope", &slope, &expected);
}

#[test]
fn von_mises_fisher_divergences_agree_with_scipy() {
    for row in read("family.json")["mises_fisher"].as_array().unwrap() {
        let (d, kappa) = (row["d"].as_u64().unwrap() as usize, row["kappa"].as_f64().unwrap());
        // softplus(raw) + 1 = kappa where kappa is above 1.
        let raw = if kappa > 1.0 { (kappa - 1.0).exp_m1().ln() } else { continue };
        let raw = if raw.is_finite() { raw } else { kappa - 1.0 };
        let mut values = vec![0.3f32; d];
        values.push(raw as f32);
        let raw = from_vec(values, [1, d + 1], &device::cpu_training()).require_grad();
        let prior: std::rc::Rc<dyn Prior> = std::rc::Rc::new(Sphere::new(d));
        let q = VonMisesFisher.posterior(vec![raw.clone()], std::rc::Rc::clone(&prior), Mode::Infer);
        let total = q.kl(&*prior).unwrap().total;
        let got = f64::from(scalar(total.clone()));
        assert!((got - row["kl"].as_f64().unwrap()).abs() < 1e-4 * (1.0 + got), "{d} {kappa}: {got}");
        let slope = to_vec(raw.grad(&total.backward()).unwrap())[d];
        // d kappa / d raw is the sigmoid of raw, 1 - e^-(kappa - 1).
        let want = row["slope"].as_f64().unwrap() * (1.0 - (1.0 - kappa).exp());
        assert!((f64::from(slope) - want).abs() < 1e-3 * want.abs() + 1e-6, "{d} {kappa}: {slope} is not {want}");
    }
}

#[test]
fn free_bits_are_of_a_variable_of_classes_and_not_of_its_coordinates() {
    let free = 5.0;
    let settings = |free: f64| json!({"settings": {"variant": "cat-vae", "latent": "6", "categories": "3", "free_bits": free.to_string()}});
    let rows: Vec<f32> = wave(B * X, 0.3).iter().map(|v| 0.5 + 0.5 * v).collect();
    let batch = Batch {
        x: from_vec(rows, [B, X], &device::cpu()),
        mask: None,
        seen: None,
        given: None,
        row_ids: (0..B as u64).collect(),
    };
    let value = |step: &Value| {
        let recipe = build(step);
        let terms = recipe.vae.elbo_terms(&batch, 1, rng(), Mode::Train(rng()));
        let each = terms.kl_of_variables().unwrap();
        assert_eq!(each.dims(), [B, 2], "two variables of three classes");
        let kl = f64::from(scalar(terms.rate().unwrap().mean()));
        (f64::from(scalar(recipe.objective.loss(&terms, Progress { epoch: 1.0, rng: rng() }).value)), kl)
    };
    let ((plain, kl), (freed, _)) = (value(&settings(0.0)), value(&settings(free)));
    // No variable carries five nats of log 3, so each counts five.
    assert!((freed - plain - (2.0 * free - kl)).abs() < 1e-3, "{freed} {plain} {kl}");
}

#[test]
fn readme_says_what_agrees_with_pytorch_and_what_was_not_compared() {
    let plain = |step: &Value| json!({"settings": {"variant": step["variant"], "likelihood": step["likelihood"]}});
    let mut steps: Vec<Value> = read("golden.json")["steps"].as_array().unwrap().iter().map(plain).collect();
    steps.extend(read("family.json")["steps"].as_array().unwrap().iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    for step in &steps {
        let vae = build(step).vae;
        seen.insert(step["settings"]["variant"].as_str().unwrap().to_owned());
        seen.extend([vae.posterior.name(), vae.prior.name(), vae.likelihood.name()].map(str::to_owned));
    }
    let lists: [(&str, Vec<&str>); 4] = [
        ("variants", vaekit::variants::VARIANTS.iter().map(|v| v.name()).collect()),
        ("posteriors", POSTERIORS.iter().map(|p| p.name).collect()),
        ("priors", PRIORS.iter().map(|p| p.name).collect()),
        ("likelihoods", likelihood::LIKELIHOODS.iter().map(|l| l.name).collect()),
    ];
    let counts: Vec<String> = lists
        .iter()
        .map(|(what, all)| format!("{} of {} {what}", all.iter().filter(|n| seen.contains(**n)).count(), all.len()))
        .collect();
    let without: Vec<String> = lists
        .iter()
        .flat_map(|(_, all)| all.iter().filter(|n| !seen.contains(**n)).map(|n| format!("`{n}`")))
        .collect();
    let told = format!("{}; not compared are {}.", counts.join(", "), without.join(", "));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = words(&std::fs::read_to_string(file("../README.md")).unwrap());
    assert!(readme.contains(&words(&told)), "README should say: {told}");
}
