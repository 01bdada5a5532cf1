//! Means, their errors, and how far chance alone takes them.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean of some numbers; NaN for none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of a mean; NaN for fewer than two numbers.
pub(crate) fn standard_error(values: &[f64]) -> f64 {
    let (n, m) = (values.len() as f64, mean(values));
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

/// Mean of a - b over rows, and its standard error, which what rows have in common does not enlarge.
pub fn paired(a: &[f64], b: &[f64]) -> (f64, f64) {
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    (mean(&difference), standard_error(&difference))
}

/// How many standard errors a mean of `n` numbers may lie from 0 by chance: the two-sided quantile of Student's t with
/// n - 1 degrees of freedom, at a level of 5 % shared by `comparisons` (Bonferroni). Infinite for fewer than two numbers.
pub fn critical(n: usize, comparisons: usize) -> f64 {
    let level = 0.05 / comparisons.max(1) as f64;
    match StudentsT::new(0.0, 1.0, n.saturating_sub(1) as f64) {
        Ok(t) if n > 1 => t.inverse_cdf(1.0 - level / 2.0),
        _ => f64::INFINITY,
    }
}

/// Median and spread of scores, without regard for the few that are far out.
pub fn median_and_spread(scores: &[f64]) -> (f64, f64) {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    if sorted.is_empty() {
        return (0.0, 1.0);
    }
    let spread = (at(0.75) - at(0.25)) / 1.349;
    (at(0.5), if spread > 1e-12 { spread } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_of_four_numbers_by_hand() {
        // Mean 2.5, squared deviations 5, variance 5/3, over 4 rows.
        assert!((standard_error(&[1.0, 2.0, 3.0, 4.0]) - (5f64 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Student's t, two-sided 5 %: 12.706 for 1 degree of freedom, 4.303 for 2, 2.262 for 9, 1.962 for 999.
        for (n, expected) in [(2, 12.706), (3, 4.303), (10, 2.262), (1000, 1.962)] {
            assert!((critical(n, 1) - expected).abs() < 1e-3, "{n}: {}", critical(n, 1));
        }
        // Two comparisons share it: 2.685 is the quantile of 2.5 % for 9 degrees of freedom.
        assert!((critical(10, 2) - 2.685).abs() < 1e-3);
        assert!(critical(1, 1).is_infinite());
    }
}
