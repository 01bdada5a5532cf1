//! Training says what the reader of its figures should know, and only then.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::bars;
use vaekit::data::Binarize;
use vaekit::objective::KlSchedule;
use vaekit::{TrainConfig, TrainEvent, Trainer};

/// The warnings of a short training.
fn warnings(change: impl FnOnce(&mut TrainConfig)) -> Vec<String> {
    let mut config = TrainConfig { epochs: 40, batch: 16, lr: 1e-2, binarize: Binarize::Dynamic, ..Default::default() };
    config.model.hidden = vec![16];
    config.model.latent = 2;
    change(&mut config);
    let dir = tempfile::tempdir().unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&heard);
    let listener = move |event| {
        if let TrainEvent::Warning(text) = event {
            keep.borrow_mut().push(text);
        }
    };
    Trainer::new(config).out(dir.path().join("run")).on_event(listener).fit(&bars(120)).unwrap();
    heard.take()
}

#[test]
fn a_healthy_run_is_silent() {
    assert_eq!(warnings(|_| ()), Vec::<String>::new());
}

#[test]
fn grey_pixels_under_a_bernoulli_are_named() {
    assert!(warnings(|c| c.binarize = Binarize::None)[0].contains("grey"));
    let gaussian = |c: &mut TrainConfig| {
        c.binarize = Binarize::None;
        c.model.likelihood = "gaussian-shared".into();
    };
    assert!(!warnings(gaussian).iter().any(|w| w.contains("grey")));
}

#[test]
fn a_collapsed_posterior_is_named() {
    let heard = warnings(|c| c.model.beta = 1000.0);
    assert!(heard.iter().any(|w| w.contains("collapse")), "{heard:?}");
}

#[test]
fn an_unfinished_warm_up_is_named() {
    let warm = |period: f64| {
        warnings(move |c| {
            c.model.kl_schedule = KlSchedule::Linear;
            c.model.kl_period = period;
        })
    };
    assert!(warm(400.0).iter().any(|w| w.contains("kl_period")));
    assert!(!warm(4.0).iter().any(|w| w.contains("kl_period")));
}
