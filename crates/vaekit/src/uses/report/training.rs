//! Figures, curves, samples and reconstructions of a page.

use crate::Result;
use crate::data::{Batches, Dataset, Splits, Step};
use crate::eval::RowFigures;
use crate::eval::{mean, standard_error};
use crate::plot::page::{drawing, paragraph, picture, table, warning};
use crate::plot::{Curve, ON_PAGE, curves_svg, png};
use crate::run::{EpochMetrics, Metrics, Run};

use super::super::{BATCH, Source, Values};
use super::{Effort, Part, with_error};

/// Images of a grid, and rows of a scatter.
const SHOWN: usize = 40;

impl Run {
    /// The table of figures and the warnings that go with it.
    pub(super) fn figures_part(&self, data: &Dataset, rows: &[u32], effort: &Effort) -> Result<Part> {
        let (figures, stats) = self.evaluate(data, rows, 1)?;
        let each = self.row_figures(data, rows, 1)?;
        let mut lines = Vec::new();
        let mut line =
            |name: &str, value: String, what: &str| lines.push(vec![name.to_owned(), value, what.to_owned()]);
        let of = |values: &[f64]| with_error(mean(values), standard_error(values));
        if let (Some(elbo), Some(rate)) = (each.elbo(), &each.rate) {
            line("ELBO, nats", of(&elbo), "evidence lower bound, higher is better");
            line("rate, nats", of(rate), "KL(q || p): what a code says");
        }
        line("distortion, nats", of(&each.distortion), "-log p(x given z)");
        let mut notes = self.notes(&stats, rows.len());
        if effort.importance_samples > 0 && self.is_sampled() {
            let few = &self.some(rows, effort.likelihood_rows)[..];
            let found = self.importance(data, few, effort.importance_samples, &mut |_| Step::Continue)?;
            let what = format!("{} importance samples, {} rows", effort.importance_samples, few.len());
            let of = &format!("-log p({}), nats", self.given_x());
            line(of, with_error(found.nll_nats(), found.nll_se()), &what);
            if self.why_no_bits().is_none() {
                line("bits a dimension", format!("{:.4}", found.bits_per_dim()), "-log p(x) / (values log 2)");
            }
            if found.is_short() {
                notes.push(format!(
                    "log p(x) still rose by {:.3} nats from half the importance samples to all, or hangs on few of them: \
                     take more --importance-samples.",
                    found.rise_nats()
                ));
            }
            let (gap, error) = crate::eval::paired(&found.log_p, &found.elbo);
            let what = format!("what the posterior approximation costs, on those {} rows", few.len());
            line("log p(x) - ELBO, nats", with_error(gap, error), &what);
        }
        line(
            "MSE a value",
            format!("{:.5}", figures.mse),
            "of reconstructions from mean codes, as the model sees values",
        );
        if let Some(stored) = figures.mse_stored.filter(|stored| *stored != figures.mse) {
            line("MSE, file's units", format!("{stored:.5}"), "the same of values as the file holds them");
        }
        if let Some(stored) = figures.elbo_stored_nats.filter(|stored| Some(*stored) != figures.elbo_nats) {
            line("ELBO, file's units", format!("{stored:.3}"), "the bound of values as the file holds them");
        }
        if figures.outside > 0 {
            notes.push(format!(
                "{} values lie beyond the 0 to 1 that the likelihood is of, so these nats mean nothing.",
                figures.outside
            ));
        }
        if let Some(active) = figures.active_units {
            let all = self.vae().latent();
            line("active units", format!("{active} of {all}"), "dimensions whose mean varies by more than 0.01");
        }
        if let Some(why) = self.why_no_bits().filter(|_| self.schema().is_image()) {
            notes.push(format!(
                "Bits a dimension are left out, for {why}; compare these nats only with others made the same way."
            ));
        }
        let notes: String = notes.iter().map(|n| warning(n)).collect();
        Ok(Ok(notes + &table("Means over rows, with standard errors", &["", "value", "what it is"], &lines)))
    }

    /// Figures of each row.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn row_figures(&self, data: &Dataset, rows: &[u32], samples: usize) -> Result<RowFigures> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let batches = Batches::in_order(data, &preparation, rows, (self.at_once(BATCH) / samples).max(1));
        RowFigures::measure(self.vae(), &batches, samples, self.rng())
    }

    /// What a reader should know before trusting the figures.
    fn notes(&self, stats: &crate::eval::LatentStats, rows: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(kl) = &stats.kl {
            let idle = kl.iter().filter(|k| **k < 0.01).count();
            if idle * 2 > kl.len() {
                notes.push(format!(
                    "{idle} of {} latent dimensions carry less than 0.01 nats: they repeat the prior. Fewer dimensions \
                     would do as well; if reconstructions are poor, try --kl-schedule linear or --free-bits.",
                    kl.len()
                ));
            }
        }
        let metrics = Metrics::read(self.dir()).unwrap_or_default();
        let valid: Vec<f64> = metrics.iter().filter_map(|m| m.valid.as_ref().and_then(|v| v.elbo_nats)).collect();
        if let (Some(last), Some(best)) = (valid.last(), valid.iter().copied().reduce(f64::max))
            && best - last > 0.01 * best.abs()
        {
            notes.push(format!(
                "The validation ELBO ended at {last:.2}, below its best of {best:.2}: the model overfits. Train with \
                 --patience, or shorter."
            ));
        }
        if rows < 100 {
            notes.push(format!("Only {rows} rows were measured; look at the standard errors."));
        }
        notes
    }

    /// Curves over the epochs.
    pub(super) fn training_part(&self) -> Result<Part> {
        let metrics = Metrics::read(self.dir())?;
        let Some(last) = metrics.last() else { return Ok(Err("the run has no metrics yet".into())) };
        let curve = |name: &str, value: &dyn Fn(&EpochMetrics) -> Option<f64>| Curve {
            name: name.to_owned(),
            points: metrics.iter().filter_map(|m| value(m).map(|v| (m.epoch as f64, v))).collect(),
        };
        let drawn = |curves: Vec<Curve>, title: &str| {
            let curves: Vec<Curve> = curves.into_iter().filter(|c| !c.points.is_empty()).collect();
            curves_svg(title, "epoch", "nats an example", &curves, &ON_PAGE)
        };
        let loss = drawn(
            vec![
                curve("loss, training", &|m| Some(m.train.loss)),
                curve("-ELBO, validation", &|m| m.valid.as_ref().and_then(|v| v.elbo_nats).map(|e| -e)),
            ],
            "Loss",
        );
        let parts = drawn(
            vec![
                curve("distortion", &|m| Some(m.train.distortion_nats)),
                curve("rate", &|m| m.train.rate_nats),
                curve("distortion, valid.", &|m| m.valid.as_ref().map(|v| v.distortion_nats)),
                curve("rate, valid.", &|m| m.valid.as_ref().and_then(|v| v.rate_nats)),
            ],
            "Rate and distortion",
        );
        let told = format!(
            "{} epochs, {} steps, {:.1} seconds; {:.0} rows a second in the last epoch.",
            last.epoch, last.step, last.seconds, last.samples_per_second
        );
        let held = metrics.iter().any(|m| m.valid.is_some());
        let of_loss = if held {
            "The loss that is minimised, and the bound on rows that were held out."
        } else {
            "The loss that is minimised."
        };
        let both = metrics.iter().any(|m| m.train.rate_nats.is_some());
        let of_parts = if both { "The two parts of the bound." } else { "The distortion; there is no rate." };
        Ok(Ok(paragraph(&told) + &drawing(&loss, of_loss) + &drawing(&parts, of_parts)))
    }

    /// Draws from the prior.
    pub(super) fn samples_part(&self, data: &Dataset, splits: &Splits) -> Result<Part> {
        let image = data.schema().is_image();
        if !image && data.width() < 2 {
            return Ok(Err("one column has no picture".into()));
        }
        let n = if image { SHOWN } else { 1_000 };
        let source = self.usual_source();
        let mut samples = match source {
            Source::Prior => self.sample(n, self.default_observation(), self.rng())?,
            source => self.sample_from(data, &splits.train, n, source, self.default_observation(), self.rng())?,
        };
        if !image {
            let mut behind = Vec::new();
            splits.train.iter().take(n).try_for_each(|&r| data.extend_with_row(r as usize, &mut behind))?;
            samples.put_behind(behind);
        }
        let place = match source {
            Source::Prior => "the prior",
            _ => "a mixture of Gaussians fitted to the codes of training rows, for there is no prior",
        };
        let caption = match image {
            true => format!("{n} means of p(x given z) at draws of z from {place}."),
            false => format!("The first two columns: {n} samples in blue over training rows in grey, z from {place}."),
        };
        Ok(Ok(self.shown(&samples, "samples", &caption)?))
    }

    /// Some rows, and those that the model explains worst.
    pub(super) fn reconstructions_part(&self, data: &Dataset, rows: &[u32]) -> Result<Part> {
        if !data.schema().is_image() {
            return self.worst_rows(data, rows);
        }
        let some = &rows[..rows.len().min(20)];
        let first = self.reconstruct_beside(data, some)?;
        let worst = self.by_distortion(data, rows)?;
        let worst: Vec<u32> = worst.iter().take(20).map(|(_, r)| *r).collect();
        let last = self.reconstruct_beside(data, &worst)?;
        let how = "Rows above, their reconstructions below.";
        let numbers = worst.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Ok(Ok(self.shown(&first, "rows and reconstructions", how)?
            + "<h3>Worst rows</h3>"
            + &self.shown(
                &last,
                "the rows of largest distortion and their reconstructions",
                &format!("The rows of largest distortion, worst first: {numbers}."),
            )?))
    }

    /// Rows by falling distortion.
    fn by_distortion(&self, data: &Dataset, rows: &[u32]) -> Result<Vec<(f64, u32)>> {
        let each = self.row_figures(data, rows, 1)?;
        let mut order: Vec<(f64, u32)> = each.distortion.into_iter().zip(rows.iter().copied()).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(order)
    }

    /// The rows of a table that the model explains worst, in numbers.
    fn worst_rows(&self, data: &Dataset, rows: &[u32]) -> Result<Part> {
        let width = data.width().min(8);
        let mut head = vec!["row".to_owned(), "distortion, nats".to_owned()];
        head.extend((0..width).map(|i| data.schema().value_name(i)));
        let lines: Vec<Vec<String>> = self
            .by_distortion(data, rows)?
            .into_iter()
            .take(10)
            .map(|(distortion, row)| -> Result<Vec<String>> {
                let mut values = Vec::new();
                data.extend_with_row(row as usize, &mut values)?;
                let mut line = vec![data.name_of(row), format!("{distortion:.2}")];
                let columns = data.schema().modelled();
                line.extend(values.iter().zip(columns).take(width).map(|(v, column)| match column.numbers.is_some() {
                    _ if v.is_nan() => "missing".to_owned(),
                    false if !column.kind.has_levels() => format!("{v:.4}"),
                    _ => column.cell(*v),
                }));
                Ok(line)
            })
            .collect::<Result<_>>()?;
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        Ok(Ok(table("The rows of largest distortion", &head, &lines)))
    }

    /// Rows as a picture inside a page.
    pub(super) fn shown(&self, values: &Values, alt: &str, caption: &str) -> Result<String> {
        let image = values.picture(self.dir())?;
        let bytes = png(&image).map_err(|e| crate::Error::io("draw", self.dir(), e))?;
        Ok(picture(&bytes, alt, caption))
    }
}
