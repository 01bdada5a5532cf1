//! What came of a sweep, run by run and over seeds.

use std::io::Write;

use crate::Result;
use crate::eval::Figures;
use crate::eval::disentanglement::Disentanglement;
use crate::eval::{mean, standard_error};

use crate::uses::Judged;

use super::{Plan, Point};

/// A finished run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run of the plan.
    pub point: Point,
    /// Of its validation rows, where it has any: what to choose by.
    pub valid: Option<Figures>,
    /// Of its test rows.
    pub figures: Figures,
    /// Where it was asked for.
    pub disentanglement: Option<Disentanglement>,
    /// Training time.
    pub seconds: f64,
}

/// Runs that differ only by seed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// The swept settings but the seed: key and value.
    pub settings: Vec<(String, String)>,
    /// Number of runs.
    pub runs: usize,
    /// Figures by name: mean over runs, and its standard error where there are several.
    pub figures: Vec<(&'static str, f64, Option<f64>)>,
}

/// The figures of one outcome by name: those of validation rows first, for they are to choose by. Bounds of densities
/// and errors are of values as the file holds them, because runs of other seeds scale their rows otherwise.
fn figures(o: &Outcome) -> Vec<(&'static str, Option<f64>)> {
    let bound = |f: &Figures| match f.elbo_stored_nats {
        Some(stored) => (Some(stored), None),
        None => (None, f.elbo_nats),
    };
    let mut all = Vec::new();
    if let Some(v) = &o.valid {
        let (stored, plain) = bound(v);
        all.extend([
            ("valid_elbo_stored_nats", stored),
            ("valid_elbo_nats", plain),
            ("valid_mse_stored", v.mse_stored),
        ]);
    }
    let f = &o.figures;
    let (stored, plain) = bound(f);
    all.extend([
        ("elbo_stored_nats", stored),
        ("elbo_nats", plain),
        ("rate_nats", f.rate_nats),
        ("distortion_stored_nats", stored.zip(f.rate_nats).map(|(bound, rate)| -bound - rate)),
        ("distortion_nats", stored.is_none().then_some(f.distortion_nats)),
        ("mse_stored", f.mse_stored),
        ("active_units", f.active_units.map(|a| a as f64)),
    ]);
    if let Some(d) = &o.disentanglement {
        all.extend([
            ("mig_binned", Some(d.mig_binned)),
            ("mig_sampled", d.mig_sampled),
            ("dci_disentanglement", Some(d.dci_disentanglement)),
            ("sap", Some(d.sap)),
            ("beta_vae_score", Some(d.beta_vae)),
            ("factor_vae_score", Some(d.factor_vae)),
        ]);
    }
    all.push(("seconds", Some(o.seconds)));
    all
}

/// The settings that validation rows speak for: the place of the summary with the highest bound, or, where bounds do not
/// compare, with the smallest error, and the name of that figure. None where nothing compares, where a run lacks the
/// figure, and where there are no validation rows. A setting of which runs failed is not chosen.
pub fn chosen(summaries: &[Summary], by: Judged) -> Option<(usize, &'static str)> {
    let (names, sign) = match by {
        Judged::Nats => (["valid_elbo_stored_nats", "valid_elbo_nats"].as_slice(), 1.0),
        Judged::Mse => (["valid_mse_stored"].as_slice(), -1.0),
        Judged::Nothing => return None,
    };
    let of = |s: &Summary, name: &str| s.figures.iter().find(|(known, ..)| *known == name).map(|(_, v, _)| *v);
    let name = names.iter().find(|name| summaries.iter().all(|s| of(s, name).is_some()))?;
    // A setting that lacks seeds is of other seeds than the rest.
    let most = summaries.iter().map(|s| s.runs).max()?;
    let whole = summaries.iter().enumerate().filter(|(_, s)| s.runs == most);
    let values = whole.filter_map(|(i, s)| Some((i, sign * of(s, name)?)));
    let best = values.filter(|(_, v)| v.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (summaries.len() > 1).then_some((best.0, *name))
}

/// Settings, and the runs that have them.
type Group<'a> = (Vec<(String, String)>, Vec<&'a Outcome>);

/// Puts runs together that differ only by seed, in the order of the plan.
pub fn summarise(plan: &Plan, outcomes: &[Outcome]) -> Vec<Summary> {
    let settings = |p: &Point| -> Vec<(String, String)> {
        let others = p.swept.iter().filter(|(key, _)| key != "seed");
        others.map(|(key, value)| (key.clone(), value.to_string().replace('"', ""))).collect()
    };
    let mut groups: Vec<Group<'_>> = Vec::new();
    for point in &plan.points {
        let Some(outcome) = outcomes.iter().find(|o| o.point.name == point.name) else { continue };
        let key = settings(point);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(outcome),
            None => groups.push((key, vec![outcome])),
        }
    }
    let summary = |(settings, members): Group<'_>| {
        let names: Vec<&'static str> = figures(members[0]).into_iter().map(|(name, _)| name).collect();
        let figure = |name: &'static str| {
            let named = |o: &&Outcome| figures(o).into_iter().find(|(n, _)| *n == name).and_then(|(_, v)| v);
            let values: Vec<f64> = members.iter().filter_map(named).collect();
            (!values.is_empty()).then(|| (name, mean(&values), (values.len() > 1).then(|| standard_error(&values))))
        };
        Summary { runs: members.len(), figures: names.into_iter().filter_map(figure).collect(), settings }
    };
    groups.into_iter().map(summary).collect()
}

/// A figure with the decimals that tell runs apart, and its error behind `sign` where there is one.
pub fn shown(name: &str, value: f64, error: Option<f64>, sign: &str) -> String {
    let decimals = match name {
        name if name.contains("mse") => 5,
        "seconds" => 0,
        _ => 3,
    };
    let error = error.map_or_else(String::new, |e| format!(" {sign} {e:.decimals$}"));
    format!("{value:.decimals$}{error}")
}

/// The names of all figures that some summary has, in their order.
pub fn figure_names(summaries: &[Summary]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for summary in summaries {
        let mut at = 0;
        for (name, ..) in &summary.figures {
            match names.iter().position(|known| known == name) {
                Some(found) => at = found + 1,
                None => {
                    names.insert(at, name);
                    at += 1;
                }
            }
        }
    }
    names
}

/// A line a run: its settings, then its figures.
///
/// # Errors
/// Whatever the system says.
pub fn write_csv(out: &mut dyn Write, plan: &Plan, outcomes: &[Outcome]) -> std::io::Result<()> {
    let Some(first) = outcomes.first() else { return Ok(()) };
    let mut table = csv::Writer::from_writer(out);
    let names: Vec<&str> = figures(first).iter().map(|(name, _)| *name).collect();
    table.write_record(plan.keys.iter().map(String::as_str).chain(names))?;
    for o in outcomes {
        let settings = o.point.swept.iter().map(|(_, v)| v.to_string().replace('"', ""));
        let values = figures(o).into_iter().map(|(_, v)| v.map_or_else(String::new, |v| v.to_string()));
        table.write_record(settings.chain(values))?;
    }
    table.flush()
}

impl Outcome {
    /// Measures a finished run on its own test rows.
    ///
    /// # Errors
    /// Data that cannot be opened, or a damaged run.
    pub fn measure(
        point: &Point,
        run: &crate::Run,
        options: &crate::data::OpenOptions,
        disentangle: bool,
    ) -> Result<Self> {
        let (data, splits) = run.open_data(options, &mut |_| ())?;
        let rows = if splits.test.is_empty() { &splits.train } else { &splits.test };
        let (figures, _) = run.evaluate(&data, rows, 1)?;
        let valid = match splits.valid.as_slice() {
            [] => None,
            rows => Some(run.evaluate(&data, rows, 1)?.0),
        };
        let disentanglement = match disentangle {
            true => Some(run.disentanglement(&data, rows, None)?.0),
            false => None,
        };
        let seconds = crate::run::Metrics::read(run.dir())?.last().map_or(0.0, |m| m.seconds);
        Ok(Self { point: point.clone(), valid, figures, disentanglement, seconds })
    }
}
