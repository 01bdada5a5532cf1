//! A run folder that an earlier build wrote in format 1 still opens, and means what it meant.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use vaekit::Run;

#[test]
fn a_run_of_format_1_gives_the_figures_it_gave() {
    // `vaekit train rings --epochs 3 --hidden 6 --latent 2`, before there were convolutional networks.
    let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format1")).unwrap();
    let data = run.config().open_data(&vaekit::data::OpenOptions::default(), &mut |_| ()).unwrap();
    let splits = run.split(&data).unwrap();
    let (figures, _) = run.evaluate(&data, &splits.test, 1).unwrap();
    assert!((figures.elbo_nats.unwrap() + 6.593_103).abs() < 1e-4, "{figures:?}");
    assert!((figures.mse - 0.932_479).abs() < 1e-4, "{figures:?}");
}
