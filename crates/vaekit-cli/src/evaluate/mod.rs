//! `vaekit evaluate`

use std::path::PathBuf;

use clap::Args;
use vaekit::data::{Dataset, Factors, OpenOptions, open};
use vaekit::eval::likelihood::Annealing;
use vaekit::uses::{Judgement, Source};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::progress::{Counter, download};
use crate::signals::interrupts;
use crate::{Common, say};

mod lines;

use lines::Shown;
pub use lines::{object, print};

/// Flags of `evaluate`.
#[derive(Args)]
pub struct Evaluate {
    #[command(flatten)]
    input: Input,
    /// Monte Carlo samples of z a row for the ELBO
    #[arg(long, value_name = "L", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Take at most so many rows, chosen by the run's seed; 0 for all
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    limit: usize,
    /// log p(x) by K importance samples a row; 5000 unless said. Printed with it: how many samples carry the weight
    /// (effective samples), and how much the estimate gained when their number was doubled
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5000", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    importance_samples: Option<u32>,
    /// log p(x) by annealed importance sampling with T temperatures; 500 unless said
    #[arg(long, value_name = "T", num_args = 0..=1, default_missing_value = "500", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    annealed: Option<u32>,
    /// Chains a row of --annealed
    #[arg(long, value_name = "C", default_value_t = 16, requires = "annealed", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    chains: u16,
    /// Split log p(x) - ELBO into what the family of q and what the encoder loses, on the first ROWS rows; 100 unless said
    #[arg(long, value_name = "ROWS", num_args = 0..=1, default_missing_value = "100", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u32).range(2..))]
    gap: Option<u32>,
    /// All codes together against the prior
    #[arg(long, help_heading = "Codes and samples")]
    latents: bool,
    /// Whether each latent dimension stands for one factor
    #[arg(long, help_heading = "Codes and samples")]
    disentanglement: bool,
    /// A csv with a column a factor and a line for each row of the data
    #[arg(long, value_name = "FILE", requires = "disentanglement", help_heading = "Codes and samples")]
    factors: Option<PathBuf>,
    /// Probes, neighbours and clusters on codes, PCA and raw values
    #[arg(long, help_heading = "Codes and samples")]
    representation: bool,
    /// Samples against test rows, in the features of a classifier trained here
    #[arg(long, help_heading = "Codes and samples")]
    quality: bool,
    /// Drawn rows of a table against test rows: marginals, pairs of columns, a two-sample test, usefulness, nearness
    #[arg(long, help_heading = "Codes and samples")]
    synthetic: bool,
    #[command(flatten)]
    common: Common,
}

impl Evaluate {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let (run, data, mut rows) = self.input.open(Part::Test, self.common.quiet)?;
        if self.limit > 0 {
            rows = run.some(&rows, self.limit);
        }
        if self.samples > 1 && !run.vae().posterior.is_density() {
            let problem =
                format!("'{}' has one code a row, so more samples say nothing; leave it out", run.config().variant);
            return Err(Error::setting("samples", problem));
        }
        let given = self.factors.as_deref().map(|path| factors(path, self.common.quiet)).transpose()?;
        // Minutes of work must not end in a refusal.
        let asked = self.asked(given.as_ref());
        for judgement in &asked {
            run.can_judge(&data, &rows, *judgement)?;
        }
        let (figures, _) = run.evaluate(&data, &rows, usize::from(self.samples))?;
        let mut shown = Shown { json: self.common.json, object: object(&figures) };
        if !shown.json {
            print("", &figures, &run);
        }
        shown.chosen(&run.discrete_use(&data, &rows)?);
        let interrupted = interrupts();
        self.likelihood(&run, &data, &rows, &mut shown)?;
        for judgement in asked {
            if interrupted.load(std::sync::atomic::Ordering::SeqCst) {
                shown.finish();
                return Err(Error::interrupted("interrupted; what was measured so far is above"));
            }
            judge(judgement, &run, &data, &rows, &mut shown)?;
        }
        shown.finish();
        Ok(())
    }

    /// What is judged beside the likelihood.
    fn asked<'a>(&self, factors: Option<&'a Factors>) -> Vec<Judgement<'a>> {
        let all = [
            (self.importance_samples.is_some(), Judgement::Likelihood),
            (self.annealed.is_some(), Judgement::Annealed),
            (self.gap.is_some(), Judgement::Gap),
            (self.latents, Judgement::Latents),
            (self.disentanglement, Judgement::Disentanglement(factors)),
            (self.representation, Judgement::Representation),
            (self.quality, Judgement::Quality),
            (self.synthetic, Judgement::Synthetic),
        ];
        all.into_iter().filter(|(asked, _)| *asked).map(|(_, judgement)| judgement).collect()
    }

    /// The estimates of log p(x) that were asked for.
    fn likelihood(&self, run: &Run, data: &Dataset, rows: &[u32], shown: &mut Shown) -> Result<()> {
        let mut of_rows = None;
        if let Some(k) = self.importance_samples {
            let mut counter = Counter::new("importance sampling", rows.len(), self.common.quiet);
            let found = run.importance(data, rows, k as usize, &mut |done| counter.at(done))?;
            counter.finish();
            let found = counter.partial(found)?;
            let annealing = run.can_judge(data, rows, Judgement::Annealed).is_ok();
            let otherwise = if annealing { ", or --annealed" } else { "" };
            shown.evidence("nll", "importance samples", &found, run, otherwise);
            of_rows = Some(found);
        }
        if let Some(t) = self.annealed {
            let how = Annealing { chains: usize::from(self.chains), steps: t as usize };
            let mut counter = Counter::new("annealing", rows.len(), self.common.quiet);
            let found = run.annealed(data, rows, how, &mut |done| counter.at(done))?;
            counter.finish();
            let found = counter.partial(found)?;
            shown.evidence("annealed_nll", "annealed chains", &found, run, "");
            of_rows = Some(found);
        }
        if let Some(n) = self.gap {
            let rows = &rows[..rows.len().min(n as usize)];
            let evidence = match of_rows {
                // Few samples would pass for a small gap.
                Some(mut e) if e.log_p.len() >= rows.len() && (self.annealed.is_some() || e.samples >= 5_000) => {
                    e.log_p.truncate(rows.len());
                    e
                }
                _ => run.importance(data, rows, 5_000, &mut |_| vaekit::data::Step::Continue)?,
            };
            let mut counter = Counter::new("looking for the best q of each row", rows.len(), self.common.quiet);
            let gap = run.gap(data, rows, &evidence, &mut |done| counter.at(done))?;
            counter.finish();
            shown.part("gap", &gap, lines::gap_lines);
        }
        Ok(())
    }
}

/// One part, measured and shown.
fn judge(what: Judgement<'_>, run: &Run, data: &Dataset, rows: &[u32], shown: &mut Shown) -> Result<()> {
    match what {
        Judgement::Likelihood | Judgement::Annealed | Judgement::Gap => {}
        Judgement::Latents => shown.part("latents", &run.aggregate(data, rows)?, lines::latents),
        Judgement::Disentanglement(given) => {
            let (scores, constant) = run.disentanglement(data, rows, given)?;
            if !constant.is_empty() {
                say::warning(&format!("left out, for they are the same in every row: {}", constant.join(", ")));
            }
            shown.part("disentanglement", &scores, lines::disentanglement);
        }
        Judgement::Representation => {
            let served = run.representation(data, &run.split(data)?.train, rows)?;
            if run.is_conditional() {
                say::warning(
                    "the encoder is conditioned on columns of each row that its codes may repeat: this flatters them",
                );
            }
            if served.len() == 1 {
                let why = if data.has_missing() { "rows have missing values" } else { "rows are this wide" };
                say::warning(&format!("PCA and raw values are left out, for {why}"));
            }
            shown.part("representation", &served, |s| lines::representation(s));
        }
        Judgement::Synthetic => {
            let found = run.synthetic(data, &run.split(data)?.train, rows)?;
            shown.part("synthetic", &lines::of_synthetic(&found), |_| lines::synthetic(&found));
        }
        Judgement::Quality => {
            if run.usual_source() != Source::Prior {
                say::warning(
                    "there is no prior: the samples judged are of a mixture fitted to the codes of training rows",
                );
            }
            shown.part("quality", &run.quality(data, &run.split(data)?.train, rows)?, lines::quality);
        }
    }
    Ok(())
}

/// A csv of factors.
pub fn factors(path: &std::path::Path, quiet: bool) -> Result<Factors> {
    let options = OpenOptions { columns_are_fixed: true, ..OpenOptions::default() };
    let table = open(&path.to_string_lossy(), &options, &mut download(quiet))?;
    if table.schema().is_image() {
        return Err(Error::setting("factors", format!("{} is no table with a column a factor", path.display())));
    }
    if table.has_missing() {
        return Err(Error::setting(
            "factors",
            format!("{} lacks {} values; fill them", path.display(), table.missing()),
        ));
    }
    vaekit::budget::ask_values(path.display(), "its factors", &[table.len(), table.width()])?;
    let mut values = Vec::with_capacity(table.len() * table.width());
    (0..table.len()).try_for_each(|row| table.extend_with_row(row, &mut values))?;
    Ok(Factors { names: table.schema().modelled_names(), values })
}
