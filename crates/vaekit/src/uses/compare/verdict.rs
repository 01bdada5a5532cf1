//! The answer of a comparison in words.

use crate::eval::{critical, paired};

use super::{Contender, Judged};

/// Which is better, and why, in sentences.
///
/// A difference counts where it is larger than chance explains over these rows: its standard error times the quantile of
/// Student's t, at 5 % for all comparisons together.
pub(super) fn verdict(sorted: &[Contender], names: &[String], judged: Judged, rows: usize) -> Vec<String> {
    let (best, first) = (&sorted[0], &names[0]);
    // The best is found on these rows too, so that every pair counts.
    let comparisons = sorted.len() * (sorted.len() - 1) / 2;
    let told = |name: &str, (behind, error): (f64, f64), by: Judged, rows: usize| {
        // As many digits as the error has to say.
        let digits = if error < 1.0 { 4 } else { 1 };
        let size = match by {
            Judged::Mse if error < 1e-2 => format!("{:.6} \u{b1} {error:.6} in MSE", behind.abs()),
            Judged::Mse => format!("{:.digits$} \u{b1} {error:.digits$} in MSE", behind.abs()),
            _ => format!("{:.digits$} \u{b1} {error:.digits$} nats in -log p(x)", behind.abs()),
        };
        match (behind.abs() > critical(rows, comparisons) * error, behind > 0.0) {
            (true, true) => format!("{first} is better than {name} by {size} (paired over {rows} rows)"),
            (true, false) => format!("{name} is better than {first} by {size} (paired over {rows} rows)"),
            _ => format!("{first} and {name} cannot be told apart: {size} over {rows} rows"),
        }
    };
    let mut lines = Vec::new();
    for (other, name) in sorted.iter().zip(names).skip(1) {
        let Some(behind) = other.behind.zip(other.behind_se) else {
            let by_mse = told(name, paired(&other.errors, &best.errors), Judged::Mse, best.errors.len());
            let why = if other.nll_nats.is_some() { "is conditional" } else { "has no likelihood" };
            lines.push(format!("{name} {why}; by reconstruction error, {by_mse}."));
            continue;
        };
        let why = match (best.figures.rate_nats.zip(other.figures.rate_nats), judged) {
            (Some((a, b)), Judged::Nats) => {
                let (dr, dd) = (a - b, best.distortion().unwrap_or(0.0) - other.distortion().unwrap_or(0.0));
                let word = |v: f64| if v < 0.0 { "less" } else { "more" };
                format!(
                    "; its codes carry {:.2} nats {} (rate) and leave {:.2} nats {} of a row unexplained (distortion)",
                    dr.abs(),
                    word(dr),
                    dd.abs(),
                    word(dd)
                )
            }
            _ => String::new(),
        };
        lines.push(format!("{}{why}.", told(name, behind, judged, rows)));
    }
    if comparisons > 0 {
        let (s, share) = if comparisons == 1 { ("", String::new()) } else { ("s", " together".into()) };
        lines.push(format!(
            "{comparisons} comparison{s}, at 5 %{share} (Student's t). \u{b1} is one standard error over rows; it does not \
             include variation between seeds."
        ));
    }
    lines
}
