//! The causes that codes are judged by, as classes.

use crate::data::Factors;
use crate::{Error, Result};

/// Values beyond which a factor is cut into bins of equally many rows.
pub(super) const BINS: usize = 20;

/// A cause of the data, a class for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// The name of the factor.
    pub name: String,
    /// `[N]`, each below `classes`.
    pub values: Vec<usize>,
    /// Number of different values.
    pub classes: usize,
}

impl Factor {
    /// Classes of numbers: each distinct value one, or 20 bins of equally many rows where there are more.
    ///
    /// # Errors
    /// A factor that is the same in every row.
    pub fn of(name: &str, numbers: &[f32]) -> Result<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f32::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        if distinct.len() < 2 {
            return Err(Error::data(
                format!("factor '{name}'"),
                "is the same in every row, so that nothing can be learned of it; leave it out, or take more rows",
            ));
        }
        let edges: Vec<f32> = if distinct.len() <= BINS {
            distinct[1..].to_vec()
        } else {
            let mut edges: Vec<f32> = (1..BINS).map(|i| sorted[i * sorted.len() / BINS]).collect();
            edges.dedup();
            edges.retain(|e| *e > sorted[0]);
            // Where nearly all rows share the smallest value, the rest are the other class.
            if edges.is_empty() {
                edges.push(distinct[1]);
            }
            edges
        };
        let values = numbers.iter().map(|v| edges.partition_point(|e| e <= v)).collect();
        Ok(Self { name: name.to_owned(), values, classes: edges.len() + 1 })
    }

    /// All factors of some rows of a data set; those that are constant there are named.
    pub fn all(factors: &Factors, rows: &[u32]) -> (Vec<Self>, Vec<String>) {
        let width = factors.names.len();
        let (mut found, mut constant) = (Vec::new(), Vec::new());
        for (i, name) in factors.names.iter().enumerate() {
            let numbers: Vec<f32> = rows.iter().map(|&r| factors.values[r as usize * width + i]).collect();
            match Self::of(name, &numbers) {
                Ok(factor) => found.push(factor),
                Err(_) => constant.push(name.clone()),
            }
        }
        (found, constant)
    }

    /// The rows of each class.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.classes];
        self.values.iter().enumerate().for_each(|(i, v)| members[*v].push(i));
        members
    }

    /// Entropy of the classes, nats.
    pub fn entropy(&self) -> f64 {
        let n = self.values.len() as f64;
        self.members().iter().map(|m| m.len() as f64 / n).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_classes_and_many_are_bins_of_equal_size() {
        let few = Factor::of("f", &[3.0, -1.0, 3.0, 7.0]).unwrap();
        assert_eq!((few.values, few.classes), (vec![1, 0, 1, 2], 3));
        let many = Factor::of("f", &(0..200u8).map(|i| f32::from(i).sqrt()).collect::<Vec<_>>()).unwrap();
        assert_eq!(many.classes, 20);
        assert!(many.members().iter().all(|m| m.len() == 10));
        let mostly_zero: Vec<f32> = (0..2000u16).map(|i| f32::from(i.saturating_sub(1960))).collect();
        assert_eq!(Factor::of("f", &mostly_zero).unwrap().classes, 2);
        assert!((many.entropy() - 20f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_constant_factor_is_refused_by_name() {
        assert!(Factor::of("hue", &[1.0; 5]).unwrap_err().to_string().contains("hue"));
    }
}
