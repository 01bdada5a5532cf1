//! Interventional robustness.

use crate::eval::latents::Matrix;

use super::Factor;

/// The part of deviations that counts as the largest: the rest are outliers.
const QUANTILE: f64 = 0.99;

/// How little a code moves when all factors but one change, against how far it
/// moves at all: for each code the best factor, mean over codes weighted by how
/// far they move (Suter et al. 2019, section 4; deviations at their 99th
/// percentile, constant codes left out).
pub fn irs(codes: &Matrix, factors: &[Factor]) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for column in codes.columns() {
        let mean = column.mean().unwrap_or(0.0);
        let far = column.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max);
        if far < 1e-12 {
            continue;
        }
        let moved = |factor: &Factor| {
            let members: Vec<Vec<usize>> = factor.members().into_iter().filter(|m| !m.is_empty()).collect();
            let each = members.iter().map(|rows| {
                let mean = rows.iter().map(|&r| column[r]).sum::<f64>() / rows.len() as f64;
                quantile(rows.iter().map(|&r| (column[r] - mean).abs()).collect(), QUANTILE)
            });
            each.sum::<f64>() / members.len() as f64
        };
        let best = factors.iter().map(|f| 1.0 - moved(f) / far).fold(0.0, f64::max);
        sum += far * best;
        weights += far;
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// A quantile, linear between neighbours.
fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = q * (values.len() - 1) as f64;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    low + (high - low) * at.fract()
}
