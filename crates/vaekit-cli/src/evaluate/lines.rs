//! What `evaluate` prints.

use serde_json::{Map, Value, json};
use vaekit::Run;
use vaekit::eval::likelihood::{Evidence, Gap};
use vaekit::eval::{Figures, disentanglement::Disentanglement, latents::Aggregate};
use vaekit::eval::{quality::Quality, representation::Served};
use vaekit::uses::DiscreteUse;
use vaekit::uses::Synthetic;

use crate::say;

/// What is collected for JSON, or printed part by part.
pub struct Shown {
    pub json: bool,
    pub object: Map<String, Value>,
}

impl Shown {
    /// Prints the object, where there is one.
    pub fn finish(self) {
        if self.json {
            say::json(&Value::Object(self.object));
        }
    }

    pub fn part<T: serde::Serialize>(&mut self, name: &str, value: &T, print: impl Fn(&T)) {
        if self.json {
            self.object.insert(name.to_owned(), json!(value));
        } else {
            print(value);
        }
    }

    /// Clusters and codes, where the model has them.
    pub fn chosen(&mut self, c: &DiscreteUse) {
        if self.json {
            if c.components_used.is_some() || c.perplexity.is_some() {
                self.object.insert("chosen".into(), json!(c));
            }
            return;
        }
        if let Some((used, all)) = c.components_used {
            let agree = c.clusters.map(|c| {
                let text =
                    format!("accuracy {:.3}, NMI {:.3}, ARI {:.3} against the classes", c.accuracy, c.nmi, c.ari);
                format!("; {text}")
            });
            line("clusters", format!("{used} of {all} components{}", agree.unwrap_or_default()));
        }
        if let Some((perplexity, size)) = c.perplexity {
            line("codebook", format!("perplexity {perplexity:.1} of {size} codes"));
        }
    }

    /// `otherwise` is what to do where the samples are too few.
    pub fn evidence(&mut self, key: &str, how: &str, e: &Evidence, run: &Run, otherwise: &str) {
        let bits = run.why_no_bits().is_none();
        let mass = run.vae().likelihood.is_mass();
        let effective = e.effective_samples();
        if self.json {
            self.object.insert(format!("{key}_nats"), json!(e.nll_nats()));
            self.object.insert(format!("{key}_se"), json!(e.nll_se()));
            self.object.insert(format!("{key}_monte_carlo_se"), json!(e.monte_carlo_se()));
            self.object.insert(format!("{key}_stored_nats"), json!((!mass).then(|| e.nll_stored_nats())));
            self.object.insert(format!("{key}_effective_samples"), json!(effective));
            self.object.insert(format!("{key}_rise_nats"), json!(e.rise_nats()));
            self.object.insert(format!("{key}_samples"), json!(e.samples));
            self.object.insert(format!("{key}_rows"), json!(e.log_p.len()));
            self.object.insert(format!("{key}_given_class"), json!(run.is_conditional()));
            self.object.insert(format!("{key}_bits_per_dim"), json!(bits.then(|| e.bits_per_dim())));
            return;
        }
        let monte_carlo = match e.monte_carlo_se() {
            se if se.is_finite() => format!("of it Monte Carlo {se:.3}"),
            _ => "of which one sample does not tell Monte Carlo's part".into(),
        };
        line(
            &format!("-log p({})", run.given_x()),
            format!(
                "{:.3} +- {:.3} nats by {} {how} on {} rows ({monte_carlo})",
                e.nll_nats(),
                e.nll_se(),
                say::count(e.samples),
                say::count(e.log_p.len()),
            ),
        );
        if !mass && e.nll_stored_nats() != e.nll_nats() {
            line("  stored units", format!("{:.3} nats", e.nll_stored_nats()));
        }
        let few = match e.is_short() {
            true => format!("; the estimate is still rising, or few samples dominate it: use more samples{otherwise}"),
            false => String::new(),
        };
        line("  effective samples", format!("{effective:.0} of {}", say::count(e.samples)));
        if e.samples > 1 {
            line("  gain from half", format!("{:.3} nats when the samples were doubled{few}", e.rise_nats()));
        }
        line("  ELBO of the same", format!("{:.3} nats", e.elbo_nats()));
        if bits {
            line("  bits/dim", format!("{:.4}", e.bits_per_dim()));
        }
    }
}

/// A named line of figures.
fn line(name: &str, text: impl AsRef<str>) {
    say::out(&format!("{name:<20}{}", text.as_ref()));
}

pub fn gap_lines(g: &Gap) {
    line("gap log p - ELBO", format!("{:.3} +- {:.3} nats on {} rows", g.total_nats, g.total_se, g.rows));
    let missed = match g.evidence_is_short() {
        true => "no gap is below 0: log p(x) is estimated too low; take more --importance-samples, or --annealed",
        false => "",
    };
    line("  family of q", format!("{:.3} +- {:.3}", g.approximation_nats, g.approximation_se));
    line("  encoder", format!("{:.3} +- {:.3}", g.amortization_nats, g.amortization_se));
    if !missed.is_empty() {
        line("", missed);
    }
}

pub fn latents(a: &Aggregate) {
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

pub fn disentanglement(d: &Disentanglement) {
    line("factors", format!("{} on {} rows", d.factors.join(", "), say::count(d.rows)));
    line("", "in brackets: the score with factors shuffled over rows (chance level)");
    type Score = (&'static str, fn(&Disentanglement) -> Option<f64>);
    let scores: [Score; 11] = [
        ("MIG, 20 bins", |d| Some(d.mig_binned)),
        ("MIG, samples", |d| d.mig_sampled),
        ("DCI", |d| Some(d.dci_disentanglement)),
        ("  completeness", |d| Some(d.dci_completeness)),
        ("  informativeness", |d| Some(d.dci_informativeness)),
        ("SAP", |d| Some(d.sap)),
        ("beta-VAE score", |d| Some(d.beta_vae)),
        ("FactorVAE score", |d| Some(d.factor_vae)),
        ("modularity", |d| Some(d.modularity)),
        ("explicitness", |d| Some(d.explicitness)),
        ("IRS", |d| Some(d.irs)),
    ];
    for (name, of) in scores {
        let Some(found) = of(d) else { continue };
        let chance = d.chance.as_deref().and_then(of).map_or_else(String::new, |v| format!(" ({v:.3})"));
        line(name, format!("{found:.3}{chance}"));
    }
    if d.factors.len() == 1 {
        line("", "of one factor, what tells factors apart is perfect by construction: only MIG and SAP say something");
    }
}

pub fn representation(all: &[Served]) {
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

/// Figures of drawn rows as JSON.
pub fn of_synthetic(s: &Synthetic) -> Value {
    let columns: Map<String, Value> =
        s.columns.iter().zip(&s.shapes).map(|(column, shape)| (column.name.clone(), (*shape).into())).collect();
    let useful = s.useful.as_ref().map(|(column, [drawn, real])| {
        serde_json::json!({"column": column, "accuracy_from_drawn": drawn, "accuracy_from_training": real})
    });
    serde_json::json!({
        "shape": mean(&s.shapes), "columns": columns, "trend": s.trend, "two_sample": s.two_sample, "useful": useful,
        "nearer": s.nearer, "copies": s.copies[0], "copies_of_test_rows": s.copies[1],
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

pub fn synthetic(s: &Synthetic) {
    line("shape", format!("{:.3} (marginal distributions, mean over columns; 1 is best)", mean(&s.shapes)));
    line("trend", format!("{:.3} (how pairs of columns go together; 1 is best)", s.trend));
    line("two-sample", format!("{:.3} (how hard drawn rows are to tell from real ones; 1 is best)", s.two_sample));
    if let Some((column, [drawn, real])) = &s.useful {
        line(
            "useful",
            format!(
                "accuracy {drawn:.3} at telling '{column}' in test rows, learned from drawn rows ({real:.3} from training rows)"
            ),
        );
    }
    line(
        "nearer",
        format!("{:.3} of drawn rows lie nearer to a training row than to a test row (0.5 is best)", s.nearer),
    );
    line(
        "copies",
        format!("{:.4} of drawn rows equal a training row, {:.4} of test rows do", s.copies[0], s.copies[1]),
    );
}

pub fn quality(q: &Quality) {
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
        if let Some(stored) = f.elbo_stored_nats.filter(|stored| *stored != elbo) {
            say::out(&format!("{}{stored:.2} nats", name("  stored units")));
        }
        match f.bits_per_dim {
            Some(bits) => say::out(&format!("{}{bits:.4} at most", name("bits/dim"))),
            // Nobody looks for them in a table of real numbers.
            None if run.schema().is_image() => {
                say::out(&format!("{}none: {}", name("bits/dim"), run.why_no_bits().unwrap_or_default()));
            }
            None => {}
        }
        if let Some(active) = f.active_units {
            say::out(&format!("{}{active} of {}", name("active units"), run.vae().latent()));
        }
    } else {
        say::out(&format!(
            "{}{:.2} nats, {} rows (an autoencoder has no ELBO)",
            name("distortion"),
            f.distortion_nats,
            say::count(f.rows)
        ));
    }
    let stored = f.mse_stored.filter(|stored| *stored != f.mse);
    let stored = stored.map_or_else(String::new, |stored| format!(" of scaled values; {stored:.5} in stored units"));
    say::out(&format!("{}{:.5}{stored}", name("MSE"), f.mse));
    if f.outside > 0 {
        let likelihood = run.vae().likelihood.name();
        say::warning(&format!(
            "{} values lie outside 0..1, where '{likelihood}' has no density, so these nats are meaningless. They lie outside \
             the range of the training rows; use another --normalize or a gaussian likelihood",
            say::count(f.outside)
        ));
    }
}
