//! Training says what the reader of its figures should know, and only then.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::bars;
use vaekit::data::{Binarize, Dataset, OpenOptions};
use vaekit::objective::KlSchedule;
use vaekit::settings::LrSchedule;
use vaekit::{TrainConfig, TrainEvent, Trainer};

/// The warnings of a short training.
fn warnings(change: impl FnOnce(&mut TrainConfig)) -> Vec<String> {
    let mut config = TrainConfig { epochs: 40, batch: 16, lr: 1e-2, binarize: Binarize::Dynamic, ..Default::default() };
    config.model.hidden = vec![16];
    config.model.latent = 2;
    change(&mut config);
    warnings_on(config, &bars(120))
}

fn warnings_on(config: TrainConfig, data: &Dataset) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&heard);
    let listener = move |event| {
        if let TrainEvent::Warning(text) = event {
            keep.borrow_mut().push(text);
        }
    };
    Trainer::new(config).out(dir.path().join("run")).on_event(listener).fit(data).unwrap();
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
    let told = heard.iter().find(|w| w.contains("collapse")).unwrap();
    assert!(["smaller beta", "--kl-schedule linear", "--free-bits"].iter().all(|w| told.contains(w)), "{told}");
    // What the run has already, or does not take, is no advice.
    let heard = warnings(|c| {
        c.model.beta = 1000.0;
        c.model.free_bits = 1e-6;
    });
    let told = heard.iter().find(|w| w.contains("collapse")).unwrap();
    assert!(told.contains("smaller beta") && !told.contains("--free-bits"), "{told}");
}

#[test]
fn a_rate_that_falls_to_nothing_is_named() {
    let cosine = |epochs| {
        warnings(move |c| {
            c.lr_schedule = LrSchedule::Cosine;
            c.lr_epochs = epochs;
        })
    };
    assert!(cosine(10).iter().any(|w| w.contains("falls to 0 after 10 of 40")));
    assert!(!cosine(0).iter().any(|w| w.contains("falls to 0")));
}

#[test]
fn pretraining_without_an_end_is_named() {
    let heard = warnings(|c| {
        c.variant = "gm-vae".into();
        c.model.prior = "mixture".into();
        c.params.insert("pretrain".into(), 40.into());
    });
    assert!(heard.iter().any(|w| w.contains("pretrain is 40")), "{heard:?}");
    assert!(!heard.iter().any(|w| w.contains("kl_period")), "{heard:?}");
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

#[test]
fn what_a_table_has_and_has_not_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.csv");
    let row = |i: usize| match i {
        7 => "NA,,0,x\n".to_owned(),
        119 => "1,2,1,y\n".to_owned(),
        i => format!("{},{},{},{}\n", i % 5, i % 3, i % 2, if i % 4 == 0 { "x" } else { "z" }),
    };
    std::fs::write(&file, "a,b,site,kind\n".to_owned() + &(0..120).map(row).collect::<String>()).unwrap();
    let told = |seed: u64| {
        let mut config = TrainConfig { epochs: 1, seed, data: file.display().to_string(), ..Default::default() };
        config.variant = "cvae".into();
        config.condition = vec!["kind".into()];
        config.label_column = Some("site".into());
        config.missing = vec!["-99".into()];
        config.test = 0.5;
        let data = config.open_data(&OpenOptions::default(), &mut |_| ()).unwrap();
        warnings_on(config, &data)
    };
    let all: Vec<String> = (0..6).flat_map(told).collect();
    for wanted in ["'-99'", "'kind' = y", "not told the class 'site'", "without a known value: 1 of them"] {
        assert!(all.iter().any(|text| text.contains(wanted)), "{wanted}: {all:?}");
    }
    assert!(all.iter().filter(|text| text.contains("'kind' = y")).count() < 6, "{all:?}");
}

#[test]
fn a_biased_estimator_of_several_samples_is_named() {
    let weighted = |samples: usize, estimator: &'static str| {
        warnings(|c| {
            c.variant = "iwae".into();
            c.model.samples = samples;
            c.model.estimator = estimator.into();
        })
    };
    let told = |heard: Vec<String>| heard.iter().any(|w| w.contains("biased") && w.contains("doubly-reparameterized"));
    assert!(told(weighted(5, "sticking-the-landing")));
    assert!(!told(weighted(1, "sticking-the-landing")) && !told(weighted(5, "doubly-reparameterized")));
}

#[test]
fn numbers_of_a_likelihood_that_are_on_their_way_are_named_before_the_posterior_is_blamed() {
    // A rate so small that the variance cannot come to rest.
    let slow = |c: &mut TrainConfig| {
        c.binarize = Binarize::None;
        c.model.likelihood = "gaussian-shared".into();
        c.model.beta = 1000.0;
        c.likelihood_lr = 1e-5;
    };
    let heard = warnings(slow);
    assert!(heard.iter().any(|w| w.contains("likelihood.log_var") && w.contains("--likelihood-lr")), "{heard:?}");
    assert!(!heard.iter().any(|w| w.contains("collapse")), "{heard:?}");
    let heard = warnings(|c| {
        slow(c);
        c.likelihood_lr = 0.02;
    });
    assert!(heard.iter().any(|w| w.contains("collapse")), "{heard:?}");
}
