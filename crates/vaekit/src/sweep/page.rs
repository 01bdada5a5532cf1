//! A sweep on one page.

use crate::plot::page::{Page, commands, drawing, paragraph, table, warning};
use crate::plot::{Curve, ON_PAGE, curves_svg};
use crate::uses::Judged;

use super::{Summary, chosen, figure_names, shown};

/// The page of a sweep; `again` is the command that makes it.
pub fn sweep_page(name: &str, summaries: &[Summary], (notes, by): (&[String], Judged), again: &str) -> String {
    let runs: usize = summaries.iter().map(|s| s.runs).sum();
    let lead = format!(
        "{runs} runs, {} settings. Figures that begin with valid are of validation rows, to choose by; the others are of \
         test rows. All are means over seeds.",
        summaries.len()
    );
    let mut page = Page::new(&format!("Sweep {name}"), &lead);
    let Some(first) = summaries.first() else {
        return page.html();
    };
    let mut head: Vec<&str> = first.settings.iter().map(|(key, _)| key.as_str()).collect();
    if head.is_empty() {
        head.push("");
    }
    head.push("runs");
    head.extend(figure_names(summaries));
    let lines: Vec<Vec<String>> = summaries.iter().map(|s| line(s, &head)).collect();
    let notes: String = notes.iter().map(|note| warning(note)).collect();
    page.section(
        "Results",
        notes + &paragraph(&choice(summaries, by)) + &table("Mean and standard error over seeds", &head, &lines),
    );
    let figure = |s: &Summary, name: &str| s.figures.iter().find(|(n, ..)| *n == name).map(|(_, v, _)| *v);
    let distortion = |s: &Summary| figure(s, "distortion_stored_nats").or(figure(s, "distortion_nats"));
    let mut points: Vec<(f64, f64)> =
        summaries.iter().filter_map(|s| figure(s, "rate_nats").zip(distortion(s))).collect();
    if points.len() > 1 {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let curve = [Curve { name: "settings".into(), points }];
        let svg = curves_svg("Distortion against rate", "rate, nats", "distortion, nats", &curve, &ON_PAGE);
        let caption = "A setting a corner. A better model lies lower and further left; along beta this is the \
                       rate-distortion curve.";
        page.section("Rate and distortion", drawing(&svg, caption));
    }
    page.section("Again", commands(&[again.to_owned()]));
    page.html()
}

/// Which settings validation rows speak for, in a sentence.
pub fn choice(summaries: &[Summary], by: Judged) -> String {
    let Some((at, by)) = chosen(summaries, by) else {
        return match summaries.len() {
            0 | 1 => "There is one setting, so nothing to choose.".into(),
            _ => "No setting is chosen: every run needs validation rows (valid = 0.1) and the same kind of figure. Choosing by \
                  test rows would overstate the result."
                .into(),
        };
    };
    let settings: Vec<String> = summaries[at].settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let settings = settings.join(", ");
    let most = summaries[at].runs;
    let short = match summaries.iter().filter(|s| s.runs < most).count() {
        0 => String::new(),
        n => format!(" {n} settings lack runs and were left out."),
    };
    format!("Chosen by {by}: {settings}. Its figures of test rows took no part in the choice.{short}")
}

fn line(s: &Summary, head: &[&str]) -> Vec<String> {
    let mut line: Vec<String> = s.settings.iter().map(|(_, value)| value.clone()).collect();
    if line.is_empty() {
        line.push("all".into());
    }
    line.push(s.runs.to_string());
    let figure = |name: &&str| match s.figures.iter().find(|(n, ..)| n == name) {
        Some((name, v, e)) => shown(name, *v, *e, "\u{b1}"),
        None => "\u{2013}".to_owned(),
    };
    line.extend(head[line.len()..].iter().map(figure));
    line
}
