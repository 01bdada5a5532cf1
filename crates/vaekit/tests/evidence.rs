//! Estimates of log p(x) on models whose evidence is known: without hidden
//! layers and with one variance a VAE is probabilistic PCA. Models, exact values
//! and an independent estimate come from `reference/evidence.py`.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use serde_json::Value;
use vaekit::TrainConfig;
use vaekit::data::{Batches, Dataset, Encoding, Kind, Preparation, Rows, Schema, Step, Transform};
use vaekit::eval::likelihood::{Annealing, Evidence, annealed, importance, split_gap};
use vaekit::nn::Parameters;
use vaekit::rng::Rng;
use vaekit::variants::{Params, Recipe, Target, find};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

struct Known {
    recipe: Recipe,
    data: Dataset,
    preparation: Preparation,
    exact: Vec<f64>,
    numpy: Vec<f64>,
    numpy_error: Vec<f64>,
}

fn known() -> Vec<Known> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/evidence.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all.as_array().unwrap().iter().map(build).collect()
}

fn build(model: &Value) -> Known {
    let single = |key: &str| numbers(&model[key]).iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let x = single("x");
    let schema = Schema::table((0..x.len() / 4).map(|i| format!("c{i}")), Kind::Real);
    let data = Dataset::new("known", schema, Rows::F32(x)).unwrap();
    let encoding = Encoding::none();
    let mut settings = TrainConfig::default().model;
    settings.hidden = vec![];
    settings.latent = model["latent"].as_u64().unwrap() as usize;
    settings.likelihood = "gaussian-shared".into();
    let target = Target { schema: data.schema(), encoding: &encoding, rows: 100, rng: Rng::new(0) };
    let mut recipe = find("vae").unwrap().build(&settings, &Params::default(), &target).unwrap();
    let names = ["encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias", "likelihood.log_var"];
    let values = [
        single("encoder_weight"),
        single("encoder_bias"),
        single("decoder_weight"),
        single("decoder_bias"),
        vec![model["raw_log_var"].as_f64().unwrap() as f32],
    ];
    for parameter in recipe.parameters_mut() {
        let at = names.iter().position(|n| *n == parameter.name()).unwrap();
        parameter.set(values[at].clone(), false);
    }
    let preparation = Preparation { encoding, rng: Rng::new(0), hide: 0.0 };
    let (exact, numpy, numpy_error) =
        (numbers(&model["exact"]), numbers(&model["importance"]), numbers(&model["error"]));
    Known { recipe, data, preparation, exact, numpy, numpy_error }
}

impl Known {
    fn rows(&self) -> Batches<'_> {
        Batches::in_order(&self.data, &self.preparation, &[0, 1, 2, 3], 3)
    }

    /// The mean of the rows within 3 standard errors, and each row within 4.5.
    fn assert_holds(&self, what: &str, found: &Evidence) {
        let d = self.recipe.vae.prior().sample(&[0], Rng::new(0))[0].dims()[1];
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (error, off) = (found.monte_carlo_se(), mean(&found.log_p) - mean(&self.exact));
        assert!(off.abs() < 3.0 * error + 1e-4, "{what}, {d} dimensions: off by {off}, error {error}");
        assert!(error < 0.05, "{what}, {d} dimensions: an error of {error} says nothing");
        for (i, exact) in self.exact.iter().enumerate() {
            let (off, error) = (found.log_p[i] - exact, found.error[i]);
            assert!(off.abs() < 4.5 * error + 1e-4, "{what}, {d} dimensions, row {i}: {off} of {error}");
            let with_numpy = found.log_p[i] - self.numpy[i];
            assert!(with_numpy.abs() < 4.5 * error.hypot(self.numpy_error[i]) + 1e-4, "{what} {d} {i}: {with_numpy}");
        }
    }
}

#[test]
fn importance_sampling_finds_the_evidence_of_probabilistic_pca() {
    for known in known() {
        let found = importance(&known.recipe.vae, &known.rows(), 20_000, Rng::new(1), &mut |_| Step::Continue).unwrap();
        known.assert_holds("importance", &found);
        assert!(found.elbo.iter().zip(&found.log_p).all(|(elbo, log_p)| elbo < log_p));
    }
}

#[test]
fn annealing_finds_the_evidence_of_probabilistic_pca() {
    for known in known() {
        let how = Annealing { chains: 64, steps: 150 };
        let found = annealed(&known.recipe.vae, &known.rows(), how, Rng::new(2), &mut |_| Step::Continue).unwrap();
        known.assert_holds("annealing", &found);
    }
}

#[test]
fn annealing_mends_what_a_bad_encoder_misses() {
    // Ten dimensions with posteriors far too narrow and off centre: importance weights have no bounded variance.
    let mut known = known().pop().unwrap();
    for parameter in known.recipe.parameters_mut() {
        if parameter.name() == "encoder.0.bias" {
            let mut bias = parameter.values();
            let d = bias.len() / 2;
            bias[..d].iter_mut().for_each(|m| *m += 0.5);
            bias[d..].iter_mut().for_each(|v| *v -= 1.5);
            parameter.set(bias, false);
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let exact = mean(&known.exact);
    let go = &mut |_| Step::Continue;
    let plain = importance(&known.recipe.vae, &known.rows(), 2_000, Rng::new(1), go).unwrap();
    let how = Annealing { chains: 64, steps: 200 };
    let better = annealed(&known.recipe.vae, &known.rows(), how, Rng::new(2), &mut |_| Step::Continue).unwrap();
    let (plain, better) = ((mean(&plain.log_p) - exact).abs(), (mean(&better.log_p) - exact).abs());
    assert!(plain > 1.0 && better < 0.2, "importance off by {plain}, annealing by {better}");
}

#[test]
fn the_gap_splits_into_the_encoder_and_the_family() {
    for known in known() {
        let go = &mut |_| Step::Continue;
        let found = importance(&known.recipe.vae, &known.rows(), 20_000, Rng::new(1), go).unwrap();
        let gap = split_gap(&known.recipe.vae, &known.rows(), &found, Rng::new(1), &mut |_| Step::Continue).unwrap();
        assert!((gap.total_nats - gap.approximation_nats - gap.amortization_nats).abs() < 1e-9);
        assert!(gap.amortization_nats > 0.0 && gap.approximation_nats > -0.05, "{gap:?}");
        let d = known.recipe.vae.prior().sample(&[0], Rng::new(0))[0].dims()[1];
        // In one dimension the family holds the true posterior.
        assert!(d > 1 || gap.approximation_nats < 0.02, "{gap:?}");
        assert!(d < 5 || gap.approximation_nats > 0.1, "correlated dimensions cost a diagonal family: {gap:?}");
    }
}

#[test]
fn evidence_does_not_depend_on_batches_or_threads() {
    let of = |batch| {
        let known = known().pop().unwrap();
        let rows = Batches::in_order(&known.data, &known.preparation, &[0, 1, 2, 3], batch);
        importance(&known.recipe.vae, &rows, 300, Rng::new(1), &mut |_| Step::Continue).unwrap().log_p
    };
    for (a, b) in of(1).iter().zip(of(4)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    let at = |n| vaekit_ops::device::with_threads(n, || of(4).iter().map(|v| v.to_bits()).collect::<Vec<_>>());
    assert_eq!(at(1), at(3));
}

#[test]
fn an_autoencoder_has_no_evidence() {
    let data = common::bars(40);
    let encoding = Encoding::fit(Transform::Unit, &data, &[0]).unwrap();
    let target = Target { schema: data.schema(), encoding: &encoding, rows: 100, rng: Rng::new(0) };
    let recipe = find("ae").unwrap().build(&TrainConfig::default().model, &Params::default(), &target).unwrap();
    let preparation = Preparation { encoding: encoding.clone(), rng: Rng::new(0), hide: 0.0 };
    let rows = Batches::in_order(&data, &preparation, &[0], 1);
    let error = importance(&recipe.vae, &rows, 10, Rng::new(0), &mut |_| Step::Continue).unwrap_err();
    assert!(error.to_string().contains("autoencoder") && error.exit_code() == 2, "{error}");
}
