//! Training, validation and test rows.

use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

use super::Dataset;

/// Row numbers of each part, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// Rows to train on.
    pub train: Vec<u32>,
    /// Rows to stop and schedule by.
    pub valid: Vec<u32>,
    /// Rows that no training sees.
    pub test: Vec<u32>,
}

/// Divides a data set by a seeded permutation of its rows.
///
/// A set that brings its own test rows keeps them, and `test` is not used;
/// `valid` is always a share of the rows that are not given. `limit` keeps at
/// most so many training rows (0: all), chosen by the same permutation.
///
/// # Errors
/// Shares that leave no row to train on.
pub fn split(data: &Dataset, valid: f64, test: f64, limit: usize, seed: u64) -> Result<Splits> {
    let pool = data.test_from.unwrap_or(data.len());
    let order = Rng::new(seed).permutation(Purpose::Split, pool);
    // A share asks for at least one row, so that a small set is not left
    // without the figures that were asked for.
    let count = |share: f64| if share > 0.0 { ((pool as f64 * share).round() as usize).max(1) } else { 0 };
    let n_test = if data.test_from.is_some() || pool < 2 { 0 } else { count(test) };
    let n_valid = if pool < 3 { 0 } else { count(valid) };
    if n_test + n_valid >= pool {
        return Err(Error::setting(
            "valid",
            format!("{n_valid} validation and {n_test} test rows of {pool} leave none to train on; lower the shares"),
        ));
    }
    let part = |rows: &[u32]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    };
    let mut train = &order[n_test + n_valid..];
    if limit > 0 && limit < train.len() {
        train = &train[..limit];
    }
    let test = match data.test_from {
        Some(from) => (from as u32..data.len() as u32).collect(),
        None => part(&order[..n_test]),
    };
    Ok(Splits { train: part(train), valid: part(&order[n_test..n_test + n_valid]), test })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(n: usize) -> Dataset {
        Dataset::from_rows("t", &["a"], vec![0.5; n]).unwrap()
    }

    #[test]
    fn parts_cover_every_row_once() {
        let s = split(&set(100), 0.1, 0.2, 0, 4).unwrap();
        assert_eq!((s.train.len(), s.valid.len(), s.test.len()), (70, 10, 20));
        let mut all = [s.train, s.valid, s.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_set_that_brings_a_test_part_keeps_it() {
        let mut data = set(10);
        data.test_from = Some(8);
        let s = split(&data, 0.0, 0.5, 3, 0).unwrap();
        assert_eq!((s.train.len(), s.test), (3, vec![8, 9]));
    }

    #[test]
    fn one_row_still_trains_and_impossible_shares_are_refused() {
        assert_eq!(split(&set(1), 0.1, 0.1, 0, 0).unwrap().train, [0]);
        assert!(split(&set(10), 0.5, 0.5, 0, 0).is_err());
    }
}
