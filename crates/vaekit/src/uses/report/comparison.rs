//! Runs side by side on one page.

use crate::Result;
use crate::data::Dataset;
use crate::plot::page::{Page, commands, paragraph, quoted, table, warning};
use crate::plot::{Curve, ON_PAGE, curves_svg, page::drawing};
use crate::run::{Metrics, Run};

use super::super::compare::{Comparison, names};
use super::with_error;

/// The page of a comparison; `runs` in any order.
///
/// # Errors
/// Rows of another shape than a model's, or whatever the system says.
pub fn comparison_page(comparison: &Comparison, runs: &[Run], data: &Dataset) -> Result<String> {
    let n = comparison.contenders.len();
    let lead = format!("{n} runs on {}, measured on {} rows that none was trained on.", data.name, comparison.rows);
    let mut page = Page::new("Runs compared", &lead);
    let names = names(comparison.contenders.iter().map(|c| c.run.as_path()));
    let ordered: Vec<&Run> =
        comparison.contenders.iter().filter_map(|c| runs.iter().find(|r| r.dir() == c.run)).collect();
    let told: String = comparison.verdict.iter().map(|v| paragraph(v)).collect();
    let notes: String = comparison.notes.iter().map(|n| warning(n)).collect();
    page.section("Which is better", told + &notes + &figures(comparison, &names));
    if !comparison.differing.is_empty() {
        let head: Vec<&str> = std::iter::once("setting").chain(names.iter().map(String::as_str)).collect();
        let lines: Vec<Vec<String>> = comparison
            .differing
            .iter()
            .map(|(key, values)| std::iter::once(key.clone()).chain(values.iter().cloned()).collect())
            .collect();
        page.section("In what they differ", table("Settings that are not the same", &head, &lines));
    }
    let mut curves = Vec::new();
    for (run, name) in ordered.iter().zip(&names) {
        let metrics = Metrics::read(run.dir())?;
        let point =
            |m: &crate::run::EpochMetrics| (m.epoch as f64, m.train.elbo_nats.map_or(m.train.distortion_nats, |e| -e));
        curves.push(Curve { name: name.clone(), points: metrics.iter().map(point).collect() });
    }
    let svg = curves_svg("Training", "epoch", "-ELBO, training rows, nats", &curves, &ON_PAGE);
    page.section("Training", drawing(&svg, "The bound on training rows (of an autoencoder the distortion)."));
    let mut shown = String::new();
    for (run, name) in ordered.iter().zip(&names) {
        shown += &format!("<h3>{}</h3>", crate::plot::page::escape(name));
        if run.samples_from_prior() && data.schema().is_image() {
            let samples = run.sample(20, run.default_observation(), run.rng())?;
            shown += &run.shown(&samples, &format!("samples of {name}"), "Draws from the prior.")?;
        }
        let rows = run.split(data)?.test;
        if data.schema().is_image() && !rows.is_empty() {
            let pairs = run.reconstruct_beside(data, &rows[..rows.len().min(10)])?;
            let caption = "Rows above, reconstructions below.";
            shown += &run.shown(&pairs, &format!("reconstructions of {name}"), caption)?;
        }
    }
    if data.schema().is_image() {
        page.section("Pictures", shown);
    }
    let dirs: Vec<String> = comparison.contenders.iter().map(|c| quoted(&c.run)).collect();
    page.section("Again", commands(&[format!("vaekit compare {}", dirs.join(" "))]));
    Ok(page.html())
}

fn behind(comparison: &Comparison, i: usize) -> String {
    let c = &comparison.contenders[i];
    match c.behind.zip(c.behind_se) {
        _ if comparison.judged_by == "nothing" => "\u{2013}".into(),
        _ if i == 0 => "best".into(),
        Some((v, e)) if comparison.judged_by == "MSE" => format!("{v:.6} \u{b1} {e:.6}"),
        Some((v, e)) => with_error(v, e),
        None => "\u{2013}".into(),
    }
}

fn figures(comparison: &Comparison, names: &[String]) -> String {
    let head = [
        "run",
        "rank",
        "behind the best",
        "-log p(x)",
        "ELBO",
        "rate",
        "distortion",
        "MSE",
        "effective samples",
        "active",
    ];
    let optional = |v: Option<f64>, e: Option<f64>| match (v, e) {
        (Some(v), Some(e)) => with_error(v, e),
        (Some(v), None) => format!("{v:.3}"),
        _ => "\u{2013}".to_owned(),
    };
    let lines: Vec<Vec<String>> = comparison
        .contenders
        .iter()
        .zip(names)
        .enumerate()
        .map(|(i, (c, name))| {
            let f = &c.figures;
            vec![
                name.clone(),
                format!("{}", i + 1),
                behind(comparison, i),
                optional(c.nll(), c.nll_se),
                optional(c.elbo(), None),
                optional(f.rate_nats, None),
                optional(c.distortion(), None),
                format!("{:.5}", c.mse()),
                c.effective_samples.map_or_else(|| "\u{2013}".to_owned(), |n| format!("{n:.0}")),
                f.active_units.map_or_else(|| "\u{2013}".to_owned(), |a| a.to_string()),
            ]
        })
        .collect();
    let agreement = comparison.udr.map_or_else(String::new, |u| {
        paragraph(&format!(
            "Codes of the models agree (UDR, 1 is best) to {u:.3}: high where each finds the same dimensions one by one, low \
             too where one dimension of a model goes with several of another."
        ))
    });
    let rows = comparison.contenders.iter().find_map(|c| c.nll_rows).unwrap_or(comparison.rows);
    let caption = format!(
        "Best first. Differences are paired over {} rows; -log p(x) and ELBO are of {rows} rows, the others of {}. \
         Densities and errors are of values as the file holds them.",
        if comparison.judged_by == "MSE" { comparison.rows } else { rows },
        comparison.rows
    );
    table(&caption, &head, &lines) + &agreement
}
