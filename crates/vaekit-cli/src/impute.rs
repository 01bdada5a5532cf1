//! `vaekit impute`

use std::path::{Path, PathBuf};

use clap::Args;
use vaekit::model::Model;
use vaekit::uses::{FilledTable, Filling, Widths, impute, write_cells};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::out::Replace;
use crate::progress::{Counter, download};
use crate::score::members;
use crate::{Common, say};

/// Flags of `impute`.
#[derive(Args)]
pub struct Impute {
    #[command(flatten)]
    input: Input,
    /// A .csv file: the table with its gaps filled, every other cell as it was; --unknown missing fills new words too
    #[arg(long, value_name = "FILE", default_value = "filled.csv")]
    out: PathBuf,
    /// A .csv file with a line for each filled cell: its value, and the range that holds 90 % of what may stand there
    #[arg(long, value_name = "FILE")]
    cells: Option<PathBuf>,
    /// Also draw so many complete tables, into files with -1, -2, .. before the extension (multiple imputation)
    #[arg(long, value_name = "M", default_value_t = 0, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=1_000))]
    draws: usize,
    /// Samples of z a row
    #[arg(long, value_name = "K", default_value_t = Filling::default().samples, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    samples: usize,
    /// Do not round filled whole numbers
    #[arg(long)]
    unrounded: bool,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Impute {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let others: Vec<PathBuf> = (1..=self.draws).map(|draw| numbered(&self.out, draw)).collect();
        for out in std::iter::once(&self.out).chain(&self.cells).chain(&others) {
            if out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("csv")) {
                return Err(Error::setting("out", format!("{}: expected a .csv file", out.display())));
            }
            self.replace.check(out, &self.input.read_paths())?;
        }
        if self.cells.as_ref() == Some(&self.out) {
            return Err(Error::setting("cells", format!("{} is --out already; name another", self.out.display())));
        }
        if self.input.part.is_some_and(|part| part != Part::All) {
            return Err(Error::setting("part", "impute writes the whole table; leave it out"));
        }
        let (run, data, _) = self.input.open(Part::All, self.common.quiet)?;
        let hint = "train with --hide 0.5 for one that learned to fill gaps";
        match run.encoding().masked {
            false => say::warning(&format!("the model was trained on complete rows; {hint}")),
            true if run.config().hide == 0.0 => {
                say::warning(&format!("no cell was hidden from the model in training; {hint}"));
            }
            true => {}
        }
        let rows: Vec<u32> = (0..data.len() as u32).collect();
        let others_of = members(&run)?;
        let models: Vec<_> = std::iter::once(run.model()).chain(others_of.iter().map(Run::model)).collect();
        let how = Filling { samples: self.samples, draws: self.draws, unrounded: self.unrounded, open: false };
        let widths = self.widths(&run, &models, how)?;
        let mut counter = Counter::new("filling rows with gaps", rows.len(), self.common.quiet);
        let cells = impute(&models, &data, &rows, how, widths.as_ref(), &mut |done| counter.at(done))?;
        counter.finish();
        let (source, options) = self.input.table(&run)?;
        let table =
            FilledTable { source: &source, options: &options, data: &data, cells: &cells, unrounded: self.unrounded };
        table.write(&self.out, None)?;
        others.iter().enumerate().try_for_each(|(draw, out)| table.write(out, Some(draw)))?;
        if let Some(path) = &self.cells {
            write_cells(path, &data, &cells, self.unrounded)?;
        }
        if self.common.json {
            say::json(
                &serde_json::json!({"out": self.out, "rows": data.len(), "filled": cells.len(), "draws": others}),
            );
            return Ok(());
        }
        say::out(&format!(
            "{} of {} cells were missing and are filled",
            say::count(cells.len()),
            say::count(data.len() * data.width())
        ));
        say::wrote(&self.out, data.len(), &self.common);
        Ok(())
    }
}

impl Impute {
    /// How wide ranges must be, by rows that the run kept apart, where they can still be read.
    fn widths(&self, run: &Run, models: &[&Model], how: Filling) -> Result<Option<Widths>> {
        if self.cells.is_none() {
            return Ok(None);
        }
        let untold =
            |why: &str| say::warning(&format!("ranges are the model's own, which are often too narrow: {why}"));
        let Ok((data, splits)) = run.open_data(&self.input.places().options(), &mut download(self.common.quiet)) else {
            untold("the data of the run, whose held-out rows would tell, is not where it was");
            return Ok(None);
        };
        let held: Vec<u32> = splits.valid.iter().chain(&splits.test).copied().collect();
        if held.is_empty() {
            untold("the run kept no rows apart");
            return Ok(None);
        }
        let measured = Widths::measure(models, &data, &held, Filling { samples: how.samples.min(256), ..how })?;
        if measured.is_none() {
            untold("the rows that the run kept apart are too few");
        }
        Ok(measured)
    }
}

/// A file name with a number before its extension.
fn numbered(path: &Path, n: usize) -> PathBuf {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{stem}-{n}.csv"))
}
