//! How wide ranges of filled cells must be to hold what they promise.

use crate::Result;
use crate::data::{Dataset, NumberCode, Step};
use crate::model::Model;
use crate::rng::Purpose;

use super::impute::{FilledCell, Filling, impute};

/// Held-out rows whose cells are hidden, how often each, and the share of cells.
const ROWS: usize = 300;
const TIMES: u64 = 2;
const SHARE: f32 = 0.3;
/// Hidden cells that a column needs for a factor of its own.
const ENOUGH: usize = 40;
/// What a range promises.
const PROMISED: f64 = 0.9;

/// A factor a column, by which ranges are stretched on both sides of their middle.
///
/// A network is surer of itself than it should be on rows that it did not learn from. Cells of held-out rows are hidden and
/// filled; the factor is the one at which ranges hold 90 % of them (split conformal prediction; Lei et al., Journal of the
/// American Statistical Association 2018).
#[derive(Clone, Debug)]
pub struct Widths(Vec<f32>);

impl Widths {
    /// Measured on rows that no member trained on; none where there are too few cells to hide.
    ///
    /// # Errors
    /// Rows that do not fit the models.
    pub fn measure(members: &[&Model], data: &Dataset, held: &[u32], how: Filling) -> Result<Option<Self>> {
        let model = members[0];
        let rows = model.some(held, ROWS);
        let Some(some) = data.select(&rows)? else { return Ok(None) };
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let width = data.width();
        let mut values = Vec::new();
        all.iter().try_for_each(|row| some.extend_with_row(*row as usize, &mut values))?;
        let mut of_columns: Vec<Vec<f64>> = vec![Vec::new(); width];
        let mut stored = vec![0f32; width];
        for time in 0..TIMES {
            let mut known = Vec::with_capacity(rows.len() * width);
            for row in &rows {
                let draws = model.rng().at(time).uniform(Purpose::Hide, &[u64::from(*row)], width);
                known.extend(draws.into_iter().map(|u| u >= SHARE));
            }
            if !known.iter().enumerate().any(|(i, known)| *known && !values[i].is_nan()) {
                continue;
            }
            let hidden = some.clone().masked(&known)?;
            for cell in
                impute(members, &hidden, &all, Filling { draws: 0, open: true, ..how }, None, &mut |_| Step::Continue)?
            {
                some.copy_row(cell.row as usize, &mut stored)?;
                let truth = stored[cell.column];
                if truth.is_nan() || cell.middle.is_nan() {
                    continue;
                }
                of_columns[cell.column].push(ratio(model, cell.column, truth, [cell.middle, cell.low, cell.high]));
            }
        }
        Ok(Self::of_ratios(of_columns))
    }

    /// From the distances of true values of each column from the middle of their range, by [`ratio`].
    pub(super) fn of_ratios(mut of_columns: Vec<Vec<f64>>) -> Option<Self> {
        let mut all: Vec<f64> = of_columns.iter().flatten().copied().collect();
        let together = at_promise(&mut all)?;
        let factor = |ratios: &mut Vec<f64>| match ratios.len() >= ENOUGH {
            true => at_promise(ratios).unwrap_or(together),
            false => together,
        };
        Some(Self(of_columns.iter_mut().map(|ratios| factor(ratios) as f32).collect()))
    }

    /// Stretches the range of a cell.
    pub(super) fn apply(&self, model: &Model, cell: &mut FilledCell) {
        if !cell.middle.is_nan() {
            [cell.low, cell.high] = self.stretched(model, cell.column, [cell.middle, cell.low, cell.high]);
        }
    }

    /// Stretches a range, given with its middle.
    pub(super) fn stretched(&self, model: &Model, column: usize, [middle, low, high]: [f32; 3]) -> [f32; 2] {
        let Some(factor) = self.0.get(column) else { return [low, high] };
        let slack = slack(model, column);
        let (mut low, mut high) = (middle - factor * (middle - low + slack), middle + factor * (high - middle + slack));
        if let Some(numbers) = model.schema().modelled().nth(column).and_then(|column| column.numbers.as_ref()) {
            // Of a number on a grid the outermost points that lie within; nothing lies beyond the range of the column.
            // A count with a distribution of its own may be larger than any that training saw.
            let most = if numbers.distribution.is_some() { f64::from(f32::MAX) } else { numbers.high - numbers.offset };
            let least = if numbers.distribution.is_some() { 0.0 } else { numbers.low - numbers.offset };
            let within = |v: f32| v.clamp(least as f32, most.max(least) as f32);
            (low, high) = (within(low), within(high));
        }
        [low, high]
    }
}

/// How far a true value lies from the middle of a range, in units of the half of the range on its side.
pub(super) fn ratio(model: &Model, column: usize, truth: f32, [middle, low, high]: [f32; 3]) -> f64 {
    let half = if truth > middle { high - middle } else { middle - low };
    f64::from((truth - middle).abs() / (half + slack(model, column)))
}

/// A half of the grid of a column: ranges that are a point have a width all the same.
fn slack(model: &Model, column: usize) -> f32 {
    if model.encoding().columns.is_empty() {
        let column = model.schema().modelled().nth(column);
        return column.and_then(|c| c.numbers.as_ref()).map_or(0.5, |n| n.step as f32 / 2.0).max(1e-6);
    }
    let number = model.encoding().columns.get(column).and_then(|code| code.number);
    if number.is_some_and(|number| number.count.is_some()) {
        return 0.5;
    }
    // Of a logarithm the scale is that of factors.
    let scale = |number: &NumberCode| if number.log { number.shift.exp() * number.scale } else { number.scale };
    number.map_or(0.0, |number| scale(&number) * if number.step > 0.0 { number.step / 2.0 } else { 1e-3 })
}

/// The ratio that the promised share of ratios does not exceed, with the correction for their number; none for fewer than
/// can tell.
fn at_promise(ratios: &mut Vec<f64>) -> Option<f64> {
    ratios.retain(|ratio| ratio.is_finite());
    ratios.sort_by(f64::total_cmp);
    let rank = ((ratios.len() + 1) as f64 * PROMISED).ceil() as usize;
    ratios.get(rank.checked_sub(1)?).copied()
}
