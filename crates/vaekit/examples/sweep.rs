//! A sweep in a program: every combination of settings and seeds trained, and one table of what came of them.
//!
//! `cargo run --example sweep`
#![allow(clippy::print_stdout, reason = "a program says what came of it")]
#![allow(clippy::unwrap_used, reason = "the test below")]

use vaekit::data::OpenOptions;
use vaekit::sweep::{Outcome, Plan, figure_names, summarise};
use vaekit::{Error, Result, Run};

const CONFIGURATION: &str = r#"
data = "moons"
epochs = 2
latent = 2
hidden = [16]

[sweep]
beta = [0.5, 2.0]
seed = [0, 1]
"#;

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let table = CONFIGURATION.parse::<toml::Table>().map_err(|e| Error::setting("sweep", e.to_string()))?;
    let plan = Plan::new(table)?;
    let open = &mut |config: &vaekit::TrainConfig| config.open_data(&OpenOptions::default(), &mut |_| ());
    // Every run is checked before the first is trained.
    plan.check(open)?;
    plan.train_here(folder.path(), open)?;
    let mut outcomes = Vec::new();
    for point in &plan.points {
        let run = Run::open(folder.path().join(&point.name))?;
        outcomes.push(Outcome::measure(point, &run, &OpenOptions::default(), false)?);
    }
    // Runs that differ by seed alone become one line, with a mean and its standard error.
    let summaries = summarise(&plan, &outcomes);
    for summary in &summaries {
        println!("{:?}: {} runs, {:?}", summary.settings, summary.runs, summary.figures[0]);
    }
    assert_eq!((outcomes.len(), summaries.len()), (4, 2));
    assert!(figure_names(&summaries).contains(&"elbo_stored_nats"));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
