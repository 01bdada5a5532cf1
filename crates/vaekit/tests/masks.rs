//! Missing values: what is not known has no influence on anything.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{bars, config, for_each, layer};
use vaekit::data::{Batch, Binarize, Cells, Column, Dataset, Encoding, Kind, Role, Rows, Schema, Transform};
use vaekit::model::likelihood::{self, Domain, LIKELIHOODS, Likelihood};
use vaekit::model::{Mode, Vae};
use vaekit::nn::{Init, Parameters};
use vaekit::objective::Progress;
use vaekit::rng::Rng;
use vaekit::uses::{Between, Effort, Observation};
use vaekit::variants::{ModelSettings, Params, Recipe, Target, find};
use vaekit::{Run, TrainConfig, Trainer};
use vaekit_ops::{Tensor, device, from_vec, to_vec};

/// Values of a domain.
fn values(domain: Domain, n: usize) -> Vec<f32> {
    let wave = |i: usize| 0.5 + 0.5 * (1.7 * i as f32 + 0.3).sin();
    (0..n)
        .map(|i| match domain {
            Domain::Reals => 4.0 * wave(i) - 2.0,
            Domain::Unit => wave(i),
            Domain::Binary => f32::from(i % 3 == 0),
            Domain::Bytes => (wave(i) * 255.0).round() / 255.0,
            Domain::Counts => (wave(i) * 9.0).floor(),
        })
        .collect()
}

fn built(name: &str, schema: &Schema) -> Box<dyn Likelihood> {
    let domain = likelihood::find(name).unwrap().domain();
    let encoding = match domain {
        Domain::Counts => Encoding::none(),
        _ => Encoding { transform: Transform::Unit, scale: vec![255.0], ..Encoding::none() },
    };
    likelihood::build(name, schema, &encoding, &mut Init::new(Rng::new(0))).unwrap()
}

/// For every likelihood, on columns and on coloured pixels: a row with values hidden has the log-likelihood of the row
/// without those events, whatever is written under the mask, and so has its gradient.
#[test]
fn a_hidden_event_is_left_out_exactly() {
    for known in LIKELIHOODS {
        for schema in [Schema::table(["a", "b", "c", "d", "e", "f"], Kind::Byte), Schema::images([3, 1, 2], Kind::Byte)]
        {
            let likelihood = built(known.name, &schema);
            let (b, k, x) = (4, 2, 6);
            let r = likelihood.raw_width(x);
            let rows = values(known.domain(), b * x);
            let raw: Vec<f32> = (0..k * b * r).map(|i| 0.8 * (0.9 * i as f32).sin()).collect();
            let mask: Vec<f32> = (0..b * x).map(|i| f32::from(i % 4 != 1 && i != 5)).collect();
            let tensor = |v: Vec<f32>, n| from_vec(v, [b, n], &device::cpu());
            let raw_of = || from_vec(raw.clone(), [k, b, r], &device::here_training()).require_grad();
            let each = likelihood.log_prob_each(&tensor(rows.clone(), x), &raw_of());
            let known_events = to_vec(likelihood.known_events(&tensor(mask.clone(), x)));
            let e = known_events.len() / b;
            assert_eq!(each.dims(), [k, b, e], "{}", known.name);
            let each = to_vec(each);
            let expected: Vec<f64> = (0..k * b)
                .map(|i| (0..e).map(|j| f64::from(each[i * e + j]) * f64::from(known_events[i % b * e + j])).sum())
                .collect();
            let measured = |hidden: f32| {
                let written = rows.iter().zip(&mask).map(|(v, m)| if *m == 1.0 { *v } else { hidden }).collect();
                let raw = raw_of();
                let (written, mask) = (tensor(written, x), tensor(mask.clone(), x));
                // A family that learns from gaps says as well how likely they are, whatever is written there.
                let log_p = match known.needs_gaps() {
                    true => {
                        let with_gaps = to_vec(likelihood.log_prob(&written, &raw, Some(&mask)));
                        assert!(with_gaps.iter().all(|v| v.is_finite()), "{} {hidden}", known.name);
                        likelihood.log_prob_open(&written, &raw, &mask).sum_dim(2).reshape([k, b])
                    }
                    false => likelihood.log_prob(&written, &raw, Some(&mask)),
                };
                let mut found = log_p.clone().sum().backward();
                let slope = raw.grad_remove(&mut found).map(to_vec).unwrap_or_default();
                let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
                (to_vec(log_p.clone()), bits(to_vec(log_p)), bits(slope))
            };
            let (log_p, bits, slope) = measured(0.0);
            for (found, expected) in log_p.iter().zip(&expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{}", known.name);
            }
            for hidden in [1e30, -7.5, f32::NAN, f32::INFINITY] {
                assert!(measured(hidden).1 == bits && measured(hidden).2 == slope, "{} {hidden}", known.name);
            }
            // All is known: what no mask gives, to rounding.
            let whole = to_vec(likelihood.log_prob(&tensor(rows.clone(), x), &raw_of(), None));
            let (all, ones) = (tensor(rows.clone(), x), tensor(vec![1.0; b * x], x));
            let ones = match known.needs_gaps() {
                true => likelihood.log_prob_open(&all, &raw_of(), &ones).sum_dim(2).reshape([k, b]),
                false => likelihood.log_prob(&all, &raw_of(), Some(&ones)),
            };
            let ones = to_vec(ones);
            assert!(whole.iter().zip(ones).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + a.abs())), "{}", known.name);
        }
    }
}

/// A small model of a variant for rows that lack values.
fn recipe(name: &str, likelihood: &str, data: &Dataset) -> Recipe {
    let variant = find(name).unwrap();
    let config = config(variant, likelihood);
    let mut encoding = match likelihood::find(likelihood).unwrap().domain() {
        Domain::Counts => Encoding::none(),
        _ => Encoding { transform: Transform::Unit, scale: vec![255.0], ..Encoding::none() },
    };
    encoding.masked = true;
    if variant.is_conditional() {
        encoding = encoding.conditional(data, &[0, 1]).unwrap();
    }
    let target = Target { schema: data.schema(), encoding: &encoding, rows: 60, rng: Rng::new(1) };
    let params = Params::check(variant.params(), &config.params).unwrap();
    variant.build(&config.model, &params, &target).unwrap()
}

/// Every variant with every likelihood: what stands under the mask of a batch moves no gradient by a bit.
#[test]
fn nothing_under_a_mask_reaches_a_gradient() {
    let data = bars(12);
    for_each(|variant, likelihood| {
        let mask: Vec<f32> = (0..12 * 16).map(|i| f32::from(i % 5 != 2)).collect();
        let scale = if likelihood::find(likelihood).unwrap().domain() == Domain::Counts { 1.0 } else { 255.0 };
        let gradients = |hidden: f32| -> Vec<Option<Vec<u32>>> {
            let mut recipe = recipe(variant.name(), likelihood, &data);
            recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
            let mut rows = Vec::new();
            (0..12).for_each(|row| data.extend_with_row(row, &mut rows).unwrap());
            let written = |(v, m): (&f32, &f32)| if *m == 1.0 { v / scale } else { hidden };
            let tensor = |v: Vec<f32>, n| -> Tensor<2> { from_vec(v, [12, n], &device::cpu()) };
            let batch = Batch {
                seen: None,
                x: tensor(rows.iter().zip(&mask).map(written).collect(), 16),
                mask: Some(tensor(mask.clone(), 16)),
                given: Some(tensor([1.0, 0.0].repeat(12), 2)),
                row_ids: (0..12).collect(),
            };
            let rng = Rng::new(5).at(1);
            let terms = recipe.vae.elbo_terms(&batch, recipe.objective.samples(), rng, Mode::Train(rng));
            let loss = recipe.objective.loss(&terms, Progress { epoch: 1.0, rng });
            drop(terms);
            let mut found = loss.value.backward();
            let bits = |g: Vec<f32>| g.into_iter().map(f32::to_bits).collect();
            recipe.parameters().iter().map(|p| p.gradient(&mut found).map(bits)).collect()
        };
        assert!(gradients(0.0) == gradients(1e30), "{} {likelihood}", variant.name());
    });
}

/// Rows of two correlated columns and one of two values; every fifth cell is missing.
fn table(n: usize, gaps: bool) -> Dataset {
    let ids: Vec<u64> = (0..n as u64).collect();
    let noise = Rng::new(3).normal(vaekit::rng::Purpose::Builtin, &ids, 3);
    let mut rows: Vec<f32> = noise.chunks(3).flat_map(|e| [10.0 + e[0], e[0] + 0.3 * e[1], e[2]]).collect();
    if gaps {
        rows.iter_mut().enumerate().filter(|(i, _)| i * 7 % 5 == 1).for_each(|(_, v)| *v = f32::NAN);
    }
    Dataset::from_rows("t", &["a", "b", "c"], rows).unwrap()
}

fn small(epochs: u64) -> TrainConfig {
    let layer = layer(find("vae").unwrap(), "gaussian-shared", &[("normalize", "standardize"), ("hidden", "16")]);
    TrainConfig { epochs, ..TrainConfig::from_layers(&[layer]).unwrap() }
}

#[test]
fn a_table_with_gaps_trains_and_serves_every_use() {
    let dir = tempfile::tempdir().unwrap();
    let data = table(300, true);
    assert_eq!(data.missing(), 180);
    let run = Trainer::new(small(4)).out(dir.path().join("run")).fit(&data).unwrap();
    let run = Run::open(run.dir()).unwrap();
    let rows: Vec<u32> = (0..40).collect();
    let (figures, _) = run.evaluate(&data, &rows, 2).unwrap();
    assert!(figures.elbo_nats.unwrap().is_finite() && figures.mse.is_finite() && figures.mse < 3.0, "{figures:?}");
    assert!(run.sample(5, Observation::Draw, run.rng()).unwrap().values.iter().all(|v| v.is_finite()));
    assert!(run.reconstruct(&data, &rows).unwrap().values.iter().all(|v| v.is_finite()));
    let evidence = run.importance(&data, &rows, 50, &mut |_| vaekit::data::Step::Continue).unwrap();
    assert!(evidence.log_p.iter().all(|v| v.is_finite()));
    // The squared error is a mean over the known values alone, by hand.
    let (mut error, mut known) = (0.0, 0.0);
    let restored = run.reconstruct(&data, &rows).unwrap().values;
    for row in &rows {
        let mut stored = Vec::new();
        data.extend_with_row(*row as usize, &mut stored).unwrap();
        for (i, v) in stored.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            let apart = (v - restored[*row as usize * 3 + i]) / run.encoding().scale[i];
            error += f64::from(apart * apart);
            known += 1.0;
        }
    }
    let figures = run.evaluate(&data, &rows, 1).unwrap().0;
    assert!((figures.mse - error / known).abs() < 1e-4, "{} is not {}", figures.mse, error / known);
    assert_eq!(known, 120.0 - 24.0);
    let page = run.report(&data, &run.split(&data).unwrap(), None, &Effort::default(), &mut |_| ()).unwrap();
    assert!(std::fs::metadata(page).unwrap().len() > 10_000);
    run.write_pictures(&data, &run.split(&data).unwrap()).unwrap();
}

#[test]
fn on_complete_data_a_mask_of_ones_gives_the_bytes_of_no_mask() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |data: &Dataset, name: &str| {
        let out = dir.path().join(name);
        Trainer::new(small(2)).out(&out).fit(data).unwrap();
        std::fs::read(out.join("model.safetensors")).unwrap()
    };
    let whole = table(120, false);
    let Rows::F32(values) = whole.rows().clone() else { unreachable!() };
    let masked = Dataset::from_rows("t", &["a", "b", "c"], values.clone()).unwrap();
    let masked = masked.masked(&vec![true; values.len()]).unwrap();
    assert!(bytes(&whole, "whole") == bytes(&masked, "ones"));
    // What was written where the mask hides is gone.
    let hide: Vec<bool> = (0..values.len()).map(|i| i % 4 != 0).collect();
    let written = |hidden: f32| {
        let values = values.iter().zip(&hide).map(|(v, known)| if *known { *v } else { hidden }).collect();
        Dataset::from_rows("t", &["a", "b", "c"], values).unwrap().masked(&hide).unwrap()
    };
    let first = bytes(&written(0.0), "0");
    assert!(first == bytes(&written(1e30), "1e30"));
    assert!(first != bytes(&whole, "again"));
}

#[test]
fn a_model_of_complete_rows_refuses_gaps_and_names_the_cell() {
    let dir = tempfile::tempdir().unwrap();
    let run = Trainer::new(small(1)).out(dir.path().join("run")).fit(&table(60, false)).unwrap();
    let error = run.encode(&table(60, true), &[0, 1, 2]).unwrap_err().to_string();
    assert!(error.contains("row 1, column 'a'") && error.contains("missing values"), "{error}");
}

#[test]
fn binarised_images_with_hidden_pixels_train() {
    let dir = tempfile::tempdir().unwrap();
    let data = bars(80);
    let hidden: Vec<bool> = (0..80 * 16).map(|i| i % 7 != 3).collect();
    let data = data.masked(&hidden).unwrap();
    assert_eq!(data.schema().value_kind(), Kind::Byte);
    for binarize in [Binarize::Dynamic, Binarize::Threshold] {
        let config = TrainConfig { binarize, ..config(find("vae").unwrap(), "bernoulli") };
        let run = Trainer::new(config).out(dir.path().join(format!("{binarize:?}"))).fit(&data).unwrap();
        let (figures, _) = run.evaluate(&data, &[0, 1, 2, 3], 1).unwrap();
        // 16 pixels less the hidden ones, at most log 2 nats each for a model that knows nothing.
        assert!(figures.distortion_nats < 14.0, "{figures:?}");
    }
}

/// A column that depends on a number and on a word: a conditional model draws it where it is told to.
#[test]
fn a_conditional_model_reproduces_a_number_and_a_word() {
    let n = 2_000;
    let ids: Vec<u64> = (0..n as u64).collect();
    let noise = Rng::new(8).normal(vaekit::rng::Purpose::Builtin, &ids, 3);
    let doses: Vec<f32> = noise.chunks(3).map(|e| 5.0 + 2.0 * e[0]).collect();
    let sites: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    let mean = |dose: f32, site: u32| 10.0 + 2.0 * dose + if site == 1 { 20.0 } else { 0.0 };
    let rows = (0..n).flat_map(|i| {
        let x = mean(doses[i], sites[i]) + 0.5 * noise[3 * i + 1];
        [x, 0.5 * x + 0.5 * noise[3 * i + 2]]
    });
    let data = Dataset::from_rows("t", &["x", "y"], rows.collect()).unwrap();
    let dose = Column { role: Role::Condition, ..Column::modelled("dose", Kind::Real) };
    let site = Column::category("site", Role::Condition, vec!["north".into(), "south".into()]);
    let data = data.with(dose, Cells::Numbers(doses)).unwrap().with(site, Cells::Levels(sites)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut layer = toml::Table::new();
    for (key, value) in [("variant", "cvae"), ("hidden", "32"), ("latent", "2"), ("epochs", "60"), ("lr", "0.003")] {
        TrainConfig::set(&mut layer, key, value);
    }
    Trainer::new(TrainConfig::from_layers(&[layer]).unwrap()).out(dir.path().join("run")).fit(&data).unwrap();
    for (dose, site) in [(3.0f32, 0u32), (7.0, 0), (3.0, 1), (7.0, 1)] {
        let run = Run::open(dir.path().join("run")).unwrap();
        let word = ["north", "south"][site as usize];
        let run = run.given("dose", &dose.to_string()).unwrap().given("site", word).unwrap();
        let drawn = run.sample(500, Observation::Draw, run.rng()).unwrap();
        assert_eq!(drawn.beside.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["dose", "site"]);
        assert_eq!(drawn.beside[1].values[7], word);
        let found = drawn.values.iter().step_by(2).sum::<f32>() / 500.0;
        let expected = mean(dose, site);
        assert!((found - expected).abs() < 0.05 * expected, "{dose} {word}: {found}, expected {expected}");
    }
    let run = || Run::open(dir.path().join("run")).unwrap();
    let error = run().given("site", "west").err().unwrap().to_string();
    assert!(error.contains("north, south"), "{error}");
    let twice = run().given("site", "north").unwrap().given("site", "south").err().unwrap().to_string();
    assert!(twice.contains("once"), "{twice}");
    for (given, back) in [("0", "0"), ("0.1", "0.1"), ("-2.5", "-2.5"), ("7", "7")] {
        let run = run().given("dose", given).unwrap();
        assert_eq!(run.sample(1, Observation::Mean, run.rng()).unwrap().beside[0].values, [back]);
    }
    // The doses of a line between two rows are a line as well; the site changes in the middle.
    let line = run().interpolate(&data, &[], &Between::Rows(0, 1), 5).unwrap();
    let told: Vec<f32> = line.beside[0].values.iter().map(|v| v.parse().unwrap()).collect();
    assert!((told[2] - 0.5 * (told[0] + told[4])).abs() < 1e-4 && told[0] != told[4], "{told:?}");
    assert_eq!(line.beside[1].values, ["north", "north", "north", "south", "south"]);
}

/// log x ~ N(m, 1): its slope at 0 is infinite.
struct LogNormal;

impl Parameters for LogNormal {}

impl Likelihood for LogNormal {
    fn name(&self) -> &'static str {
        "log-normal"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let log = x.clone().log().unsqueeze::<3>();
        (log.clone() - raw.clone()).square() * -0.5 - log - 0.5 * std::f64::consts::TAU.ln()
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        (raw + 0.5).exp()
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.iter().map(|m| m.ln() - 0.5).collect()
    }

    fn sample(&self, raw: Tensor<2>, _: &[u64], _: Rng) -> Tensor<2> {
        raw.exp()
    }
}

/// A likelihood from outside of the list, on positive rows with gaps.
#[test]
fn a_likelihood_without_a_slope_at_zero_trains_on_rows_with_gaps() {
    let values = (0..600).map(|i| if i % 7 == 0 { f32::NAN } else { (0.5 * (i as f32).sin()).exp() });
    let data = Dataset::from_rows("t", &["a", "b", "c"], values.collect()).unwrap();
    let recipe = |settings: &ModelSettings, target: &Target<'_>| {
        let mut vae = settings.model(target)?;
        vae.likelihood = Box::new(LogNormal);
        Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
    };
    let config = || TrainConfig { normalize: Some(Transform::None), ..small(2) };
    let dir = tempfile::tempdir().unwrap();
    let trained =
        Trainer::new(config()).with_recipe("log-normal", recipe).out(dir.path().join("run")).fit(&data).unwrap();
    let (figures, _) = trained.evaluate(&data, &[0, 1, 2], 1).unwrap();
    assert!(figures.elbo_nats.is_some_and(f64::is_finite));
    assert!(trained.evaluate(&data, &[0, 200], 1).unwrap_err().to_string().contains("row 200"));
    assert!(trained.evaluate(&data, &[0], 0).unwrap_err().to_string().contains("samples"));
    // A decoder of two numbers a value is refused in words.
    let mut wide = config();
    wide.model.likelihood = "gaussian-learned".into();
    let refused = Trainer::new(wide).with_recipe("wide", recipe).out(dir.path().join("wide")).fit(&data);
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("log-normal asks the decoder for 3 outputs a row (raw_width), found 6"), "{refused}");
}

/// The parameters of a model can be reached by several threads at once.
#[test]
fn a_model_is_shared_between_threads() {
    let dir = tempfile::tempdir().unwrap();
    let data = table(60, false);
    let model = Trainer::new(small(1)).out(dir.path().join("run")).fit(&data).unwrap().into_model();
    let one = model.encode(&data, &[0, 1, 2]).unwrap();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| model.encode(&data, &[0, 1, 2]).unwrap())).collect();
        all.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), one));
    });
    let vae: &Vae = model.vae();
    assert!(!vae.parameters().is_empty());
}
