//! What every variant must be able to learn.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{bars, bars_for, for_some, layer};
use vaekit::data::Dataset;
use vaekit::settings::LrSchedule;
use vaekit::{TrainConfig, Trainer};

#[test]
fn eight_rows_are_learned_by_heart() {
    for_some(|variant, likelihood| {
        let (data, known) = bars_for(likelihood, 8);
        let dir = tempfile::tempdir().unwrap();
        let train = |given: &[(&str, &str)], epochs: u64, out: &str| {
            let config = TrainConfig::from_layers(&[layer(variant, likelihood, given)]).unwrap();
            let lr_schedule = LrSchedule::Cosine;
            let config = TrainConfig { epochs, lr: 1e-2, lr_schedule, test: 0.0, valid: Some(0.0), batch: 8, ..config };
            Trainer::new(config).out(dir.path().join(out)).fit(&data)
        };
        let mut given = vec![("hidden", "32"), ("latent", "8")];
        // No more nats than eight rows have.
        given.extend(variant.params().iter().any(|p| p.key == "capacity").then_some(("capacity", "6")));
        // Sixteen pixels are worth little beside a whole KL: less of it where the variant lets it be weighed.
        let more = [("beta", "0.02"), ("samples", "4")];
        for (key, value) in more {
            let given_too = [&given[..], &[(key, value)]].concat();
            match train(&given_too, 1, key) {
                Ok(_) => given = given_too,
                Err(refusal) => assert!(refusal.to_string().starts_with(key), "{}: {refusal}", variant.name()),
            }
        }
        let run = train(&given, 1_000, "run").unwrap();
        let rows: Vec<u32> = (0..8).collect();
        let found = run.reconstruct(&data, &rows).unwrap();
        let stored: Vec<f32> = (0..8).flat_map(|row| stored(&bars(8), row)).collect();
        let width = found.columns.len();
        let mean = |i: usize| stored.iter().skip(i % width).step_by(width).sum::<f32>() / 8.0;
        // Of a value that the model never saw nothing is asked.
        let told = || (0..stored.len()).filter(|&i| known[i]);
        let wrong: f32 = told().map(|i| (stored[i] - found.values[i]).powi(2)).sum();
        let spread: f32 = told().map(|i| (stored[i] - mean(i)).powi(2)).sum();
        // Against saying the same of every row.
        assert!(wrong < 0.25 * spread, "{} {likelihood}: {wrong} of {spread}", variant.name());
    });
}

fn stored(data: &Dataset, row: usize) -> Vec<f32> {
    let mut values = Vec::new();
    data.extend_with_row(row, &mut values).unwrap();
    values
}
