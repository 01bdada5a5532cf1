//! What every variant must do, with every likelihood: one suite over the list.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::collections::BTreeSet;

use common::{bars, bars_for, build, built, config, encoding, encoding_for, for_each, for_some, layer, schema, told};
use vaekit::data::{Batch, Preparation};
use vaekit::model::registry::{POSTERIORS, PRIORS, priors_for};
use vaekit::model::{Mode, Support};
use vaekit::nn::{Parameter, Parameters};
use vaekit::objective::{ESTIMATORS, Progress};
use vaekit::rng::Rng;
use vaekit::settings::{Read, settings};
use vaekit::uses::{Between, Observation};
use vaekit::variants::{Params, Recipe, Target, Use, VARIANTS, find, uses};
use vaekit::{Run, TrainConfig, Trainer};
use vaekit_ops::{device, scalar, to_vec, to_vec_double};

fn batch(rows: u32, likelihood: &str) -> Batch {
    let data = bars(rows as usize);
    let preparation = Preparation { encoding: told(encoding(likelihood)), rng: Rng::new(0), hide: 0.0 };
    preparation.prepare(&data, &(0..rows).collect::<Vec<_>>(), 0).unwrap().to_device(&device::cpu())
}

fn loss(recipe: &Recipe, batch: &Batch) -> vaekit::objective::Loss {
    let rng = Rng::new(5).at(1);
    let terms = recipe.vae.elbo_terms(batch, recipe.objective.samples(), rng, Mode::Train(rng));
    recipe.objective.loss(&terms, Progress { epoch: 1.0, rng })
}

/// True where the gradient is the slope of the value: not where it passes straight through a choice, nor where a
/// draw jumps from one trial to another.
fn is_smooth(recipe: &Recipe) -> bool {
    let support = recipe.vae.posterior.support();
    recipe.objective.is_slope_of_value() && support != Support::Sphere && !matches!(support, Support::Codes { .. })
}

/// Checks all gradients of a recipe on a batch, each along itself, in float64.
fn check_gradients(name: &str, recipe: &mut Recipe, batch: &Batch) {
    recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
    let mut gradients = loss(recipe, batch).value.backward();
    let gradients: Vec<Option<Vec<f32>>> = recipe.parameters().iter().map(|p| p.gradient(&mut gradients)).collect();
    for (i, gradient) in gradients.iter().enumerate() {
        let before = recipe.parameters()[i].values();
        // Codes follow running means, and a classifier's features are held: both move the loss without a gradient.
        let held = ["prior.code", "objective.perceptual"].iter().any(|n| recipe.parameters()[i].name().starts_with(n));
        let norm = gradient.iter().flatten().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        let Some(gradient) = gradient.as_ref().filter(|_| norm >= 1e-6) else {
            if !held {
                let value = |recipe: &Recipe| to_vec_double(loss(recipe, batch).value)[0];
                let still = value(recipe);
                let moved = before.iter().enumerate().map(|(j, v)| v + 1e-3 * (1.7 * j as f32).sin());
                recipe.parameters_mut()[i].set(moved.collect(), false);
                let apart = (value(recipe) - still).abs();
                recipe.parameters_mut()[i].set(before, false);
                assert!(apart < 1e-6, "{name} {} has no gradient and moves the loss", recipe.parameters()[i].name());
            }
            continue;
        };
        let mut at = |step: f64| {
            let moved = before.iter().zip(gradient).map(|(v, g)| v + (step * f64::from(*g) / norm) as f32);
            let moved: Vec<f32> = moved.collect();
            recipe.parameters_mut()[i].set(moved.clone(), false);
            (to_vec_double(loss(recipe, batch).value)[0], moved)
        };
        let ((above, up), (below, down)) = (at(1e-4), at(-1e-4));
        recipe.parameters_mut()[i].set(before.clone(), false);
        // Parameters are f32, so that they moved by a little more or less than asked.
        let moved = up.iter().zip(&down).map(|(u, d)| f64::from(*u) - f64::from(*d));
        let expected: f64 = moved.zip(gradient).map(|(moved, g)| moved * f64::from(*g)).sum();
        let name = format!("{name} {}", recipe.parameters()[i].name());
        let apart = (above - below - expected).abs() / expected.abs();
        assert!(apart < TOLERANCE, "{name}: {} is not {expected}", above - below);
    }
}

/// Of the slope; what is left is curvature over the step.
const TOLERANCE: f64 = 1e-6;

#[test]
fn gradients_agree_with_finite_differences() {
    for_each(|variant, likelihood| {
        device::with_double(|| {
            let mut recipe = build(variant, likelihood);
            if is_smooth(&recipe) {
                check_gradients(&format!("{} {likelihood}", variant.name()), &mut recipe, &batch(12, likelihood));
            }
        });
    });
}

/// Float32 and its kernels against float64 and plain operations: every variant, those without a slope as well.
#[test]
fn kernels_give_the_gradients_of_plain_operations() {
    for_each(|variant, likelihood| {
        let gradients = || -> Vec<Option<Vec<f32>>> {
            let mut recipe = build(variant, likelihood);
            recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
            let mut found = loss(&recipe, &batch(12, likelihood)).value.backward();
            recipe.parameters().iter().map(|p| p.gradient(&mut found)).collect()
        };
        let (single, double) = (gradients(), device::with_double(gradients));
        let size = |g: &[f32]| g.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let largest = double.iter().flatten().map(|g| size(g)).fold(0.0, f64::max);
        for (i, (single, double)) in single.iter().zip(&double).enumerate() {
            let name = format!("{} {likelihood}, parameter {i}", variant.name());
            assert_eq!(single.is_some(), double.is_some(), "{name}");
            let (Some(single), Some(double)) = (single, double) else { continue };
            let apart: Vec<f32> = single.iter().zip(double).map(|(a, b)| a - b).collect();
            let slack = 1e-4 * size(double) + 1e-6 * largest;
            assert!(size(&apart) < slack, "{name}: {} of {}", size(&apart), size(double));
        }
    });
}

#[test]
fn every_posterior_goes_with_every_prior_where_its_codes_lie() {
    let mut pairs = 0;
    for posterior in POSTERIORS.iter().filter(|p| !["deterministic", "staged"].contains(&p.name)) {
        for prior in PRIORS {
            let parts = [("posterior", posterior.name), ("prior", prior.name), ("latent", "4")];
            let layer = layer(find("vae").unwrap(), "bernoulli", &parts);
            let config = TrainConfig::from_layers(&[layer]).unwrap();
            let variant = find("vae").unwrap();
            let (schema, encoding) = (schema(), encoding("bernoulli"));
            let target = Target { schema: &schema, encoding: &encoding, rows: 60, rng: Rng::new(1) };
            device::with_double(|| {
                let Ok(mut recipe) = variant.build(&config.model, &Params::default(), &target) else { return };
                pairs += 1;
                let name = format!("{} {}", posterior.name, prior.name);
                let drawn = recipe.vae.prior().sample(&[0, 1, 2], Rng::new(1));
                let widths: Vec<usize> = drawn.iter().map(|z| z.dims()[1]).collect();
                assert_eq!(widths, recipe.vae.groups, "{name}");
                if is_smooth(&recipe) {
                    check_gradients(&name, &mut recipe, &batch(12, "bernoulli"));
                }
            });
        }
    }
    // Eight with real codes and five priors for these, and one prior for each other kind.
    assert!(pairs >= 31, "{pairs}");
}

#[test]
fn objectives_go_with_other_posteriors_priors_and_likelihoods() {
    let parts = |posterior, prior| vec![("posterior", posterior), ("prior", prior)];
    for (variant, likelihood, given) in [
        ("iwae", "logistic-mixture", parts("iaf", "vamp")),
        ("miwae", "continuous-bernoulli", parts("full-gaussian", "maf")),
        ("ciwae", "student", parts("planar", "mixture")),
        ("iwae", "negative-binomial", parts("ladder", "top-down")),
        ("capacity-vae", "laplace", parts("full-gaussian", "standard-normal")),
        ("info-vae", "bernoulli", parts("householder", "realnvp")),
        ("ladder-vae", "bernoulli", vec![("posterior", "hierarchical"), ("groups", "4"), ("latent", "8")]),
        ("ladder-vae", "gaussian", vec![("free_bits", "0.05")]),
        ("rae", "bernoulli", vec![("penalty", "gradient"), ("decoder", "1")]),
        ("vae", "logistic", vec![("perceptual", "ms-ssim"), ("perceptual_weight", "3")]),
        ("iwae", "bernoulli", vec![("perceptual", "features"), ("samples", "3")]),
    ] {
        let config = TrainConfig::from_layers(&[layer(find(variant).unwrap(), likelihood, &given)]).unwrap();
        let name = format!("{variant} {likelihood} {given:?}");
        device::with_double(|| check_gradients(&name, &mut built(&config), &batch(12, likelihood)));
    }
}

#[test]
fn parts_look_at_the_settings_that_they_list_and_at_no_other() {
    let others = [
        ("flow_steps", "3"),
        ("flow_hidden", "9"),
        ("components", "5"),
        ("categories", "4"),
        ("groups", "3"),
        ("positions", "4"),
        ("levels", "2"),
        ("temperature", "0.9"),
        ("commitment", "0.5"),
        ("slab", "0.4"),
    ];
    let of_parts: BTreeSet<&str> = settings().filter(|s| s.read == Read::ByParts).map(|s| s.key).collect();
    assert_eq!(others.map(|(key, _)| key).into_iter().collect::<BTreeSet<_>>(), of_parts);
    let batch = batch(12, "bernoulli");
    // How much there is to learn, and the loss: different where a setting is looked at.
    let look = |posterior: &str, prior: &str, changed: Option<(&str, &str)>| {
        let mut layer = toml::Table::new();
        let small = [("hidden", "8"), ("latent", "8"), ("flow_steps", "2"), ("flow_hidden", "8"), ("components", "4")];
        let few = [("categories", "2"), ("positions", "2"), ("posterior", posterior), ("prior", prior)];
        small.into_iter().chain(few).chain(changed).for_each(|(k, v)| TrainConfig::set(&mut layer, k, v));
        let settings = TrainConfig::from_layers(&[layer]).unwrap().model;
        let (schema, encoding) = (schema(), encoding("bernoulli"));
        let target = Target { schema: &schema, encoding: &encoding, rows: 60, rng: Rng::new(1) };
        let vae = settings.model(&target).unwrap();
        let terms = vae.elbo_terms(&batch, 1, Rng::new(5), Mode::Train(Rng::new(5)));
        let loss = scalar(vaekit::objective::Loss::new(terms.distortion().mean(), &terms).value);
        let rate = terms.rate().map(|r| scalar(r.mean()));
        let sizes: Vec<Vec<usize>> = vae.parameters().iter().map(|p| p.shape().to_vec()).collect();
        (sizes, loss.to_bits(), rate.map(f32::to_bits))
    };
    let check = |posterior: &str, prior: &str, listed: &[&str]| {
        let base = look(posterior, prior, None);
        for (key, other) in others {
            let moved = look(posterior, prior, Some((key, other))) != base;
            assert_eq!(moved, listed.contains(&key), "{posterior} {prior} {key}");
        }
    };
    POSTERIORS.iter().for_each(|q| check(q.name, "auto", q.reads));
    let gaussian = priors_for(&POSTERIORS[0]);
    PRIORS.iter().filter(|p| gaussian.contains(&p.name)).for_each(|p| check(POSTERIORS[0].name, p.name, p.reads));
}

#[test]
fn every_variant_takes_an_estimator_or_refuses_it() {
    let (schema, batch) = (schema(), batch(8, "bernoulli"));
    for variant in VARIANTS {
        let encoding = encoding_for(*variant, "bernoulli");
        for (estimator, _) in ESTIMATORS {
            for other in [None, Some("iaf"), Some("full-gaussian"), Some("ladder")] {
                let mut given = vec![("estimator", *estimator)];
                given.extend(other.map(|posterior| ("posterior", posterior)));
                let config = TrainConfig::from_layers(&[layer(*variant, "bernoulli", &given)]).unwrap();
                let params = Params::check(variant.params(), &config.params).unwrap();
                let target = Target { schema: &schema, encoding: &encoding, rows: 60, rng: Rng::new(1) };
                let mut recipe = match variant.build(&config.model, &params, &target) {
                    Ok(recipe) => recipe,
                    Err(error) => {
                        let name = format!("{} {estimator} {other:?}: {error}", variant.name());
                        let own = *estimator == "reparameterized" && other.is_none();
                        let about =
                            ["estimator", "posterior", "prior"].iter().any(|key| error.to_string().starts_with(key));
                        assert!(about && !own, "{name}");
                        continue;
                    }
                };
                recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
                let mut slopes = loss(&recipe, &batch).value.backward();
                let finite = |p: &&Parameter| p.gradient(&mut slopes).is_none_or(|g| g.iter().all(|x| x.is_finite()));
                assert!(recipe.parameters().iter().all(finite), "{} {estimator} {other:?}", variant.name());
            }
        }
    }
}

#[test]
fn estimators_have_the_same_mean() {
    let rows = 8;
    let gradient = |estimator: &str, variant: &str, draws: u64| {
        let layer = layer(find(variant).unwrap(), "bernoulli", &[("estimator", estimator), ("samples", "4")]);
        let mut recipe = built(&TrainConfig::from_layers(&[layer]).unwrap());
        recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        let batch = batch(rows, "bernoulli");
        let mut sum = vec![0f64; 0];
        for draw in 0..draws {
            let rng = Rng::new(17).at(draw);
            let terms = recipe.vae.elbo_terms(&batch, recipe.objective.samples(), rng, Mode::Train(rng));
            let mut found = recipe.objective.loss(&terms, Progress { epoch: 1.0, rng }).value.backward();
            let all: Vec<f32> =
                recipe.vae.encoder.parameters().iter().flat_map(|p| p.gradient(&mut found).unwrap()).collect();
            sum.resize(all.len(), 0.0);
            sum.iter_mut().zip(all).for_each(|(s, g)| *s += f64::from(g) / draws as f64);
        }
        sum
    };
    let distance = |a: &[f64], b: &[f64]| {
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
        norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
    };
    for variant in ["vae", "iwae"] {
        let truth = gradient("reparameterized", variant, 3_000);
        for (estimator, draws, bound) in
            [("sticking-the-landing", 3_000, 0.1), ("doubly-reparameterized", 3_000, 0.1), ("score", 20_000, 0.2)]
        {
            // Without the score's term the importance-weighted bound has another gradient.
            if variant == "iwae" && estimator == "sticking-the-landing" {
                continue;
            }
            let apart = distance(&gradient(estimator, variant, draws), &truth);
            assert!(apart < bound, "{variant} {estimator}: {apart}");
        }
    }
}

#[test]
fn the_bound_lies_below_the_importance_weighted_one() {
    for_each(|variant, likelihood| {
        let recipe = build(variant, likelihood);
        if !recipe.vae.posterior.is_density() {
            return;
        }
        let (batch, k) = (batch(32, likelihood), 200);
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
        let slack = 0.05 + 1e-5 * iwae.abs();
        assert!(f64::from(elbo) <= iwae + slack, "{} {likelihood}: {elbo} above {iwae}", variant.name());
    });
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_thread_count_and_a_run_survives_its_folder() {
    for_some(|variant, likelihood| {
        let (data, _) = bars_for(likelihood, 60);
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
fn every_use_that_a_variant_declares_works_and_no_other() {
    for variant in VARIANTS {
        let dir = tempfile::tempdir().unwrap();
        let data = bars(60);
        let run = Trainer::new(config(*variant, "bernoulli")).out(dir.path().join("run")).fit(&data).unwrap();
        let latent: usize = run.vae().groups.iter().sum();
        let rows: Vec<u32> = (0..8).collect();
        let declared = uses(*variant);
        let sampled = run.sample(5, Observation::Mean, run.rng());
        assert_eq!(sampled.is_ok(), declared.contains(&Use::Sample), "{}", variant.name());
        for used in declared {
            match used {
                Use::Sample => assert_eq!(run.sample(5, Observation::Draw, run.rng()).unwrap().len(), 5),
                Use::Reconstruct => assert_eq!(run.reconstruct(&data, &rows).unwrap().len(), 8),
                Use::Encode => assert_eq!(run.encode(&data, &rows).unwrap().latent, latent),
                Use::Decode => assert_eq!(run.decode(&vec![0.0; 3 * latent], latent, 3, None).unwrap().len(), 3),
                Use::Interpolate => {
                    let between = Between::Classes("up".into(), "level".into());
                    assert_eq!(run.interpolate(&data, &rows, &between, 4).unwrap().len(), 16);
                }
                Use::Traverse => assert_eq!(run.traverse(&data, &rows, None, 3, 9).unwrap().0.len(), 3 * latent.min(9)),
                Use::Evaluate => assert_eq!(run.evaluate(&data, &rows, 2).unwrap().0.rows, 8),
            }
        }
        run.write_pictures(&data, &run.split(&data).unwrap()).unwrap();
        assert!(dir.path().join("run/reconstructions.png").is_file());
        assert!(dir.path().join("run/plots/loss.svg").is_file());
    }
}
