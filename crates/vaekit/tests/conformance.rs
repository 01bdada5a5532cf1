//! What every variant must do, with every likelihood: one suite over the list.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::bars;
use vaekit::data::{Batch, DataSpec, FittedTransform, Preparation, Transform};
use vaekit::model::{Mode, likelihood::LIKELIHOODS};
use vaekit::nn::Parameters;
use vaekit::objective::Progress;
use vaekit::rng::Rng;
use vaekit::uses::{Between, Observation};
use vaekit::variants::{Params, Recipe, Target, Use, VARIANTS, Variant, uses};
use vaekit::{Run, TrainConfig, Trainer};
use vaekit_ops::{device, scalar, to_vec};

/// Calls `test` for every variant with every likelihood.
fn for_each(test: impl Fn(&'static dyn Variant, &'static str)) {
    for variant in VARIANTS {
        for (likelihood, _) in LIKELIHOODS {
            test(*variant, likelihood);
        }
    }
}

fn config(variant: &dyn Variant, likelihood: &str) -> TrainConfig {
    let mut layer = toml::Table::new();
    for (key, value) in [
        ("variant", variant.name()),
        ("likelihood", likelihood),
        ("hidden", "8"),
        ("latent", "2"),
        ("activation", "tanh"),
        ("epochs", "2"),
        ("batch", "16"),
        ("normalize", "0..1"),
    ] {
        TrainConfig::set(&mut layer, key, value);
    }
    TrainConfig::from_layers(&[layer]).unwrap()
}

fn unit() -> FittedTransform {
    FittedTransform { transform: Transform::Unit, shift: vec![0.0], scale: vec![255.0] }
}

fn build(variant: &dyn Variant, likelihood: &str, spec: &DataSpec) -> Recipe {
    let config = config(variant, likelihood);
    let params = Params::check(variant.params(), &config.params).unwrap();
    variant.build(&config.model, &params, &Target { spec, transform: &unit(), rng: Rng::new(1) }).unwrap()
}

fn batch(rows: u32) -> Batch {
    let data = bars(rows as usize);
    let preparation = Preparation { transform: unit(), binarize: vaekit::data::Binarize::None, rng: Rng::new(0) };
    preparation.prepare(&data, &(0..rows).collect::<Vec<_>>(), 0).to_device(&device::cpu())
}

fn loss(recipe: &Recipe, batch: &Batch) -> vaekit::objective::Loss {
    let rng = Rng::new(5).at(1);
    let terms = recipe.vae.elbo_terms(batch, recipe.objective.samples(), rng, Mode::Train(rng));
    recipe.objective.loss(&terms, Progress { epoch: 1.0, rng })
}

#[test]
fn gradients_agree_with_finite_differences() {
    for_each(|variant, likelihood| {
        let batch = batch(12);
        let mut recipe = build(variant, likelihood, &bars(1).spec);
        recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        let mut gradients = loss(&recipe, &batch).value.backward();
        let gradients: Vec<Vec<f32>> =
            recipe.parameters().iter().map(|p| p.gradient(&mut gradients).unwrap()).collect();
        for (i, gradient) in gradients.iter().enumerate() {
            // Along the gradient itself the slope is its squared norm: the
            // direction in which rounding matters least.
            let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            if norm < 1e-4 {
                continue;
            }
            let h = 1e-2;
            let before = recipe.parameters()[i].values();
            let mut at = |sign: f64| {
                let moved = before.iter().zip(gradient).map(|(v, g)| v + (sign * h * f64::from(*g) / norm) as f32);
                recipe.parameters_mut()[i].set(moved.collect(), false);
                f64::from(scalar(loss(&recipe, &batch).value))
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * h);
            recipe.parameters_mut()[i].set(before.clone(), false);
            let name = format!("{} {likelihood} {}", variant.name(), recipe.parameters()[i].name());
            assert!((slope - norm).abs() < 2e-2 * norm + 2e-2, "{name}: {slope} is not {norm}");
        }
    });
}

#[test]
fn the_bound_lies_below_the_importance_weighted_one() {
    for_each(|variant, likelihood| {
        let recipe = build(variant, likelihood, &bars(1).spec);
        if !recipe.vae.posterior.is_density() {
            return;
        }
        let (batch, k) = (batch(32), 200);
        let terms = recipe.vae.elbo_terms(&batch, k, Rng::new(3), Mode::Infer);
        let elbo = -scalar(terms.distortion().mean()) - scalar(terms.rate().unwrap().mean());
        let weights = to_vec(terms.log_weights());
        let rows = batch.len();
        let bound = |row: usize| {
            let column: Vec<f64> = (0..k).map(|i| f64::from(weights[i * rows + row])).collect();
            let most = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            most + (column.iter().map(|w| (w - most).exp()).sum::<f64>() / k as f64).ln()
        };
        let iwae = (0..rows).map(bound).sum::<f64>() / rows as f64;
        // Both see the same draws; only the closed-form KL makes them differ in noise.
        assert!(f64::from(elbo) <= iwae + 0.05, "{} {likelihood}: {elbo} above {iwae}", variant.name());
    });
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_thread_count_and_a_run_survives_its_folder() {
    for_each(|variant, likelihood| {
        let data = bars(60);
        let dir = tempfile::tempdir().unwrap();
        let train = |name: &str, threads: usize, seed: u64| {
            let config = TrainConfig { seed, ..config(variant, likelihood) };
            let out = dir.path().join(name);
            device::with_threads(threads, || Trainer::new(config).out(&out).fit(&data).map(drop)).unwrap();
            out
        };
        let bytes = |out: &std::path::Path| std::fs::read(out.join("model.safetensors")).unwrap();
        let (one, two, other) = (train("one", 1, 0), train("two", 2, 0), train("other", 1, 1));
        let name = format!("{} {likelihood}", variant.name());
        assert!(bytes(&one) == bytes(&two), "{name} depends on threads");
        assert!(bytes(&one) != bytes(&other), "{name} does not depend on its seed");

        let (a, b) = (Run::open(&one).unwrap(), Run::open(&two).unwrap());
        let rows: Vec<u32> = (0..10).collect();
        assert_eq!(a.encode(&data, &rows).unwrap(), b.encode(&data, &rows).unwrap());
    });
}

/// Large enough that matrix products and optimizer steps do run on several threads.
#[test]
fn a_large_model_gives_the_same_bytes_at_any_thread_count() {
    let config = TrainConfig { epochs: 1, batch: 200, limit: 400, ..TrainConfig::default() };
    let data = config.open_data(&vaekit::data::OpenOptions::default(), &mut |_| ()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let train = |threads: usize| {
        let out = dir.path().join(threads.to_string());
        device::with_threads(threads, || Trainer::new(config.clone()).out(&out).fit(&data).map(drop)).unwrap();
        std::fs::read(out.join("model.safetensors")).unwrap()
    };
    let one = train(1);
    assert!(one == train(2) && one == train(5));
}

#[test]
fn a_tiny_set_is_learned() {
    for_each(|variant, likelihood| {
        let dir = tempfile::tempdir().unwrap();
        let data = bars(16);
        // From a random start, so that there is something to learn even where the KL forbids a code.
        let output_bias = vaekit::run::OutputBias::Random;
        let given = config(variant, likelihood);
        let config = TrainConfig { epochs: 150, lr: 1e-2, test: 0.0, valid: Some(0.0), output_bias, ..given };
        Trainer::new(config).out(dir.path().join("run")).fit(&data).unwrap();
        let metrics = vaekit::run::Metrics::read(&dir.path().join("run")).unwrap();
        let (first, last) = (&metrics[0].train, &metrics[metrics.len() - 1].train);
        let name = format!("{} {likelihood}", variant.name());
        assert!(last.loss.is_finite() && last.loss < first.loss - 0.3, "{name}: {} to {}", first.loss, last.loss);
    });
}

#[test]
fn every_use_that_a_variant_declares_works_and_no_other() {
    for variant in VARIANTS {
        let dir = tempfile::tempdir().unwrap();
        let data = bars(60);
        let run = Trainer::new(config(*variant, "bernoulli")).out(dir.path().join("run")).fit(&data).unwrap();
        let rows: Vec<u32> = (0..8).collect();
        let declared = uses(*variant);
        let sampled = run.sample(5, Observation::Mean, run.rng());
        assert_eq!(sampled.is_ok(), declared.contains(&Use::Sample), "{}", variant.name());
        for used in declared {
            match used {
                Use::Sample => assert_eq!(run.sample(5, Observation::Draw, run.rng()).unwrap().len(), 5),
                Use::Reconstruct => assert_eq!(run.reconstruct(&data, &rows).unwrap().len(), 8),
                Use::Encode => assert_eq!(run.encode(&data, &rows).unwrap().latent, 2),
                Use::Decode => assert_eq!(run.decode(&[0.0; 6], 2, 3).unwrap().len(), 3),
                Use::Interpolate => {
                    let between = Between::Classes("up".into(), "level".into());
                    assert_eq!(run.interpolate(&data, &rows, &between, 4).unwrap().len(), 16);
                }
                Use::Traverse => assert_eq!(run.traverse(&data, &rows, None, 3, 9).unwrap().0.len(), 6),
                Use::Evaluate => assert_eq!(run.evaluate(&data, &rows, 2).unwrap().0.rows, 8),
            }
        }
        run.write_pictures(&data, &run.split(&data).unwrap()).unwrap();
        assert!(dir.path().join("run/reconstructions.png").is_file());
        assert!(dir.path().join("run/plots/loss.svg").is_file());
    }
}
