//! `vaekit traverse`

use std::path::PathBuf;

use clap::Args;
use vaekit::uses::check_output;
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part, Told};
use crate::out::Replace;
use crate::{Common, say};

/// Flags of `traverse`.
#[derive(Args)]
pub struct Traverse {
    #[command(flatten)]
    input: Input,
    /// Start at the code of this row, numbered from 0 in the whole data [default: the mean code]
    #[arg(long, value_name = "I")]
    row: Option<u32>,
    /// Values a dimension
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u16).range(2..=200))]
    steps: u16,
    /// Dimensions to show, those of the largest KL first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    dims: u16,
    /// Show what the whole plane of a model with two latent dimensions decodes to, --steps a side
    #[arg(long, conflicts_with_all = ["row", "dims"])]
    manifold: bool,
    #[command(flatten)]
    told: Told,
    /// A .png, .npy or .csv file
    #[arg(long, value_name = "FILE", default_value = "traversal.png")]
    out: PathBuf,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Traverse {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        check_output(&self.out)?;
        self.replace.check(&self.out, &self.input.read_paths())?;
        if self.manifold {
            let run = Run::open(&self.input.run)?;
            let run = self.told.apply(run)?;
            Told::warn(&run.assumed(None));
            let values = run.manifold(usize::from(self.steps))?;
            values.write(&self.out)?;
            say::wrote(&self.out, values.len(), &self.common);
            return Ok(());
        }
        let (run, data, rows) = self.input.open(Part::Test, self.common.quiet)?;
        let run = self.told.apply(run)?;
        if let Some(row) = self.row
            && row as usize >= data.len()
        {
            let last = data.len() - 1;
            return Err(Error::setting("row", format!("found {row}, expected a row from 0 to {last}")));
        }
        if self.row.is_none() {
            Told::warn(&run.assumed(None));
        }
        let (steps, dims) = (usize::from(self.steps), usize::from(self.dims));
        let (values, order) = run.traverse(&data, &rows, self.row, steps, dims)?;
        values.write(&self.out)?;
        if self.common.json {
            say::json(&serde_json::json!({"out": self.out, "rows": values.len(), "dimensions": order}));
        } else if !self.common.quiet {
            let order: Vec<String> = order.iter().map(|d| format!("z{d}")).collect();
            say::out(&format!("{} (from top to bottom: {})", self.out.display(), order.join(", ")));
        }
        Ok(())
    }
}
