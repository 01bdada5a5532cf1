//! Separated attribute predictability.

use ndarray::{Array1, Axis};

use crate::Result;
use crate::eval::latents::{Matrix, divided};
use crate::eval::representation::probe_accuracy;

use super::Factor;

/// Mean over factors of the difference in accuracy between the two single codes
/// that predict it best (Kumar et al. 2018, section 3), each by a linear
/// classifier on that code alone, fitted to the first half of the rows and
/// judged on the second.
///
/// # Errors
/// A classifier that cannot be fitted.
pub fn sap(codes: &Matrix, factors: &[Factor]) -> Result<f64> {
    let (n, d) = codes.dim();
    let half = n / 2;
    let mut gaps = Vec::new();
    for factor in factors {
        let (learn, judge) = factor.values.split_at(half);
        let (learn, judge) = (Array1::from(learn.to_vec()), Array1::from(judge.to_vec()));
        let mut accuracies = Vec::with_capacity(d);
        for j in 0..d {
            let (train, test) = divided(&codes.column(j).to_owned().insert_axis(Axis(1)), half);
            accuracies.push(probe_accuracy(&train, &learn, &test, &judge)?);
        }
        accuracies.sort_by(|a, b| b.total_cmp(a));
        gaps.push(accuracies[0] - accuracies.get(1).copied().unwrap_or(0.0));
    }
    Ok(crate::eval::mean(&gaps))
}
