//! The reasons of a score name the column that was tampered with.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use vaekit::data::{Dataset, OpenOptions, open};
use vaekit::rng::{Purpose, Rng};
use vaekit::uses::{By, How, Reasons, Scorer};
use vaekit::{TrainConfig, Trainer};

const COLUMNS: usize = 6;

/// Rows on a plane with a little noise; `planted` moves one column of each row by five standard deviations.
fn table(n: usize, seed: u64, planted: bool) -> String {
    let ids: Vec<u64> = (0..n as u64).collect();
    let (z, noise) =
        (Rng::new(seed).normal(Purpose::Builtin, &ids, 2), Rng::new(seed ^ 99).normal(Purpose::Builtin, &ids, COLUMNS));
    let row = |i: usize| {
        let cell = |j: usize| {
            let (a, b) = (z[2 * i], z[2 * i + 1]);
            let clean = a * (1.0 + j as f32).sin() + b * (1.0 + j as f32).cos() + 0.2 * noise[i * COLUMNS + j];
            if planted && j == i % COLUMNS { clean + 5.0 } else { clean }
        };
        (0..COLUMNS).map(|j| format!("{:.4}", cell(j))).collect::<Vec<_>>().join(",")
    };
    let names: Vec<String> = (0..COLUMNS).map(|j| format!("x{j}")).collect();
    format!("{}\n{}\n", names.join(","), (0..n).map(row).collect::<Vec<_>>().join("\n"))
}

fn read(text: &str, options: &OpenOptions) -> Dataset {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    open(&file.path().to_string_lossy(), options, &mut |_| ()).unwrap()
}

#[test]
fn the_planted_column_is_the_first_reason_of_nearly_every_row_and_held_out_p_values_are_uniform() {
    let data = read(&table(2_000, 1, false), &OpenOptions::default());
    // Given and not set later, for the warm-up is a share of them.
    let given = toml::Table::from_iter([("epochs".to_owned(), toml::Value::Integer(60))]);
    let config = TrainConfig::from_layers(&[TrainConfig::for_table(&data, &given), given.clone()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Trainer::new(config).out(dir.path().join("run")).fit(&data).unwrap();
    let splits = run.split(&data).unwrap();
    let scorer = Scorer::new(vec![run.model()], &data, &splits, How { by: By::Importance, samples: 64 }).unwrap();
    let known = OpenOptions { schema: Some(data.schema().clone()), ..OpenOptions::default() };
    let planted = read(&table(200, 2, true), &known);
    let rows: Vec<u32> = (0..200).collect();
    let held: Vec<u32> = splits.valid.iter().chain(&splits.test).copied().collect();
    let reasons = Reasons::new(&scorer, &data, &held).unwrap().of(&planted, &rows, 1).unwrap();
    let right = |i: &usize| reasons[*i].first().is_some_and(|r| r.column == format!("x{}", i % COLUMNS));
    let found = (0..200).filter(right).count();
    assert!(found >= 190, "{found} of 200 rows name the planted column");
    // What the model expected of the column lies near what it was.
    let near = |i: &usize| {
        reasons[*i].first().is_some_and(|r| {
            let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
            (number(&r.found) - 5.0 - number(&r.expected)).abs() < 1.0
        })
    };
    let expected = (0..200).filter(near).count();
    assert!(expected >= 170, "{expected} of 200 expected values are near");
    // Ordinary rows that neither training nor calibration saw.
    let fresh = read(&table(600, 3, false), &known);
    let scores = scorer.scores(&fresh, &(0..600).collect::<Vec<u32>>(), false).unwrap();
    for share in [0.05, 0.2, 0.5, 0.8] {
        let below = scores.iter().filter(|s| scorer.calibration.p_value(**s) <= share).count() as f64 / 600.0;
        assert!((below - share).abs() < 0.07, "{below} of p-values are at most {share}");
    }
}
