//! `vaekit evaluate`

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};
use vaekit::data::{Dataset, Factors, OpenOptions, Rows, Shape, open};
use vaekit::eval::likelihood::{Annealing, Evidence, Gap};
use vaekit::eval::{Figures, disentanglement::Disentanglement, latents::Aggregate};
use vaekit::eval::{quality::Quality, representation::Served};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::progress::{Counter, download};
use crate::{Common, say};

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
    /// log p(x) by K importance samples a row; 5000 unless said
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5000", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    importance_samples: Option<u32>,
    /// log p(x) by annealed importance sampling with T temperatures; 500 unless said
    #[arg(long, value_name = "T", num_args = 0..=1, default_missing_value = "500", help_heading = "Likelihood",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    annealed: Option<u32>,
    /// Chains a row of --annealed
    #[arg(long, value_name = "C", default_value_t = 16, help_heading = "Likelihood",
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
        let (figures, _) = run.evaluate(&data, &rows, usize::from(self.samples))?;
        let mut shown = Shown { json: self.common.json, object: object(&figures) };
        if !shown.json {
            print("", &figures, &run);
        }
        let interrupted = crate::progress::interrupts();
        self.likelihood(&run, &data, &rows, &mut shown)?;
        if interrupted.load(std::sync::atomic::Ordering::SeqCst) {
            if shown.json {
                say::json(&Value::Object(shown.object));
            }
            return Err(Error::interrupted("interrupted; what was measured so far is above"));
        }
        if self.latents {
            shown.part("latents", &run.aggregate(&data, &rows)?, latents);
        }
        if self.disentanglement {
            let given = self.factors.as_deref().map(|path| factors(path, self.common.quiet)).transpose()?;
            let (scores, constant) = run.disentanglement(&data, &rows, given.as_ref())?;
            if !constant.is_empty() {
                say::warning(&format!("left out, for they are the same in every row: {}", constant.join(", ")));
            }
            shown.part("disentanglement", &scores, disentanglement);
        }
        if self.representation || self.quality {
            let own = data.fingerprint() == run.file().data.fingerprint;
            if !own {
                let problem = format!("{} is other data than the run's, so it has no rows to learn from", data.name);
                let flag = if self.representation { "representation" } else { "quality" };
                return Err(Error::setting(flag, format!("{problem}; leave DATA out")));
            }
            let train = run.split(&data)?.train;
            if self.representation {
                shown.part("representation", &run.representation(&data, &train, &rows)?, |s| representation(s));
            }
            if self.quality {
                shown.part("quality", &run.quality(&data, &train, &rows)?, quality);
            }
        }
        if shown.json {
            say::json(&Value::Object(shown.object));
        }
        Ok(())
    }

    /// The estimates of log p(x) that were asked for.
    fn likelihood(&self, run: &Run, data: &Dataset, rows: &[u32], shown: &mut Shown) -> Result<()> {
        let mut of_rows = None;
        if let Some(k) = self.importance_samples {
            let mut counter = Counter::new("importance sampling", rows.len(), self.common.quiet);
            let found = run.importance(data, rows, k as usize, &mut |done| counter.at(done))?;
            counter.finish();
            let found = counter.partial(found)?;
            shown.evidence("nll", "importance samples", &found, run.is_likelihood_of_data());
            of_rows = Some(found);
        }
        if let Some(t) = self.annealed {
            let how = Annealing { chains: usize::from(self.chains), steps: t as usize };
            let mut counter = Counter::new("annealing", rows.len(), self.common.quiet);
            let found = run.annealed(data, rows, how, &mut |done| counter.at(done))?;
            counter.finish();
            let found = counter.partial(found)?;
            shown.evidence("annealed_nll", "annealed chains", &found, run.is_likelihood_of_data());
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
            shown.part("gap", &gap, gap_lines);
        }
        Ok(())
    }
}

/// What is collected for JSON, or printed part by part.
struct Shown {
    json: bool,
    object: Map<String, Value>,
}

impl Shown {
    fn part<T: serde::Serialize>(&mut self, name: &str, value: &T, print: impl Fn(&T)) {
        if self.json {
            self.object.insert(name.to_owned(), json!(value));
        } else {
            print(value);
        }
    }

    fn evidence(&mut self, key: &str, how: &str, e: &Evidence, bits: bool) {
        let effective = e.effective.iter().sum::<f64>() / e.effective.len().max(1) as f64;
        if self.json {
            self.object.insert(format!("{key}_nats"), json!(e.nll_nats()));
            self.object.insert(format!("{key}_se"), json!(e.nll_se()));
            self.object.insert(format!("{key}_monte_carlo_se"), json!(e.monte_carlo_se()));
            self.object.insert(format!("{key}_samples"), json!(e.samples));
            self.object.insert(format!("{key}_rows"), json!(e.log_p.len()));
            self.object.insert(format!("{key}_bits_per_dim"), json!(bits.then(|| e.bits_per_dim())));
            return;
        }
        line(
            "-log p(x)",
            format!(
                "{:.3} +- {:.3} nats by {} {how} on {} rows (of it Monte Carlo {:.3}; effective samples {effective:.0})",
                e.nll_nats(),
                e.nll_se(),
                say::count(e.samples),
                say::count(e.log_p.len()),
                e.monte_carlo_se()
            ),
        );
        line("  ELBO, likewise", format!("{:.3} nats", e.elbo_nats()));
        if bits {
            line("  bits/dim", format!("{:.4}", e.bits_per_dim()));
        }
    }
}

/// A named line of figures.
fn line(name: &str, text: impl AsRef<str>) {
    say::out(&format!("{name:<20}{}", text.as_ref()));
}

fn gap_lines(g: &Gap) {
    line("gap log p - ELBO", format!("{:.3} +- {:.3} nats on {} rows", g.total_nats, g.total_se, g.rows));
    line("  family of q", format!("{:.3} +- {:.3}", g.approximation_nats, g.approximation_se));
    line("  encoder", format!("{:.3} +- {:.3}", g.amortization_nats, g.amortization_se));
}

fn latents(a: &Aggregate) {
    line(
        "I(x; z)",
        format!("{:.3} nats, on {} rows (at most {:.2})", a.information_nats, a.rows, (a.rows as f64).ln()),
    );
    let limit = a.information_nats > 0.9 * (a.rows as f64).ln();
    let cut = if limit { " (too high by what I(x; z) misses at its limit)" } else { "" };
    line("total correlation", format!("{:.3} nats{cut}", a.total_correlation_nats));
    line("dimension-wise KL", format!("{:.3} nats", a.dimension_kl_nats));
    line("MMD^2 to prior", format!("{:.5} +- {:.5}", a.mmd, a.mmd_se));
}

fn disentanglement(d: &Disentanglement) {
    line("factors", format!("{} on {} rows", d.factors.join(", "), say::count(d.rows)));
    line(
        "MIG",
        match d.mig_sampled {
            Some(sampled) => format!("{:.3} (mean codes, 20 bins), {sampled:.3} (samples, by density)", d.mig_binned),
            None => format!("{:.3} (codes, 20 bins)", d.mig_binned),
        },
    );
    let (apart, complete) = (d.dci_disentanglement, d.dci_completeness);
    line("DCI", format!("{apart:.3}, completeness {complete:.3}, informativeness {:.3}", d.dci_informativeness));
    line("SAP", format!("{:.3}", d.sap));
    line("beta-VAE score", format!("{:.3}", d.beta_vae));
    line("FactorVAE score", format!("{:.3}", d.factor_vae));
    line("modularity", format!("{:.3}", d.modularity));
    line("explicitness", format!("{:.3} (0.5 is chance)", d.explicitness));
    line("IRS", format!("{:.3}", d.irs));
}

fn representation(all: &[Served]) {
    line(
        "",
        format!("{:>6}{:>9}{:>9}{:>24}{:>24}", "dims", "probe", "5-NN", "k-means acc/NMI/ARI", "mixture acc/NMI/ARI"),
    );
    for s in all {
        let three = |c: &vaekit::eval::representation::Clusters| format!("{:.3}/{:.3}/{:.3}", c.accuracy, c.nmi, c.ari);
        let mixture = s.mixture.as_ref().map_or_else(|| "-".to_owned(), three);
        line(
            &s.of,
            format!("{:>6}{:>9.4}{:>9.4}{:>24}{mixture:>24}", s.dimensions, s.probe, s.neighbours, three(&s.k_means)),
        );
    }
}

fn quality(q: &Quality) {
    line(
        "classifier",
        format!("accuracy {:.4}, seed {}; these are not Inception scores", q.classifier_accuracy, q.classifier_seed),
    );
    line("Frechet distance", format!("{:.3} ({:.3} between training and test rows)", q.frechet, q.frechet_floor));
    line("kernel distance", format!("{:.5} +- {:.5}", q.kernel, q.kernel_se));
    let m = &q.manifold;
    line("precision, recall", format!("{:.3}, {:.3}", m.precision, m.recall));
    line("density, coverage", format!("{:.3}, {:.3}", m.density, m.coverage));
    line(
        "nearest rows",
        format!(
            "a sample lies {:.2} times as far from its nearest training row as a test row does{}",
            q.nearest_ratio,
            if q.nearest_ratio < 0.5 { ": the model repeats its training rows" } else { "" }
        ),
    );
}

/// A csv of factors.
pub fn factors(path: &std::path::Path, quiet: bool) -> Result<Factors> {
    let table = open(&path.to_string_lossy(), &OpenOptions::default(), &mut download(quiet))?;
    match (&table.spec.shape, table.rows()) {
        (Shape::Table { columns }, Rows::F32(values)) => Ok(Factors { names: columns.clone(), values: values.clone() }),
        (Shape::Table { columns }, Rows::U8(v)) => {
            Ok(Factors { names: columns.clone(), values: v.iter().map(|b| f32::from(*b)).collect() })
        }
        _ => Err(Error::setting("factors", format!("{} is no table with a column a factor", path.display()))),
    }
}

/// Figures as JSON; those without meaning for a model are null.
pub fn object(figures: &Figures) -> Map<String, Value> {
    match serde_json::to_value(figures) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Figures for people.
pub fn print(part: &str, f: &Figures, run: &Run) {
    let name = |what: &str| format!("{:<20}", format!("{part} {what}").trim());
    if let (Some(elbo), Some(rate)) = (f.elbo_nats, f.rate_nats) {
        say::out(&format!(
            "{}{elbo:.2} nats = -(rate {rate:.2} + distortion {:.2}), {} rows",
            name("ELBO"),
            f.distortion_nats,
            say::count(f.rows)
        ));
        match f.bits_per_dim {
            Some(bits) => say::out(&format!("{}{bits:.4}", name("bits/dim"))),
            None => say::out(&format!("{}none: grey values under a Bernoulli are no likelihood", name("bits/dim"))),
        }
        if let Some(active) = f.active_units {
            say::out(&format!("{}{active} of {}", name("active units"), run.config().model.latent));
        }
    } else {
        say::out(&format!(
            "{}{:.2} nats, {} rows (an autoencoder has no ELBO)",
            name("distortion"),
            f.distortion_nats,
            say::count(f.rows)
        ));
    }
    say::out(&format!("{}{:.5}", name("MSE"), f.mse));
}
