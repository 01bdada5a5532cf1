//! `vaekit interpolate`

use std::path::PathBuf;

use clap::Args;
use vaekit::uses::{Between, check_output};
use vaekit::{Error, Result};

use crate::input::{Input, Part, Told};
use crate::out::{Replace, usual};
use crate::{Common, say};

/// Flags of `interpolate`.
#[derive(Args)]
pub struct Interpolate {
    #[command(flatten)]
    input: Input,
    /// Two rows, numbered from 0 in the whole data, in a line between them [default: the first two of the part]
    #[arg(long, value_name = "I,J", conflicts_with_all = ["classes", "part"])]
    rows: Option<String>,
    /// Two classes, in a grid between two examples of each
    #[arg(long, value_name = "A,B")]
    classes: Option<String>,
    /// Steps from end to end
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..=200))]
    steps: u16,
    #[command(flatten)]
    told: Told,
    /// A .png, .npy or .csv file [default: interpolation.png of images, interpolation.csv of tables]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Interpolate {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let out = usual(self.out.clone(), &self.input.run, "interpolation")?;
        check_output(&out)?;
        self.replace.check(&out, &self.input.read_paths())?;
        let pair = |key: &str, text: &str| -> Result<(String, String)> {
            match text.split_once(',') {
                Some((a, b)) if !a.is_empty() && !b.is_empty() => Ok((a.trim().to_owned(), b.trim().to_owned())),
                _ => Err(Error::setting(key, format!("found '{text}', expected two with a comma between"))),
            }
        };
        let number = |text: &str| -> Result<u32> {
            text.parse().map_err(|_| Error::setting("rows", format!("found '{text}', expected a row number")))
        };
        let between = match (&self.rows, &self.classes) {
            (Some(rows), _) => {
                let (a, b) = pair("rows", rows)?;
                Some(Between::Rows(number(&a)?, number(&b)?))
            }
            (_, Some(classes)) => {
                let (a, b) = pair("classes", classes)?;
                Some(Between::Classes(a, b))
            }
            _ => None,
        };
        let (run, data, rows) = self.input.open(Part::Test, self.common.quiet)?;
        let run = self.told.apply(run)?;
        let between = between.unwrap_or_else(|| Between::Rows(rows[0], rows[1 % rows.len()]));
        let values = run.interpolate(&data, &rows, &between, usize::from(self.steps))?;
        values.write(&out)?;
        say::wrote(&out, values.len(), &self.common);
        Ok(())
    }
}
