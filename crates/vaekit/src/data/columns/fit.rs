//! Codes of columns, measured on the training rows.

use super::super::{Column, Dataset, Kind, Numbers, Schema, dates, encoding};
use super::{ColumnCode, CountCode, CountDistribution, FLOOR, NumberCode, PARTS, count, exposures, fit_with, places};
use crate::{Error, Result};

/// A grid with cells wider than this, in standard deviations, is no continuum.
const COARSE: f64 = 0.02;
/// Days over which months come often enough to be learned.
const MONTHS: f64 = 500.0;

/// Measures the columns of a table on its training rows.
///
/// # Errors
/// A column whose training rows are all missing.
pub fn fit(data: &Dataset, train: &[u32]) -> Result<Vec<ColumnCode>> {
    let columns: Vec<&Column> = data.schema().modelled().collect();
    let spikes: Vec<Vec<f32>> = columns.iter().map(|column| stored_spikes(column)).collect();
    let mut moments = vec![Moments::default(); columns.len()];
    // Two passes: differences from the mean are small beside it.
    for pass in 0..2 {
        data.for_each_row(train, |_, row| {
            for (i, v) in row.iter().enumerate().filter(|(i, v)| !v.is_nan() && !spikes[*i].contains(v)) {
                let v = f64::from(*v);
                moments[i].see(
                    pass,
                    match columns[i].kind {
                        Kind::Positive => v.max(f64::from(f32::MIN_POSITIVE)).ln(),
                        _ if has_distribution(columns[i]) => v.max(0.0).ln_1p(),
                        _ => v,
                    },
                );
            }
            Ok(())
        })?;
        moments.iter_mut().for_each(Moments::settle);
    }
    let known = |i: usize| moments[i].n > 0.0 || !spikes[i].is_empty();
    if let Some(at) = (0..columns.len()).find(|i| !known(*i)) {
        return Err(encoding::all_missing(data, at));
    }
    let mut codes: Vec<ColumnCode> =
        columns.iter().zip(spikes).zip(moments).map(|((column, spikes), m)| code(column, spikes, &m)).collect();
    let found = places(&codes).0;
    count::fit(&mut codes, &found, &columns, data, train)?;
    let exposures = exposures(&codes);
    for (i, column) in columns.iter().enumerate() {
        let one = Schema { pixels: None, columns: vec![(*column).clone()] };
        if !fit_with(&codes[i..=i], &one, &exposures) {
            let problem = format!("column '{}': its numbers spread too far, or a spike lies too far out", column.name);
            return Err(Error::data(&data.name, format!("{problem}; rescale the column, or see --schema")));
        }
    }
    Ok(codes)
}

/// True where a person named the distribution of a count.
fn has_distribution(column: &Column) -> bool {
    column.numbers.as_ref().is_some_and(|n| n.distribution.is_some())
}

/// Spikes as the rows hold them.
fn stored_spikes(column: &Column) -> Vec<f32> {
    let of = |n: &Numbers| n.spikes.iter().map(|v| (v - n.offset) as f32).collect();
    // A distribution has a mass at each whole number.
    column
        .numbers
        .as_ref()
        .filter(|_| column.kind.has_spikes() && !has_distribution(column))
        .map(of)
        .unwrap_or_default()
}

/// Mean and spread of a column.
#[derive(Clone, Debug, Default)]
struct Moments {
    n: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn see(&mut self, pass: usize, v: f64) {
        if pass == 0 {
            (self.n, self.sum) = (self.n + 1.0, self.sum + v);
        } else {
            self.squares += (v - self.mean).powi(2);
        }
    }

    fn settle(&mut self) {
        self.mean = self.sum / self.n.max(1.0);
    }

    fn spread(&self) -> f64 {
        let spread = (self.squares / self.n.max(1.0)).sqrt();
        // Rounding alone is no spread.
        if spread > 1e-6 * self.mean.abs() { spread } else { 1.0 }
    }
}

fn code(column: &Column, spikes: Vec<f32>, moments: &Moments) -> ColumnCode {
    let (shift, scale) = (moments.mean as f32, moments.spread() as f32);
    let step = column.numbers.as_ref().map_or(0.0, |n| n.step) / moments.spread();
    let spiked: Vec<usize> = if spikes.is_empty() { Vec::new() } else { vec![spikes.len() + 1] };
    let density = NumberCode { floor: FLOOR.max(0.3 * step) as f32, ..NumberCode::density(shift, scale) };
    let (number, blocks) = match column.kind {
        Kind::Category => (None, vec![column.levels.len()]),
        Kind::Binary => (None, vec![2]),
        Kind::Ordinal => {
            let last = column.levels.len().saturating_sub(1) as f32;
            let ends = Some([(0.0 - shift) / scale, (last - shift) / scale]);
            (Some(NumberCode { step: 1.0 / scale, ends, floor: 0.0, ..density }), spiked)
        }
        Kind::Positive => (Some(NumberCode { log: true, floor: FLOOR as f32, ..density }), spiked),
        Kind::Time => {
            let range = column.numbers.as_ref().map_or(0.0, |n| n.high - n.low);
            // Dates without a time of day have no hours, and a week or two no days of the week to learn.
            let has = [
                column.numbers.as_ref().and_then(|n| n.date.as_ref()).is_some_and(|f| dates::has_time(f)),
                range >= 21.0,
                range >= MONTHS,
            ];
            let parts = PARTS.iter().zip(has).map(|(size, has)| if has { *size } else { 0 }).collect();
            (Some(NumberCode { floor: FLOOR as f32, ..density }), parts)
        }
        // Its distribution is fitted when all columns have their codes.
        Kind::Count if has_distribution(column) => {
            let count = Some(CountCode { distribution: CountDistribution::Poisson, base: 0.0, exposure: None });
            (Some(NumberCode { count, floor: FLOOR as f32, ..density }), spiked)
        }
        _ if step > COARSE => (Some(NumberCode { step: step as f32, floor: 0.0, ..density }), spiked),
        _ => (Some(density), spiked),
    };
    ColumnCode { number, blocks, spikes }
}
