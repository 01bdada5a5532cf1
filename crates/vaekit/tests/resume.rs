//! A run that is stopped and goes on ends with the bytes of one left alone.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::bars;
use vaekit::data::{Binarize, Dataset};
use vaekit::settings::{LrSchedule, Optimizer};
use vaekit::train::Changes;
use vaekit::variants::{self, VARIANTS};
use vaekit::{ErrorKind, TrainConfig, TrainEvent, Trainer};

/// Codebooks, adversaries, first stages and schedules: whatever a variant keeps beside its weights.
#[test]
fn every_variant_goes_on_to_the_same_bytes() {
    for variant in VARIANTS {
        let config = TrainConfig { epochs: 3, ..common::config(*variant, "bernoulli") };
        compare(&config, variant.name());
    }
}

#[test]
fn features_that_were_learned_at_the_start_are_kept() {
    let layer = common::layer(variants::find("vae").unwrap(), "bernoulli", &[("perceptual", "features")]);
    compare(&TrainConfig { epochs: 3, ..TrainConfig::from_layers(&[layer]).unwrap() }, "features");
}

fn config() -> TrainConfig {
    let mut config = TrainConfig { epochs: 6, batch: 7, binarize: Binarize::Dynamic, ..TrainConfig::default() };
    config.model.hidden = vec![8];
    config.model.latent = 2;
    config
}

fn model(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join("model.safetensors")).unwrap()
}

/// Trains with a stop after every `every` batches, going on each time.
fn in_pieces(config: &TrainConfig, data: &Dataset, dir: &Path, every: usize) {
    let mut started = false;
    for _ in 0..1000 {
        let trainer = match started {
            false => Trainer::new(config.clone()).out(dir),
            true => Trainer::resume(dir, &Changes::default()).unwrap(),
        };
        let trainer = if started { trainer } else { trainer.save_every(std::time::Duration::ZERO) };
        started = true;
        let flag = Arc::new(AtomicBool::new(false));
        let (set, mut seen) = (Arc::clone(&flag), 0);
        let stopped = Arc::new(AtomicBool::new(false));
        let hear = Arc::clone(&stopped);
        let listener = move |event| match event {
            TrainEvent::Batch { .. } => {
                seen += 1;
                set.store(seen >= every, Ordering::SeqCst);
            }
            TrainEvent::Interrupted { .. } => hear.store(true, Ordering::SeqCst),
            _ => {}
        };
        trainer.interrupt(flag).on_event(listener).fit(data).unwrap();
        if !stopped.load(Ordering::SeqCst) {
            return;
        }
    }
    panic!("the run never ended");
}

fn compare(config: &TrainConfig, what: &str) {
    let data = bars(60);
    let dir = tempfile::tempdir().unwrap();
    let (whole, pieces) = (dir.path().join("whole"), dir.path().join("pieces"));
    Trainer::new(config.clone()).out(&whole).fit(&data).unwrap();
    in_pieces(config, &data, &pieces, 3);
    assert!(model(&whole) == model(&pieces), "{what}: the models differ");
    let figures = |dir: &Path| -> Vec<_> {
        let metrics = vaekit::run::Metrics::read(dir).unwrap();
        metrics.into_iter().map(|m| (m.epoch, m.step, m.lr, m.train, m.valid)).collect()
    };
    assert_eq!(figures(&whole), figures(&pieces), "{what}: the figures differ");
}

#[test]
fn every_optimizer_goes_on_to_the_same_bytes() {
    for optimizer in [Optimizer::Adam, Optimizer::AdamW, Optimizer::Sgd, Optimizer::RmsProp, Optimizer::Lion] {
        compare(&TrainConfig { optimizer, lr: 1e-3, ..config() }, &format!("{optimizer:?}"));
    }
}

#[test]
fn every_schedule_and_early_stopping_go_on_to_the_same_bytes() {
    use LrSchedule::{Cosine, Exponential, Plateau, Step};
    for lr_schedule in [Cosine, Exponential, Plateau, Step] {
        let lr_patience = if lr_schedule == Plateau { 0 } else { config().lr_patience };
        let lr_epochs = if [Cosine, Step].contains(&lr_schedule) { 2 } else { 0 };
        let config = TrainConfig { lr_schedule, lr_patience, lr_epochs, ..config() };
        compare(&config, &format!("{lr_schedule:?}"));
    }
    let mut config = TrainConfig { patience: 2, epochs: 40, lr: 0.3, clip: 1.0, ..config() };
    config.model.kl_schedule = vaekit::objective::KlSchedule::Cyclical;
    config.model.kl_period = 3.0;
    compare(&config, "early stopping");
}

#[test]
fn accumulation_goes_on_to_the_same_bytes() {
    compare(&TrainConfig { accumulate: 2, ..config() }, "accumulation");
}

#[test]
fn trimming_goes_on_to_the_same_bytes() {
    compare(&TrainConfig { trim: 0.3, ..config() }, "trimming");
}

#[test]
fn an_epoch_of_one_step_can_be_interrupted_too() {
    compare(&TrainConfig { batch: 100, ..config() }, "one step an epoch");
}

#[test]
fn raising_the_epochs_gives_the_bytes_of_a_longer_run() {
    let data = bars(60);
    let dir = tempfile::tempdir().unwrap();
    let (long, short) = (dir.path().join("long"), dir.path().join("short"));
    Trainer::new(TrainConfig { epochs: 5, ..config() }).out(&long).fit(&data).unwrap();
    Trainer::new(TrainConfig { epochs: 2, ..config() }).out(&short).fit(&data).unwrap();
    Trainer::resume(&short, &Changes { epochs: Some(5), data: None }).unwrap().fit(&data).unwrap();
    assert!(model(&long) == model(&short));
    assert!(Trainer::resume(&short, &Changes { epochs: Some(3), data: None }).is_err());
}

#[test]
fn accumulated_small_batches_equal_a_large_one() {
    let data = bars(60);
    let dir = tempfile::tempdir().unwrap();
    let train = |name: &str, batch: usize, accumulate: usize| {
        let config = TrainConfig { batch, accumulate, epochs: 3, ..config() };
        let out = dir.path().join(name);
        let run = Trainer::new(config).out(&out).fit(&data).unwrap();
        run.encode(&data, &(0..20).collect::<Vec<_>>()).unwrap().mean
    };
    for (a, b) in train("small", 6, 3).iter().zip(train("large", 18, 1)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn other_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    Trainer::new(config()).out(&out).fit(&bars(60)).unwrap();
    let error = Trainer::resume(&out, &Changes::default()).unwrap().fit(&bars(58)).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Data { .. }), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn numbers_that_run_away_stop_training_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut bad = config();
    bad.model.likelihood = "gaussian".into();
    bad.binarize = Binarize::None;
    bad.optimizer = Optimizer::Sgd;
    bad.lr = 1e3;
    let error = Trainer::new(bad).out(&out).fit(&bars(60)).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Diverged { .. }), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("lr") && error.to_string().contains("step"), "{error}");
}
