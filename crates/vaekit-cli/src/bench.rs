//! `vaekit bench`

use std::time::Duration;

use clap::Args;
use vaekit::bench::{Measured, choose};
use vaekit::{Error, Result};

use crate::{Common, say};

/// Flags of `bench`.
#[derive(Args)]
pub struct Bench {
    /// Measure only these ids, as the table shows them; `sweep` for cost against size
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Time for each, after a warm-up of up to 300 steps; all together take a minute or two
    #[arg(long, value_name = "S", default_value_t = 2.0, allow_negative_numbers = true)]
    seconds: f64,
    #[command(flatten)]
    common: Common,
}

impl Bench {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        if !(0.0..=3600.0).contains(&self.seconds) {
            let problem = format!("found {}, expected a number from 0 to 3600", self.seconds);
            return Err(Error::setting("seconds", problem));
        }
        let cases = choose(&self.only)?;
        if !self.common.json {
            say::out(&format!("{:<28}{:>12}{:>10}{:>9}{:>11}", "", "rows/s", "GFLOP/s", "threads", "loss"));
        }
        let mut all = Vec::new();
        for case in cases {
            if !self.common.quiet && self.common.json {
                say::note(&case.id);
            }
            let measured = case.run(Duration::from_secs_f64(self.seconds))?;
            if !self.common.json {
                say::out(&row(&measured));
            }
            all.push(measured);
        }
        if self.common.json {
            say::json(&serde_json::json!(all));
        }
        Ok(())
    }
}

fn row(m: &Measured) -> String {
    let speed = m.samples_per_second.map_or_else(|| "-".into(), |s| say::count(s.round() as usize));
    let loss = m.loss.map_or_else(|| "-".into(), |l| format!("{l:.2}"));
    format!("{:<28}{speed:>12}{:>10.1}{:>9}{loss:>11}", m.id, m.gflops, m.threads)
}
