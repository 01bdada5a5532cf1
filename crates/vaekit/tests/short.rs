//! Short trainings come to what long ones come to, and early stopping judges what is trained for.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{bars, config};
use vaekit::data::{Dataset, Kind, OpenOptions, Rows, Schema};
use vaekit::rng::{Purpose, Rng};
use vaekit::run::{Metrics, Run};
use vaekit::settings::LrSchedule;
use vaekit::variants::VARIANTS;
use vaekit::{TrainConfig, Trainer};

/// Poisson draws by inversion, one for each rate.
fn poisson(rates: &[f64], rng: Rng) -> Vec<f32> {
    let ids: Vec<u64> = (0..rates.len() as u64).collect();
    let draw = |(rate, u): (&f64, f32)| {
        let (mut k, mut p, mut left) = (0.0, (-rate).exp(), f64::from(u));
        while left > p && k < 1e4 {
            left -= p;
            k += 1.0;
            p *= rate / k;
        }
        k as f32
    };
    rates.iter().zip(rng.uniform(Purpose::Builtin, &ids, 1)).map(draw).collect()
}

/// 2,000 rows of 20 counts whose rates depend on one cause.
fn counts() -> Dataset {
    let cause = Rng::new(4).normal(Purpose::Builtin, &(0..2_000).collect::<Vec<_>>(), 1);
    let rate = |i: usize| (1.0 + 0.5 * f64::from(cause[i / 20]) * if i.is_multiple_of(2) { 1.0 } else { -1.0 }).exp();
    let rates: Vec<f64> = (0..2_000 * 20).map(rate).collect();
    let names = (0..20).map(|i| format!("g{i}"));
    let values = poisson(&rates, Rng::new(5));
    Dataset::new("counts", Schema::table(names, Kind::Real), Rows::F32(values)).unwrap()
}

fn trained(config: TrainConfig, data: &Dataset) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    let run = Trainer::new(config).out(dir.path().join("run")).fit(data).unwrap();
    (dir, run)
}

fn elbo(run: &Run, data: &Dataset) -> f64 {
    run.evaluate(data, &run.split(data).unwrap().test, 20).unwrap().0.elbo_nats.unwrap()
}

fn plain(likelihood: &str, epochs: u64) -> TrainConfig {
    let mut config = TrainConfig { epochs, ..TrainConfig::default() };
    config.model.likelihood = likelihood.into();
    config.model.hidden = vec![64];
    config.model.latent = 2;
    config
}

#[test]
fn twenty_epochs_find_that_counts_are_poisson() {
    let data = counts();
    let of = |likelihood: &str, epochs| {
        let (_dir, run) = trained(plain(likelihood, epochs), &data);
        elbo(&run, &data)
    };
    let (poisson, negative, zeros) = (of("poisson", 20), of("negative-binomial", 20), of("zero-inflated", 20));
    assert!((poisson - negative).abs() < 0.5, "poisson {poisson}, negative-binomial {negative}");
    assert!((poisson - zeros).abs() < 1.0, "poisson {poisson}, zero-inflated {zeros}");
}

#[test]
fn a_shared_variance_is_where_the_errors_put_it_after_twenty_epochs() {
    let config = TrainConfig { epochs: 20, limit: 3_000, ..plain("gaussian-shared", 20) };
    let data = config.open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
    let (_dir, run) = trained(config, &data);
    let figures = run.evaluate(&data, &run.split(&data).unwrap().test, 1).unwrap().0;
    // D = n/2 (log 2 pi v + m / v) with m the mean squared error; the best v is m. Two unknowns, of which m is found
    // from the variance that is recorded.
    let width = data.width() as f64;
    let recorded = run.vae().likelihood.parameters()[0].values()[0];
    let log_var = f64::from((recorded + 8.0).exp().ln_1p() - 10.0);
    let v = log_var.exp();
    let m = v * (2.0 * figures.distortion_nats / width - (std::f64::consts::TAU * v).ln());
    let best = 0.5 * width * ((std::f64::consts::TAU * m).ln() + 1.0);
    let lost = figures.distortion_nats - best;
    assert!(lost >= -1e-3 && lost < 0.02 * best.abs(), "{lost} nats of {best} lost: variance {v}, errors {m}");
}

#[test]
fn every_optimizer_finds_the_shared_variance() {
    use vaekit::settings::Optimizer::{Adam, AdamW, Lion, RmsProp, Sgd};
    let data = bars(120);
    for (optimizer, lr) in [(Adam, 1e-3), (AdamW, 1e-3), (Sgd, 1e-4), (RmsProp, 1e-3), (Lion, 1e-4)] {
        let mut config = TrainConfig { optimizer, lr, epochs: 40, batch: 16, ..TrainConfig::default() };
        config.model.likelihood = "gaussian-shared".into();
        config.model.hidden = vec![8];
        config.model.latent = 2;
        let (_dir, run) = trained(config, &data);
        let figures = run.evaluate(&data, &run.split(&data).unwrap().train, 1).unwrap().0;
        let v = f64::from((run.vae().likelihood.parameters()[0].values()[0] + 8.0).exp().ln_1p() - 10.0).exp();
        let m = v * (2.0 * figures.distortion_nats / 16.0 - (std::f64::consts::TAU * v).ln());
        assert!((v / m).ln().abs() < 0.2, "{optimizer:?}: variance {v}, errors {m}");
    }
}

#[test]
fn stopping_waits_for_pretraining() {
    let mut config = config(vaekit::variants::find("gm-vae").unwrap(), "bernoulli");
    config.params.insert("pretrain".into(), toml::Value::Integer(5));
    let config = TrainConfig { patience: 2, epochs: 30, lr: 1e-2, valid: Some(0.2), ..config };
    let (_dir, run) = trained(config, &bars(200));
    let metrics = Metrics::read(run.dir()).unwrap();
    assert!(metrics[..5].iter().all(|m| m.valid_loss.is_none()) && metrics[5].valid_loss.is_some(), "{metrics:?}");
    // Two epochs of patience after the sixth, which is the first to be judged.
    assert!(metrics.len() >= 8, "{} epochs", metrics.len());
}

#[test]
fn stopping_judges_the_bound_that_is_trained() {
    let mut config = plain("bernoulli", 4);
    config.variant = "iwae".into();
    config.model.samples = 20;
    (config.limit, config.patience, config.valid) = (1_000, 3, Some(0.1));
    config.binarize = vaekit::data::Binarize::Threshold;
    let data = config.open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
    let (_dir, run) = trained(config, &data);
    let judged = Metrics::read(run.dir()).unwrap().pop().unwrap();
    let (loss, elbo) = (judged.valid_loss.unwrap(), judged.valid.unwrap().elbo_nats.unwrap());
    let rows = run.split(&data).unwrap().valid;
    // The last epoch was the best, so that the weights are those that were judged.
    let bound = run.importance(&data, &rows, 20, &mut |_| vaekit::data::Step::Continue).unwrap().nll_nats();
    assert!((loss - bound).abs() < 0.3, "judged {loss}, the bound of 20 samples is {bound}");
    assert!(loss < -elbo - 1.0, "judged {loss}, the plain bound is {elbo}");
}

#[test]
fn every_variant_can_be_stopped_and_says_by_what() {
    for variant in VARIANTS {
        let likelihood = "bernoulli";
        let config = config(*variant, likelihood);
        let config =
            TrainConfig { patience: 5, epochs: 3, lr_schedule: LrSchedule::Plateau, valid: Some(0.2), ..config };
        let (_dir, run) = trained(config, &bars(60));
        let last = Metrics::read(run.dir()).unwrap().pop().unwrap();
        let waits = last.valid_loss.is_none();
        // What warms up for longer than three epochs is not judged yet.
        let warms = ["capacity-vae", "joint-vae", "ladder-vae", "vsc"].contains(&variant.name());
        assert!(waits == warms && last.valid_loss.is_none_or(f64::is_finite), "{}: {last:?}", variant.name());
    }
}

/// 1,000 rows of four numbers with one cause; every twentieth is of a clump far from the others, whose place is in `clump`.
fn with_anomalies() -> (Dataset, Vec<u32>, Vec<u32>) {
    let ids: Vec<u64> = (0..1_000).collect();
    let eps = Rng::new(8).normal(Purpose::Builtin, &ids, 5);
    let row = |(i, e): (usize, &[f32])| match i.is_multiple_of(20) {
        true => [3.0, 3.0, -3.0, 0.0].map(|v| v + 0.05 * e[1]),
        false => [e[0] + 0.2 * e[1], -e[0] + 0.2 * e[2], e[0] + 0.2 * e[3], 2.0 * e[0] + 0.2 * e[4]],
    };
    let values = eps.chunks(5).enumerate().flat_map(row).collect();
    let (clump, others) = (0..1_000).partition(|i| i % 20 == 0);
    (Dataset::new("mixed", Schema::table(["a", "b", "c", "d"], Kind::Real), Rows::F32(values)).unwrap(), clump, others)
}

#[test]
fn a_trimmed_training_learns_nothing_of_a_clump_of_anomalies() {
    let (data, clump, others) = with_anomalies();
    let gap = |trim: f64| {
        let config = TrainConfig { trim, batch: 50, lr: 3e-3, ..plain("gaussian-shared", 40) };
        let (_dir, run) = trained(config, &data);
        let of = |rows: &[u32]| run.evaluate(&data, rows, 20).unwrap().0.elbo_nats.unwrap();
        of(&others) - of(&clump)
    };
    let (plain, trimmed) = (gap(0.0), gap(0.1));
    assert!(trimmed > 10.0 && trimmed > 3.0 * plain, "the clump is {plain} nats below the others, trimmed {trimmed}");
}
