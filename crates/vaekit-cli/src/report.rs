//! `vaekit report`

use std::path::PathBuf;

use clap::Args;
use vaekit::uses::Effort;
use vaekit::{Result, Run};

use crate::input::Places;
use crate::progress::download;
use crate::{Common, evaluate, say};

/// Flags of `report`.
#[derive(Args)]
pub struct Report {
    /// The folder that train made
    run: PathBuf,
    /// Importance samples a row for log p(x); 0 to leave it out
    #[arg(long, value_name = "K", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    importance_samples: u32,
    /// A csv with a column a factor and a line for each row of the data
    #[arg(long, value_name = "FILE")]
    factors: Option<PathBuf>,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    common: Common,
}

impl Report {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let quiet = self.common.quiet;
        let run = Run::open(&self.run)?;
        let (data, splits) = run.open_data(&self.places.options(), &mut download(quiet))?;
        let factors = self.factors.as_deref().map(|path| evaluate::factors(path, quiet)).transpose()?;
        let effort = Effort { importance_samples: self.importance_samples as usize, ..Effort::default() };
        let path = run.report(&data, &splits, factors.as_ref(), &effort, &mut |part| {
            if !quiet {
                say::note(&format!("report: {}", part.to_lowercase()));
            }
        })?;
        if self.common.json {
            say::json(&serde_json::json!({"out": path}));
        } else {
            say::out(&path.display().to_string());
        }
        Ok(())
    }
}
