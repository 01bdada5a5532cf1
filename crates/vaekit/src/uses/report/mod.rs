//! One page that says what a run is worth.

mod codes;
mod comparison;
mod scores;
mod table;
mod training;

pub use comparison::comparison_page;

use std::path::PathBuf;

use crate::Result;
use crate::data::{Dataset, Factors, Splits};
use crate::plot::page::{Page, commands, paragraph, quoted};
use crate::run::{Run, write_atomically};

/// How much work to put into a page.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Importance samples a row; 0 for none.
    pub importance_samples: usize,
    /// Rows that log p(x) is estimated on.
    pub likelihood_rows: usize,
    /// Rows that teach and judge a representation, and samples to judge.
    pub judged_rows: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { importance_samples: 500, likelihood_rows: 1_000, judged_rows: 2_000 }
    }
}

/// A part of a page, or why it is left out.
type Part = std::result::Result<String, String>;

impl Run {
    /// Writes `report.html` into the run folder: one file that opens from disk
    /// and needs no network.
    ///
    /// `progress` hears the name of each part before it is made.
    ///
    /// # Errors
    /// Rows of another shape than the model's, or whatever the system says. A
    /// part that the model or the data does not allow is left out, and the page
    /// says why.
    pub fn report(
        &self,
        data: &Dataset,
        splits: &Splits,
        factors: Option<&Factors>,
        effort: &Effort,
        progress: &mut dyn FnMut(&str),
    ) -> Result<PathBuf> {
        let rows = if splits.test.is_empty() { &splits.train } else { &splits.test };
        let which = if splits.test.is_empty() { "training rows, for there are no test rows" } else { "test rows" };
        let (config, info) = (self.config(), &self.file().data);
        let title = format!("{} on {}", config.variant, info.name);
        let lead = format!(
            "{}, {} rows to train on. Every figure is of the {} {which} unless it says otherwise.",
            self.schema(),
            info.train_rows,
            rows.len()
        );
        let mut page = Page::new(&title, &lead);
        let mut add = |heading: &str, part: &mut dyn FnMut() -> Result<Part>| -> Result<()> {
            progress(heading);
            let body = part()?.unwrap_or_else(|why| paragraph(&format!("Left out: {why}.")));
            page.section(heading, body);
            Ok(())
        };
        add("Figures", &mut || self.figures_part(data, rows, effort))?;
        if self.schema().is_mixed() {
            self.table_parts(data, splits, rows, &mut add)?;
        }
        add("Training", &mut || self.training_part())?;
        add("Samples", &mut || self.samples_part(data, splits))?;
        add("Reconstructions", &mut || self.reconstructions_part(data, rows))?;
        add("Codes", &mut || self.codes_part(data, rows))?;
        add("Latent dimensions", &mut || self.dimensions_part(data, rows))?;
        add("Representation", &mut || Ok(self.representation_part(data, &splits.train, rows, effort)))?;
        add("Disentanglement", &mut || Ok(self.disentanglement_part(data, rows, factors)))?;
        add("Sample quality", &mut || Ok(self.quality_part(data, &splits.train, rows, effort)))?;
        add("Settings", &mut || Ok(Ok(self.settings_part())))?;
        add("Again", &mut || Ok(Ok(commands(&self.commands()))))?;
        let path = self.dir().join("report.html");
        write_atomically(&path, |out| out.write_all(page.html().as_bytes()))?;
        Ok(path)
    }

    /// What to type to get the same.
    fn commands(&self) -> Vec<String> {
        let dir = quoted(self.dir());
        let again = quoted(&self.dir().with_file_name(format!("{}-again", super::compare::short(self.dir()))));
        let samples = if self.is_sampled() { " --importance-samples 5000" } else { "" };
        vec![
            format!("vaekit train --config {dir}/run.toml --out {again}"),
            format!("vaekit evaluate {dir}{samples}"),
            format!("vaekit report {dir}"),
        ]
    }

    fn settings_part(&self) -> String {
        let text = toml::to_string(self.config()).unwrap_or_default();
        commands(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }
}

/// `value +- error` to three decimals.
pub(super) fn with_error(value: f64, error: f64) -> String {
    format!("{value:.3} \u{b1} {error:.3}")
}
