//! Rows that are in memory already: an `ndarray` array, and an Arrow record batch with names and gaps.
//!
//! `cargo run --example own_rows`
#![allow(clippy::unwrap_used, reason = "the test below")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use ndarray::Array2;
use vaekit::data::{Dataset, Role};
use vaekit::{Result, TrainConfig, Trainer};

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = TrainConfig { epochs: 3, ..TrainConfig::default() };

    // A matrix is a table with columns c0, c1 and so on. A NaN would be a missing value.
    let wave = Array2::from_shape_fn((400, 3), |(i, j)| (i as f32 * 0.1 + j as f32).sin());
    let data = Dataset::from_array("waves", wave.view())?;
    let run = Trainer::new(config.clone()).out(folder.path().join("waves")).fit(&data)?;
    let rows = run.sample(2, run.default_observation(), run.rng())?;
    assert_eq!((rows.columns.len(), rows.len()), (3, 2));

    // A record batch keeps its column names; a column with a role is not modelled. A null is a missing value.
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..300).map(|i| format!("bird-{i}"))));
    let bill = Float64Array::from_iter((0..300).map(|i| (i % 7 != 0).then_some(40.0 + f64::from(i % 11))));
    let depth = Float64Array::from_iter_values((0..300).map(|i| 15.0 + f64::from(i % 5)));
    let columns: [(&str, ArrayRef); 3] = [("id", names), ("bill", Arc::new(bill)), ("depth", Arc::new(depth))];
    let batch = RecordBatch::try_from_iter(columns).expect("the columns are of one length");
    let birds = Dataset::from_record_batch("birds", &batch, &[("id", Role::Identifier)])?;
    assert_eq!((birds.missing(), birds.name_of(4).as_str()), (43, "bird-4"));
    let run = Trainer::new(config).out(folder.path().join("birds")).fit(&birds)?;

    // Codes carry what their rows are called.
    let codes = run.encode(&birds, &[0, 4])?;
    assert_eq!(codes.name.map(|column| column.values), Some(vec!["bird-0".to_owned(), "bird-4".to_owned()]));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
