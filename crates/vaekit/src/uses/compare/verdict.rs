//! The answer of a comparison in words.

use crate::eval::paired;

use super::Contender;

/// Which is better, and why, in sentences.
pub(super) fn verdict(sorted: &[Contender], names: &[String], judged_by: &str, rows: usize) -> Vec<String> {
    let (best, first) = (&sorted[0], &names[0]);
    let mut lines = Vec::new();
    for (other, name) in sorted.iter().zip(names).skip(1) {
        let told = |(behind, error): (f64, f64), what: &str, rows: usize| {
            // Twice the error of the paired difference: 95 % of chance.
            let size = match what {
                "MSE" => format!("{:.6} \u{b1} {error:.6}", behind.abs()),
                _ => format!("{:.4} \u{b1} {error:.4} nats", behind.abs()),
            };
            match (behind.abs() > 2.0 * error, behind > 0.0) {
                (true, true) => format!("{first} is better than {name} by {size} in {what} (paired over {rows} rows)"),
                (true, false) => format!("{name} is better than {first} by {size} in {what} (paired over {rows} rows)"),
                _ => format!("{first} and {name} cannot be told apart: {size} in {what} over {rows} rows"),
            }
        };
        let Some(behind) = other.behind.zip(other.behind_se) else {
            let by_mse = told(paired(&other.errors, &best.errors), "MSE", best.errors.len());
            let why = if other.nll_nats.is_some() { "is conditional" } else { "has no likelihood" };
            lines.push(format!("{name} {why}; by reconstruction error, {by_mse}."));
            continue;
        };
        let why = match (best.figures.rate_nats.zip(other.figures.rate_nats), judged_by) {
            (Some((a, b)), "-log p(x)") => {
                let (dr, dd) = (a - b, best.figures.distortion_nats - other.figures.distortion_nats);
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
        lines.push(format!("{}{why}.", told(behind, judged_by, rows)));
    }
    lines
}
