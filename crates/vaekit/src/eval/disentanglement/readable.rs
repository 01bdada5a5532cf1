//! Whether factors can be read off the codes by a linear classifier.

use ndarray::Array1;

use crate::Result;
use crate::eval::latents::{Matrix, divided};
use crate::eval::representation::probe_probabilities;

use super::Factor;

/// Mean over factors and classes of the area under the ROC curve of a linear
/// classifier on all codes (Ridgeway & Mozer 2018, section 3), fitted to the
/// first half of the rows and judged on the second.
///
/// # Errors
/// A classifier that cannot be fitted.
pub fn explicitness(codes: &Matrix, factors: &[Factor]) -> Result<f64> {
    let half = codes.nrows() / 2;
    let (train, test) = divided(codes, half);
    let mut areas = Vec::new();
    for factor in factors {
        let labels = Array1::from(factor.values[..half].to_vec());
        let (classes, probabilities) = probe_probabilities(&train, &labels, &test)?;
        let truth = &factor.values[half..];
        let each = classes.iter().enumerate().filter_map(|(c, class)| {
            let marked = probabilities.column(c).iter().zip(truth).map(|(p, t)| (*p, t == class)).collect();
            area_under_roc(marked)
        });
        let each: Vec<f64> = each.collect();
        // Where no class of the first half comes again there is nothing to judge.
        if !each.is_empty() {
            areas.push(crate::eval::mean(&each));
        }
    }
    Ok(crate::eval::mean(&areas))
}

/// The chance that a marked row scores above an unmarked one, ties counting
/// half; none where all rows are alike.
pub(crate) fn area_under_roc(mut rows: Vec<(f64, bool)>) -> Option<f64> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut at) = (0.0, 0);
    while at < rows.len() {
        let same = rows[at..].iter().take_while(|r| r.0.total_cmp(&rows[at].0).is_eq()).count();
        let rank = at as f64 + (same as f64 + 1.0) / 2.0;
        rank_sum += rank * rows[at..at + same].iter().filter(|r| r.1).count() as f64;
        at += same;
    }
    let marked = rows.iter().filter(|r| r.1).count() as f64;
    let others = rows.len() as f64 - marked;
    (marked > 0.0 && others > 0.0).then(|| (rank_sum - marked * (marked + 1.0) / 2.0) / (marked * others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_four_rows_by_hand() {
        // Of the four pairs one is a tie and one is in the wrong order: (2 + 1/2) / 4.
        let rows = vec![(0.1, false), (0.4, true), (0.4, false), (0.05, true)];
        assert_eq!(area_under_roc(rows), Some(1.5 / 4.0));
        assert_eq!(area_under_roc(vec![(0.0, false), (1.0, true)]), Some(1.0));
        assert_eq!(area_under_roc(vec![(0.0, true)]), None);
    }
}
