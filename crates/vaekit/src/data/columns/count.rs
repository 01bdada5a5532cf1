//! Counts whose distribution a person names in a schema: Poisson or negative binomial, with an exposure.

use serde::{Deserialize, Serialize};

use super::super::{Column, Dataset};
use super::{ColumnCode, Place};
use crate::{Error, Result};

/// The distribution of a count given z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountDistribution {
    /// Variance m.
    Poisson,
    /// Variance m + m^2 / r.
    NegativeBinomial,
}

impl CountDistribution {
    /// The display name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Poisson => "Poisson",
            Self::NegativeBinomial => "negative binomial",
        }
    }
}

/// The word of a schema for the total of a row.
pub const TOTAL: &str = "total";

/// A count with a distribution: log m = base + (what the decoder says) + (log exposure).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountCode {
    /// See [`CountDistribution`].
    pub distribution: CountDistribution,
    /// The log of the mean count of the training rows, of an exposure of 1 if there is one.
    pub base: f32,
    /// What the mean is in proportion to.
    #[serde(default)]
    pub exposure: Option<Exposure>,
}

/// What the mean of a count is in proportion to: a size factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Exposure {
    /// A positive column of the row: log exposure = scale x + shift, with x the coordinate `at`.
    Column {
        /// Place in x.
        at: usize,
        /// See [`NumberCode::shift`](super::NumberCode::shift).
        shift: f32,
        /// See [`NumberCode::scale`](super::NumberCode::scale).
        scale: f32,
    },
    /// The total of the row's counts that have this exposure. Draws take log-normal ones.
    Total {
        /// The mean of log total in the training rows.
        mean: f32,
        /// Its standard deviation.
        spread: f32,
    },
}

impl CountCode {
    /// True for numbers that can be computed with; `exposures` are the places of x that an exposure can have.
    pub(super) fn is_sound(&self, exposures: &[usize]) -> bool {
        let exposure = match self.exposure {
            None => true,
            Some(Exposure::Column { at, shift, scale }) => {
                exposures.contains(&at) && shift.is_finite() && scale.is_finite()
            }
            Some(Exposure::Total { mean, spread }) => mean.is_finite() && spread.is_finite() && spread >= 0.0,
        };
        self.base.is_finite() && exposure
    }
}

/// The sums of a count over rows in which it and its exposure are known.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: f64,
    count: f64,
    exposure: f64,
    log: f64,
    log_square: f64,
}

/// Gives the counts that have a distribution their base and exposure, from the training rows.
///
/// # Errors
/// Rows that cannot be read, and an exposure that is no positive column.
pub(super) fn fit(
    codes: &mut [ColumnCode],
    places: &[Place],
    columns: &[&Column],
    data: &Dataset,
    train: &[u32],
) -> Result<()> {
    let distribution = |column: &Column| column.numbers.as_ref().and_then(|n| n.distribution);
    let exposure = |column: &Column| column.numbers.as_ref().and_then(|n| n.exposure.clone());
    let counts: Vec<usize> = (0..columns.len()).filter(|i| distribution(columns[*i]).is_some()).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let exposures: Vec<Option<String>> = counts.iter().map(|i| exposure(columns[*i])).collect();
    let of_total: Vec<usize> =
        counts.iter().zip(&exposures).filter(|(_, e)| e.as_deref() == Some(TOTAL)).map(|(i, _)| *i).collect();
    let mut sources = Vec::with_capacity(counts.len());
    for (i, exposure) in counts.iter().zip(&exposures) {
        sources.push(match exposure.as_deref() {
            None | Some(TOTAL) => None,
            Some(name) => {
                let found = columns.iter().position(|column| column.name == name);
                let found = found.filter(|at| codes[*at].number.is_some_and(|n| n.log) && codes[*at].spikes.is_empty());
                let problem = format!("column '{}': its exposure '{name}' must be a modelled column", columns[*i].name);
                let advice = "of kind positive; add it to --columns, or change its role";
                Some(found.ok_or_else(|| Error::data(&data.name, format!("{problem} {advice}")))?)
            }
        });
    }
    let mut sums = vec![Sums::default(); counts.len()];
    data.for_each_row(train, |_, row| {
        let total: f64 = of_total.iter().map(|i| f64::from(row[*i])).filter(|v| !v.is_nan()).sum();
        for ((i, source), (exposure, sums)) in counts.iter().zip(&sources).zip(exposures.iter().zip(&mut sums)) {
            let exposed = match (source, exposure) {
                (Some(source), _) => f64::from(row[*source]),
                (None, Some(_)) => total.max(1.0),
                (None, None) => 1.0,
            };
            let count = f64::from(row[*i]);
            if count.is_nan() || exposed.is_nan() {
                continue;
            }
            sums.rows += 1.0;
            sums.count += count;
            sums.exposure += exposed;
            sums.log += exposed.ln();
            sums.log_square += exposed.ln().powi(2);
        }
        Ok(())
    })?;
    for ((i, source), (exposure, sums)) in counts.iter().zip(&sources).zip(exposures.iter().zip(&sums)) {
        let (mean, rows) = (sums.log / sums.rows.max(1.0), sums.rows.max(1.0));
        let exposure = match (source, exposure) {
            (Some(source), _) => match (codes[*source].number, places[*source].number) {
                (Some(n), Some(at)) => Some(Exposure::Column { at, shift: n.shift, scale: n.scale }),
                _ => None,
            },
            (None, Some(_)) => {
                let spread = (sums.log_square / rows - mean * mean).max(0.0).sqrt();
                Some(Exposure::Total { mean: mean as f32, spread: spread as f32 })
            }
            (None, None) => None,
        };
        let base = (sums.count.max(0.5) / sums.exposure.max(f64::MIN_POSITIVE)).ln() as f32;
        if let (Some(number), Some(distribution)) = (&mut codes[*i].number, distribution(columns[*i])) {
            number.count = Some(CountCode { distribution, base, exposure });
        }
    }
    Ok(())
}
