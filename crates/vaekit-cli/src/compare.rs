//! `vaekit compare`

use std::path::PathBuf;

use clap::Args;
use vaekit::run::write_atomically;
use vaekit::uses::{Comparison, Effort, compare, comparison_page};
use vaekit::{Error, Result, Run};

use crate::input::Places;
use crate::out::Replace;
use crate::progress::download;
use crate::{Common, say};

/// Flags of `compare`.
#[derive(Args)]
pub struct Compare {
    /// Two run folders or more, of the same data
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Importance samples a row for log p(x)
    #[arg(long, value_name = "K", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    importance_samples: u32,
    /// The page to write
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    out: PathBuf,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    common: Common,
}

impl Compare {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let quiet = self.common.quiet;
        let folder = self.out.parent().filter(|p| !p.as_os_str().is_empty());
        if folder.is_some_and(|p| !p.is_dir()) {
            let problem = format!("the folder of {} does not exist; make it first", self.out.display());
            return Err(Error::setting("out", problem));
        }
        if self.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("html")) {
            return Err(Error::setting("out", format!("{} is no .html file, which a page is", self.out.display())));
        }
        self.replace.check(&self.out, &[])?;
        let runs = self.runs.iter().map(Run::open).collect::<Result<Vec<Run>>>()?;
        // The run that looks at most columns: what it reads serves the others too.
        let widest = runs.iter().rev().max_by_key(|run| run.schema().beside().count()).unwrap_or(&runs[0]);
        let (data, _) = widest.open_data(&self.places.options(), &mut download(quiet))?;
        let effort = Effort { importance_samples: self.importance_samples as usize, ..Effort::default() };
        let comparison = compare(&runs, &data, &effort, &mut |run| {
            if !quiet {
                say::note(&format!("measuring {run}"));
            }
        })?;
        let page = comparison_page(&comparison, &runs, &data)?;
        write_atomically(&self.out, |out| out.write_all(page.as_bytes()))?;
        if self.common.json {
            let mut object = serde_json::json!(comparison);
            object["out"] = serde_json::json!(self.out);
            say::json(&object);
        } else {
            print(&comparison);
            say::out(&format!("{:<20}{}", "page", self.out.display()));
        }
        Ok(())
    }
}

fn print(c: &Comparison) {
    let optional = |v: Option<f64>, e: Option<f64>| match (v, e) {
        (Some(v), Some(e)) => format!("{v:.3} +- {e:.3}"),
        (Some(v), None) => format!("{v:.3}"),
        _ => "-".to_owned(),
    };
    let width = c.contenders.iter().map(|r| r.run.display().to_string().len()).max().unwrap_or(0).max(3) + 2;
    say::out(&format!(
        "{:<width$}{:>22} {:>20} {:>20} {:>10} {:>11} {:>11} {:>9} {:>7}",
        "run", "behind the best", "-log p(x)", "ELBO", "rate", "distortion", "MSE", "effective", "active"
    ));
    for (i, r) in c.contenders.iter().enumerate() {
        let f = &r.figures;
        let behind = match r.behind.zip(r.behind_se) {
            _ if c.judged_by == "nothing" => "-".to_owned(),
            _ if i == 0 => "best".to_owned(),
            Some((v, e)) if c.judged_by == "MSE" => format!("{v:.6} +- {e:.6}"),
            _ => optional(r.behind, r.behind_se),
        };
        say::out(&format!(
            "{:<width$}{behind:>22} {:>20} {:>20} {:>10} {:>11} {:>11.5} {:>9} {:>7}",
            r.run.display(),
            optional(r.nll(), r.nll_se),
            optional(r.elbo(), None),
            optional(f.rate_nats, None),
            optional(r.distortion(), None),
            r.mse(),
            r.effective_samples.map_or_else(|| "-".to_owned(), |n| format!("{n:.0}")),
            f.active_units.map_or_else(|| "-".to_owned(), |a| a.to_string())
        ));
    }
    let rows = c.contenders.iter().find_map(|r| r.nll_rows).unwrap_or(c.rows);
    say::out(&format!(
        "{:<20}{} for -log p(x), ELBO{}, {} for the others; densities and errors are of values as the file holds them",
        "rows",
        say::count(rows),
        if c.judged_by == "MSE" { "" } else { " and differences" },
        say::count(c.rows)
    ));
    for (key, values) in &c.differing {
        say::out(&format!("{:<26}{}", format!("differs: {key}"), values.join(" | ")));
    }
    if let Some(udr) = c.udr {
        say::out(&format!("{:<20}{udr:.3} (how far the models' dimensions agree one by one; 1 is best)", "UDR"));
    }
    c.notes.iter().for_each(|n| say::warning(n));
    c.verdict.iter().for_each(|v| say::out(v));
}
