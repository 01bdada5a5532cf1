//! What figures are of: the file's units, the same pixels for every seed, the values that a likelihood has a density for.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{bars, config};
use vaekit::data::{Dataset, Kind, Rows, Schema, Step, Transform};
use vaekit::{Run, TrainConfig, Trainer};

fn table(scale: f32) -> Dataset {
    let value = |i: usize| scale * ((0.7 * i as f32).sin() + (i % 3) as f32);
    let names = ["a", "b", "c"];
    Dataset::new("t", Schema::table(names, Kind::Real), Rows::F32((0..600).map(value).collect())).unwrap()
}

fn trained(config: TrainConfig, data: &Dataset) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    let run = Trainer::new(config).out(dir.path().join("run")).fit(data).unwrap();
    (dir, run)
}

fn small() -> TrainConfig {
    let mut config = TrainConfig { epochs: 3, batch: 50, ..TrainConfig::default() };
    config.model.hidden = vec![8];
    config.model.latent = 2;
    config
}

#[test]
fn densities_and_errors_are_given_in_the_units_of_the_file() {
    // Rows in millimetres and in metres: the model sees the same, the file does not.
    let (metres, millimetres) = (table(1.0), table(1024.0));
    let ((_a, small_run), (_b, large_run)) = (trained(small(), &metres), trained(small(), &millimetres));
    let rows = small_run.split(&metres).unwrap().test;
    let figures = |run: &Run, data: &Dataset| run.evaluate(data, &rows, 1).unwrap().0;
    let (small, large) = (figures(&small_run, &metres), figures(&large_run, &millimetres));
    assert!((small.elbo_nats.unwrap() - large.elbo_nats.unwrap()).abs() < 1e-4);
    let by = small.elbo_stored_nats.unwrap() - large.elbo_stored_nats.unwrap();
    assert!((by - 3.0 * 1024f64.ln()).abs() < 1e-3, "{by}");
    let times = large.mse_stored.unwrap() / small.mse_stored.unwrap();
    assert!((times.sqrt() - 1024.0).abs() < 0.1, "{times}");
    // The scales are those of the training rows, and the bound moves by the sum of their logarithms.
    let scales: f64 = small_run.encoding().scale.iter().map(|s| f64::from(*s).ln()).sum();
    assert!((small.elbo_nats.unwrap() - scales - small.elbo_stored_nats.unwrap()).abs() < 1e-6);
    let evidence = |run: &Run, data: &Dataset| run.importance(data, &rows, 20, &mut |_| Step::Continue).unwrap();
    let (small, large) = (evidence(&small_run, &metres), evidence(&large_run, &millimetres));
    let by = large.nll_stored_nats() - small.nll_stored_nats();
    assert!((by - 3.0 * 1024f64.ln()).abs() < 1e-3, "{by}");
}

#[test]
fn a_missing_value_has_no_unit() {
    let mut values: Vec<f32> = (0..600).map(|i| (0.7 * i as f32).sin() * 8.0).collect();
    (0..600).step_by(3).for_each(|i| values[i] = f32::NAN);
    values[0] = 1.0;
    values[3] = 2.0;
    let data = Dataset::new("t", Schema::table(["a", "b", "c"], Kind::Real), Rows::F32(values)).unwrap();
    let (_dir, run) = trained(small(), &data);
    let rows: Vec<u32> = (10..40).collect();
    let figures = run.evaluate(&data, &rows, 1).unwrap().0;
    // Of these rows the first column is missing.
    let known: f64 = run.encoding().scale[1..].iter().map(|s| f64::from(*s).ln()).sum();
    assert!((figures.elbo_nats.unwrap() - known - figures.elbo_stored_nats.unwrap()).abs() < 1e-6, "{figures:?}");
}

#[test]
fn probabilities_have_no_unit() {
    let data = bars(60);
    let run = |likelihood: &str| trained(config(vaekit::variants::find("vae").unwrap(), likelihood), &data);
    let stored = |run: &Run| run.evaluate(&data, &[0, 1, 2], 1).unwrap().0.elbo_stored_nats;
    let ((_a, mass), (_b, density)) = (run("logistic"), run("gaussian-shared"));
    assert_eq!(stored(&mass), None);
    assert!(stored(&density).is_some());
}

#[test]
fn values_beyond_a_likelihood_of_fractions_are_counted() {
    let rows: Vec<u32> = (0..200).collect();
    let mut config = TrainConfig { normalize: Some(Transform::Unit), ..small() };
    config.model.likelihood = "continuous-bernoulli".into();
    let (_dir, run) = trained(config, &table(1.0));
    let inside = run.evaluate(&table(1.0), &rows, 1).unwrap().0;
    let beyond = run.evaluate(&table(3.0), &rows, 1).unwrap().0;
    // Rows that took no part in the scaling may lie a little beyond.
    assert!(inside.outside < 20 && beyond.outside > 200, "{} {}", inside.outside, beyond.outside);
}

#[test]
fn more_samples_raise_the_estimate_and_the_rise_is_told() {
    let (_dir, run) = trained(small(), &table(1.0));
    let rows: Vec<u32> = (0..100).collect();
    let at = |k: usize| run.importance(&table(1.0), &rows, k, &mut |_| Step::Continue).unwrap();
    let (few, many) = (at(4), at(400));
    assert!(few.rise_nats() > 5.0 * many.rise_nats().max(0.0), "{} {}", few.rise_nats(), many.rise_nats());
    // What is said to be missing is missing: the bias of K samples is about the rise from K/2 to K.
    let missing = few.nll_nats() - many.nll_nats();
    assert!(missing > 0.3 * few.rise_nats() && missing < 4.0 * few.rise_nats(), "{missing} {}", few.rise_nats());
    assert!(many.effective_samples() > few.effective_samples());
    assert_eq!(at(1).rise_nats(), 0.0);
}
