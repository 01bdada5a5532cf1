//! `vaekit reconstruct`

use std::path::PathBuf;

use clap::Args;
use vaekit::Result;
use vaekit::uses::check_output;

use crate::input::{Input, Part};
use crate::out::{Replace, usual};
use crate::{Common, say};

/// Flags of `reconstruct`.
#[derive(Args)]
pub struct Reconstruct {
    #[command(flatten)]
    input: Input,
    /// How many rows, from the first on [default: 20 for pictures, all for numbers]
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(1..))]
    n: Option<u32>,
    /// A .png (rows above their reconstructions), .npy or .csv file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Reconstruct {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let out = usual(self.out.clone(), &self.input.run, "reconstructions")?;
        let picture = check_output(&out)? == "png";
        self.replace.check(&out, &self.input.read_paths())?;
        let (run, data, mut rows) = self.input.open(Part::Test, self.common.quiet)?;
        let image = run.schema().is_image();
        let n = self.n.map_or(if picture && image { 20 } else { rows.len() }, |n| n as usize);
        rows.truncate(n);
        let values = if picture { run.reconstruct_beside(&data, &rows)? } else { run.reconstruct(&data, &rows)? };
        values.write(&out)?;
        say::wrote(&out, rows.len(), &self.common);
        Ok(())
    }
}
