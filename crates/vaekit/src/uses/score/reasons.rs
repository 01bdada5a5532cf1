//! Why a row is strange: which of its columns surprise, and what was expected in their place.

use std::collections::BTreeMap;

use crate::Result;
use crate::data::{Column, Dataset, columns};
use crate::eval::predictive::{Keep, Samples, by_blocks, filled, here, log_sum_exp, normalized, quantile, samples};
use crate::model::Model;

use super::super::widths::{Widths, ratio};
use super::Scorer;

/// Rows that are explained together.
const ROWS: usize = 16;
/// Samples of z a row: more than for a score, for the weights of one column's absence are uneven.
const SAMPLES: usize = 256;
/// Held-out rows that say how much a column surprises as a rule.
const USUAL: usize = 500;

/// Cells of held-out rows that say how wide ranges must be.
const CELLS: usize = 2_000;

/// A column's part in the strangeness of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The name of the column.
    pub column: String,
    /// Of the surprise beyond the usual one, from 0 to 1.
    pub share: f64,
    /// The cell, in the file's own words.
    pub found: String,
    /// What the model expected, given the other columns.
    pub expected: String,
    /// The range that holds 90 % of what such cells of held-out rows are; empty for categories.
    pub low: String,
    /// See `low`.
    pub high: String,
}

/// Says why rows are strange.
pub struct Reasons<'a> {
    model: &'a Model,
    /// -log p(column given the others) of held-out rows on average, a column.
    usual: Vec<f64>,
    /// Of each event its column.
    column_of: Vec<usize>,
    /// How wide ranges must be to hold what they promise; none where too few rows were held out to tell.
    widths: Option<Widths>,
}

impl<'a> Reasons<'a> {
    /// For the model of a scorer; the usual surprise is measured on rows of its data.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn new(scorer: &Scorer<'a>, data: &Dataset, held: &[u32]) -> Result<Self> {
        let model = scorer.model();
        let mut reasons = Self { model, usual: Vec::new(), column_of: columns_of_events(model), widths: None };
        let mut sums = vec![0f64; model.schema().width()];
        let held = model.some(held, USUAL);
        for surprises in
            by_blocks(&held, ROWS, reasons.held(), |rows| reasons.surprises(data, rows))?.into_iter().flatten()
        {
            sums.iter_mut().zip(surprises).for_each(|(sum, v)| *sum += v);
        }
        reasons.usual = sums.into_iter().map(|sum| sum / held.len().max(1) as f64).collect();
        reasons.widths = reasons.measured(data, &held)?;
        Ok(reasons)
    }

    /// The columns of each row that surprise most, at most `most`.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn of(&self, data: &Dataset, rows: &[u32], most: usize) -> Result<Vec<Vec<Reason>>> {
        let explain = |rows: &[u32]| -> Result<Vec<Vec<Reason>>> {
            let surprises = self.surprises(data, rows)?;
            rows.iter().zip(&surprises).map(|(row, surprises)| self.of_row(data, *row, surprises, most)).collect()
        };
        Ok(by_blocks(rows, ROWS, self.held(), explain)?.into_iter().flatten().collect())
    }

    /// Bytes of a block of samples.
    fn held(&self) -> u64 {
        Samples::bytes(self.model.vae(), ROWS, SAMPLES, self.model.x_width())
    }

    fn of_row(&self, data: &Dataset, row: u32, surprises: &[f64], most: usize) -> Result<Vec<Reason>> {
        let mut stored = vec![0f32; data.width()];
        data.copy_row(row as usize, &mut stored)?;
        let beyond: Vec<f64> = surprises.iter().zip(&self.usual).map(|(s, u)| (s - u).max(0.0)).collect();
        let total: f64 = beyond.iter().sum::<f64>().max(1e-12);
        let mut order: Vec<usize> = (0..beyond.len()).filter(|c| beyond[*c] > 0.0).collect();
        order.sort_by(|a, b| beyond[*b].total_cmp(&beyond[*a]).then(a.cmp(b)));
        order.truncate(most);
        let expected = self.expectations(data, row, &order, most)?;
        let reason = |(c, expected): (&usize, [String; 3])| {
            let column = self.model.schema().modelled().nth(*c);
            let name = column.map_or_else(|| format!("c{c}"), |column| column.name.clone());
            let [expected, low, high] = expected;
            let found = column.map_or_else(String::new, |column| column.cell(stored[*c]));
            Reason { column: name, share: beyond[*c] / total, found, expected, low, high }
        };
        Ok(order.iter().zip(expected).map(reason).collect())
    }

    /// The widths at which ranges hold 90 % of the cells of held-out rows, each hidden from the model.
    fn measured(&self, data: &Dataset, held: &[u32]) -> Result<Option<Widths>> {
        let columns: Vec<&Column> = self.model.schema().modelled().collect();
        let numbers: Vec<usize> = (0..columns.len()).filter(|c| !columns[*c].kind.is_named()).collect();
        if numbers.is_empty() || held.is_empty() {
            return Ok(None);
        }
        // As many columns of a row as fit a block, in turn.
        let each = numbers.len().min(ROWS);
        let rows: Vec<u32> = held.iter().copied().take((CELLS / each).max(1)).collect();
        let chosen = |i: usize| (0..each).map(|j| numbers[(i * each + j) % numbers.len()]).collect::<Vec<usize>>();
        let ratios = |block: &[u32]| -> Result<Vec<(usize, f64)>> {
            let [row] = block else { return Ok(Vec::new()) };
            let i = rows.iter().position(|known| known == row).unwrap_or_default();
            let mut stored = vec![0f32; data.width()];
            data.copy_row(*row as usize, &mut stored)?;
            let chosen: Vec<usize> = chosen(i).into_iter().filter(|c| !stored[*c].is_nan()).collect();
            let ranges = self.ranges(data, *row, &chosen, each)?;
            Ok(chosen.iter().zip(ranges).map(|(c, range)| (*c, ratio(self.model, *c, stored[*c], range))).collect())
        };
        let mut of_columns = vec![Vec::new(); columns.len()];
        for (column, ratio) in by_blocks(&rows, 1, self.held(), ratios)?.into_iter().flatten() {
            of_columns[column].push(ratio);
        }
        Ok(Widths::of_ratios(of_columns))
    }

    /// What is expected of some columns of a row in words, with its range.
    fn expectations(&self, data: &Dataset, row: u32, columns: &[usize], most: usize) -> Result<Vec<[String; 3]>> {
        let ranges = self.ranges(data, row, columns, most)?;
        let in_words = |(c, range): (&usize, [f32; 3])| {
            let Some(described) = self.model.schema().modelled().nth(*c) else { return Default::default() };
            let [middle, mut low, mut high] = range;
            if described.kind.is_named() {
                return [described.cell(middle), String::new(), String::new()];
            }
            if let Some(widths) = &self.widths {
                [low, high] = widths.stretched(self.model, *c, range);
            }
            [middle, low, high].map(|v| described.cell(v))
        };
        Ok(columns.iter().zip(ranges).map(in_words).collect())
    }

    /// What is expected of some columns of a row, each hidden in turn: an encoder that saw a strange cell would expect it.
    fn ranges(&self, data: &Dataset, row: u32, columns: &[usize], most: usize) -> Result<Vec<[f32; 3]>> {
        let keep = Keep { draws: true, open: true, ..Keep::default() };
        let mut host = self.model.preparation().prepare(data, &vec![row; most], 0)?;
        let width = self.model.x_width();
        let (places, _) = columns::places(&self.model.encoding().columns);
        let n = host.x.len();
        let mask = host.mask.get_or_insert_with(|| vec![1.0; n]);
        for (i, c) in columns.iter().enumerate() {
            let own: Vec<usize> = match places.get(*c) {
                Some(place) => {
                    place.number.into_iter().chain(place.blocks.iter().flat_map(|(at, n)| *at..at + n)).collect()
                }
                None => vec![*c],
            };
            own.iter().for_each(|at| (mask[i * width + at], host.x[i * width + at]) = (0.0, 0.0));
        }
        let s = samples(self.model.vae(), &host.to_device(&here()), SAMPLES, self.model.rng(), keep);
        Ok(columns.iter().enumerate().map(|(i, c)| self.expected(*c, &s, i)).collect())
    }

    /// The surprise of every column of each row of a block, given the others.
    fn surprises(&self, data: &Dataset, rows: &[u32]) -> Result<Vec<Vec<f64>>> {
        let keep = Keep { events: true, ..Keep::default() };
        let columns = self.model.schema().width();
        let host = self.model.preparation().prepare(data, &filled(rows, ROWS), 0)?;
        let s = samples(self.model.vae(), &host.to_device(&here()), SAMPLES, self.model.rng(), keep);
        let of_row = |i: usize| {
            let log_w = s.log_weights(i);
            let all = log_sum_exp(log_w.iter().copied());
            (0..columns).map(|c| log_sum_exp(self.without(&s, i, c, &log_w).into_iter()) - all).collect()
        };
        Ok((0..rows.len()).map(of_row).collect())
    }

    /// log weights as if a column were not known.
    fn without(&self, s: &Samples, row: usize, column: usize, log_w: &[f64]) -> Vec<f64> {
        let events: Vec<usize> = (0..s.events).filter(|e| self.column_of.get(*e) == Some(&column)).collect();
        let own = |k: usize| events.iter().map(|e| s.event(k, row, *e)).sum::<f64>();
        log_w.iter().enumerate().map(|(k, w)| w - own(k)).collect()
    }

    /// The middle and the 5 % and 95 % quantiles of what the model expects of a column given the others; of a category the
    /// likeliest level.
    fn expected(&self, column: usize, s: &Samples, row: usize) -> [f32; 3] {
        let is_named = self.model.schema().modelled().nth(column).is_some_and(|column| column.kind.is_named());
        let weights = normalized(&s.log_weights(row));
        let mut values: Vec<(f32, f64)> =
            weights.iter().enumerate().map(|(k, w)| (self.drawn(s, k, row, column), *w)).collect();
        if is_named {
            let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
            values.iter().for_each(|(level, w)| *sums.entry(*level as u32).or_default() += w);
            let likeliest = sums.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(level, _)| level);
            return [likeliest as f32; 3];
        }
        [0.5, 0.05, 0.95].map(|share| quantile(&mut values, share))
    }

    /// The stored value of a column of a draw.
    fn drawn(&self, s: &Samples, k: usize, row: usize, column: usize) -> f32 {
        let x = &s.draws[(k * s.rows + row) * s.width..][..s.width];
        self.model.encoding().decode_column(self.model.schema(), column, x)
    }
}

/// Of each event of the likelihood the column that it is of.
pub(crate) fn columns_of_events(model: &Model) -> Vec<usize> {
    let codes = &model.encoding().columns;
    if codes.is_empty() {
        return (0..model.schema().width()).collect();
    }
    let (places, _) = columns::places(codes);
    let numbers: usize = columns::numbers(codes).iter().sum();
    let mut of = vec![0; numbers];
    for (column, place) in places.iter().enumerate() {
        if let Some(at) = place.number {
            of[at] = column;
        }
    }
    for (column, place) in places.iter().enumerate() {
        of.extend(place.blocks.iter().filter(|(_, size)| *size > 0).map(|_| column));
    }
    of
}
