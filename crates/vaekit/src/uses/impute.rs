//! Gaps filled with what a model expects there.

use std::path::Path;

use rand::Rng as _;

use crate::data::{Cell, Dataset, NumberCode, OpenOptions, Step, columns, source};
use crate::eval::predictive::{Keep, Samples, by_blocks, filled, here, quantile, samples, tempered};
use crate::model::Model;
use crate::rng::{Purpose, pick, unit};
use crate::run::write_atomically;
use crate::{Error, Result, budget};

use super::widths::Widths;

/// Rows that are filled together: a constant, so that a row's cells do not depend on others.
const ROWS: usize = 16;

/// Samples that must have a say in what stands in a cell.
const ENOUGH: f64 = 16.0;

/// Rows after which progress is told.
const PART: usize = 64 * ROWS;

/// How gaps are filled.
#[derive(Clone, Copy, Debug)]
pub struct Filling {
    /// Samples of z a row and a member.
    pub samples: usize,
    /// Imputations that are drawn beside the expected cells.
    pub draws: usize,
    /// Numbers of a grid stay between its points, as means do.
    pub unrounded: bool,
    /// Cells were hidden at random: that they are says nothing of their values.
    pub open: bool,
}

impl Default for Filling {
    fn default() -> Self {
        Self { samples: 512, draws: 0, unrounded: false, open: false }
    }
}

/// A cell that was missing.
#[derive(Clone, Debug, PartialEq)]
pub struct FilledCell {
    /// The row of the data set.
    pub row: u32,
    /// Which of the modelled columns.
    pub column: usize,
    /// The conditional mean of a number, the conditional mode of a category; as the rows store it.
    pub value: f32,
    /// 90 % of what may stand there lies from here on; of a category NaN.
    pub low: f32,
    /// See `low`.
    pub high: f32,
    /// The middle of what may stand there: as much of it lies below as above.
    pub middle: f32,
    /// The probability of the level of a category; NaN for a number.
    pub probability: f64,
    /// A value for each imputation that was asked for.
    pub draws: Vec<f32>,
}

/// Fills the gaps of rows by the importance-weighted conditional distribution of what is missing given what is known,
/// p(x_missing given x_known), Mattei & Frellsen, MIWAE, ICML 2019, equation 12. Several members of an ensemble are
/// averaged. `progress` hears of the rows with gaps that are done.
///
/// # Errors
/// A model of complete rows without typed columns, or one without densities.
pub fn impute(
    members: &[&Model],
    data: &Dataset,
    rows: &[u32],
    how: Filling,
    widths: Option<&Widths>,
    progress: &mut dyn FnMut(usize) -> Step,
) -> Result<Vec<FilledCell>> {
    for model in members {
        model.check_fits(data)?;
        if model.encoding().columns.is_empty() && !model.encoding().masked {
            let problem = "the model was trained on complete rows and never learned to fill gaps";
            return Err(Error::unsupported("impute", format!("{problem}; train with --hide 0.5")));
        }
        if !model.vae().posterior.is_density() {
            return Err(Error::unsupported(
                "impute",
                "an autoencoder has no distribution of what is missing; train --variant vae",
            ));
        }
    }
    let width = data.width();
    let (mut open, mut gaps) = (Vec::new(), 0u64);
    data.for_each_row(rows, |row, stored| {
        let n = stored.iter().filter(|v| v.is_nan()).count();
        if n > 0 {
            open.push(row);
            gaps += n as u64;
        }
        Ok(())
    })?;
    let of_cell = (size_of::<FilledCell>() + 4 * how.draws) as u64;
    budget::ask(&data.name, "the cells that are filled", gaps * of_cell)?;
    let keep = Keep { means: true, draws: true, open: how.open, ..Keep::default() };
    let held = members.iter().map(|model| Samples::bytes(model.vae(), ROWS, how.samples, model.x_width())).sum();
    let fill = |wanted: &[u32]| -> Result<Vec<FilledCell>> {
        let mut cells = Vec::new();
        let of = |model: &&Model| -> Result<Samples> {
            let host = model.preparation().prepare(data, &filled(wanted, ROWS), 0)?;
            Ok(samples(model.vae(), &host.to_device(&here()), how.samples, model.rng(), keep))
        };
        let all: Vec<Samples> = members.iter().map(of).collect::<Result<_>>()?;
        for (i, row) in wanted.iter().enumerate() {
            let mut stored = vec![0f32; width];
            data.copy_row(*row as usize, &mut stored)?;
            let weights: Vec<Vec<f64>> =
                all.iter().map(|s| tempered(&s.log_weights(i), ENOUGH.min(how.samples as f64 / 4.0))).collect();
            let view = RowView { members, samples: &all, weights: &weights, at: i };
            // Each imputation is one draw of the whole row, so that its cells go together.
            let chosen: Vec<(usize, usize)> = (0..how.draws).map(|draw| view.choose(draw as u64, *row)).collect();
            for column in (0..width).filter(|c| stored[*c].is_nan()) {
                let mut cell = view.fill(*row, column, &chosen, how.unrounded);
                if let Some(widths) = widths {
                    widths.apply(members[0], &mut cell);
                }
                cells.push(cell);
            }
        }
        Ok(cells)
    };
    let mut cells = Vec::with_capacity(gaps as usize);
    for (i, part) in open.chunks(PART).enumerate() {
        cells.extend(by_blocks(part, ROWS, held, fill)?.into_iter().flatten());
        if progress(i * PART + part.len()) == Step::Stop {
            return Err(Error::interrupted("interrupted: nothing is written"));
        }
    }
    Ok(cells)
}

/// What the members say of a row.
struct RowView<'a> {
    members: &'a [&'a Model],
    samples: &'a [Samples],
    weights: &'a [Vec<f64>],
    at: usize,
}

impl RowView<'_> {
    /// A member and one of its samples, by the weights.
    fn choose(&self, draw: u64, row: u32) -> (usize, usize) {
        let mut stream = self.members[0].rng().at(draw).stream(Purpose::Choice, u64::from(row));
        let member = draw as usize % self.members.len();
        let u = unit(stream.next_u32());
        let k = pick(u, self.weights[member].iter().map(|w| *w as f32));
        (member, k.min(self.weights[member].len() - 1))
    }

    fn coordinates<'s>(&self, of: &'s [f32], s: &Samples, k: usize) -> &'s [f32] {
        &of[(k * s.rows + self.at) * s.width..][..s.width]
    }

    fn fill(&self, row: u32, column: usize, chosen: &[(usize, usize)], unrounded: bool) -> FilledCell {
        let schema = self.members[0].schema();
        let drawn = |member: usize, k: usize| {
            let s = &self.samples[member];
            self.members[member].encoding().decode_column(schema, column, self.coordinates(&s.draws, s, k))
        };
        let draws = chosen.iter().map(|(member, k)| drawn(*member, *k)).collect();
        let described = schema.modelled().nth(column);
        if described.is_some_and(|column| column.kind.is_named()) {
            let levels = self.probabilities(column);
            let best = (0..levels.len()).fold(0, |best, i| if levels[i] > levels[best] { i } else { best });
            let probability = levels.get(best).copied().unwrap_or(f64::NAN);
            let (low, high) = (f32::NAN, f32::NAN);
            let middle = f32::NAN;
            return FilledCell { row, column, value: best as f32, low, high, middle, probability, draws };
        }
        let mut values: Vec<(f32, f64)> = Vec::new();
        for (member, weights) in self.weights.iter().enumerate() {
            values.extend(weights.iter().enumerate().map(|(k, w)| (drawn(member, k), *w)));
        }
        let mean = self.mean(column);
        let value = match (unrounded, described) {
            (false, Some(column)) => columns::on_grid(column, mean),
            _ => mean,
        };
        let [low, middle, high] = [0.05, 0.5, 0.95].map(|share| quantile(&mut values, share));
        FilledCell { row, column, value, low, high, middle, probability: f64::NAN, draws }
    }

    /// The weighted mean of a number, as rows store it; a spike counts by its probability.
    fn mean(&self, column: usize) -> f32 {
        let mut sum = 0.0;
        for ((model, s), weights) in self.members.iter().zip(self.samples).zip(self.weights) {
            let encoding = model.encoding();
            let (places, _) = columns::places(&encoding.columns);
            for (k, w) in weights.iter().enumerate() {
                let x = self.coordinates(&s.means, s, k);
                let value = match encoding.columns.get(column) {
                    None => f64::from(encoding.decode_column(model.schema(), column, x)),
                    Some(code) => {
                        let number = |n: NumberCode| places[column].number.map_or(f32::NAN, |at| n.stored(x[at]));
                        let plain = f64::from(code.number.map_or(f32::NAN, number));
                        match (code.spikes.is_empty(), places[column].blocks.first()) {
                            (false, Some((at, size))) => {
                                let p = &x[*at..at + size];
                                let spikes = code.spikes.iter().zip(p).map(|(v, p)| f64::from(*v) * f64::from(*p));
                                spikes.sum::<f64>() + plain * f64::from(p[size - 1])
                            }
                            _ => plain,
                        }
                    }
                };
                sum += w * value / self.members.len() as f64;
            }
        }
        sum as f32
    }

    /// The weighted probability of each level of a category.
    fn probabilities(&self, column: usize) -> Vec<f64> {
        let mut sums: Vec<f64> = Vec::new();
        for ((model, s), weights) in self.members.iter().zip(self.samples).zip(self.weights) {
            let (places, _) = columns::places(&model.encoding().columns);
            let Some((at, size)) = places.get(column).and_then(|place| place.blocks.first()).copied() else { continue };
            sums.resize(size, 0.0);
            for (k, w) in weights.iter().enumerate() {
                let p = &self.coordinates(&s.means, s, k)[at..at + size];
                sums.iter_mut().zip(p).for_each(|(sum, p)| *sum += w * f64::from(*p) / self.members.len() as f64);
            }
        }
        sums
    }
}

/// A table with its gaps filled: the columns of the file in their order, and every cell that was known in its own words.
pub struct FilledTable<'a> {
    /// The file that the rows were read from.
    pub source: &'a Path,
    /// How it was read.
    pub options: &'a OpenOptions,
    /// Its rows.
    pub data: &'a Dataset,
    /// What fills them, by row.
    pub cells: &'a [FilledCell],
    /// Numbers stay between the points of their grid.
    pub unrounded: bool,
}

impl FilledTable<'_> {
    /// Writes the table with the expected cells, or those of an imputation. Cells of numbers are written as the file writes
    /// its own.
    ///
    /// # Errors
    /// A source that is no table, or whatever the system says.
    pub fn write(&self, path: &Path, draw: Option<usize>) -> Result<()> {
        let Some(source) = source(self.source, self.options)? else {
            let problem = "is no csv, Parquet or Arrow table, and impute fills tables";
            return Err(Error::data(self.source.display(), problem));
        };
        let names = source.names().to_vec();
        let modelled: Vec<Option<usize>> = {
            let known = self.data.schema().modelled_names();
            names.iter().map(|name| known.iter().position(|k| k == name)).collect()
        };
        let mut left = self.cells.iter().peekable();
        let mut broken = None;
        write_atomically(path, |out| {
            let mut builder = csv::WriterBuilder::new();
            let mut writer = builder.delimiter(source.separator()).from_writer(out);
            writer.write_record(&names)?;
            let scanned = source.scan(&mut |row, cells| {
                let mut line: Vec<String> = Vec::with_capacity(cells.len());
                for (cell, column) in cells.iter().zip(&modelled) {
                    // A word that the model does not know is filled like a gap where it is taken for one.
                    let filled = column.and_then(|column| self.cell(&mut left, row as u32, column, draw));
                    line.push(match (cell, filled) {
                        (_, Some(text)) => source.written(&text),
                        (Cell::Missing(word) | Cell::Text(word), None) => (*word).to_owned(),
                        (Cell::Number(value), None) => value.to_string(),
                        (Cell::Days(days), None) => crate::data::dates::written(*days, "%Y-%m-%d %H:%M:%S"),
                    });
                }
                while left.peek().is_some_and(|cell| u64::from(cell.row) <= row) {
                    left.next();
                }
                writer.write_record(&line).map_err(|e| Error::io("write", path, e.into()))
            });
            match scanned {
                Ok(()) => writer.flush(),
                Err(e) => {
                    broken = Some(e);
                    Err(std::io::Error::other("not written"))
                }
            }
        })
        .map_err(|e| broken.unwrap_or(e))
    }

    /// The text of a filled cell; the cells of a row are few and together.
    fn cell<'c>(
        &self,
        left: &mut std::iter::Peekable<impl Iterator<Item = &'c FilledCell> + Clone>,
        row: u32,
        column: usize,
        draw: Option<usize>,
    ) -> Option<String> {
        let mut ahead = left.clone();
        let found = ahead.find(|cell| cell.row > row || cell.row == row && cell.column == column)?;
        if found.row != row {
            return None;
        }
        let value = draw.map_or(found.value, |draw| found.draws.get(draw).copied().unwrap_or(found.value));
        let described = self.data.schema().modelled().nth(column)?;
        Some(match self.unrounded && draw.is_none() && !described.kind.has_levels() {
            true => described.unrounded(value),
            false => described.cell(value),
        })
    }
}

/// Writes a line for each filled cell: its row, its column, the value, the range that holds 90 % of what may stand there,
/// and of a category the probability.
///
/// # Errors
/// Whatever the system says.
pub fn write_cells(path: &Path, data: &Dataset, cells: &[FilledCell], unrounded: bool) -> Result<()> {
    let described: Vec<_> = data.schema().modelled().collect();
    let id = data.row_names().map_or("row", |(name, _)| if name.is_empty() { "id" } else { name });
    write_atomically(path, |out| {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record([id, "column", "value", "low", "high", "probability"])?;
        for cell in cells {
            let column = described[cell.column];
            let name = match data.row_names() {
                Some((_, names)) => names.get(cell.row as usize).map_err(std::io::Error::other)?,
                None => cell.row.to_string(),
            };
            let probability =
                if cell.probability.is_nan() { String::new() } else { format!("{:.4}", cell.probability) };
            let of = |value: f32| match unrounded && !column.kind.has_levels() && !value.is_nan() {
                true => column.unrounded(value),
                false => column.cell(value),
            };
            let value = of(cell.value);
            writer.write_record([name, column.name.clone(), value, of(cell.low), of(cell.high), probability])?;
        }
        writer.flush()
    })
}
