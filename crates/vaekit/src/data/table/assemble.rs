//! From the cells of a file to the numbers of rows.

use std::collections::HashMap;

use crate::{Error, Result, budget};

use super::super::store::{ValuesWriter, cache};
use super::super::{Column, Dataset, Kind, OpenOptions, Schema, Unknown, counted};
use super::beside::Beside;
use super::dates;
use super::layout::Layout;
use super::source::{Cell, Source};

/// Rows larger than `--memory` divided by this go to disk; a vector that grows may hold twice its contents.
const IN_MEMORY: u64 = 2;
/// Bytes a row for its number in splits and shuffled orders, and for its score.
const ORDER: u64 = 16;
/// Bytes that are taken between two looks at how many are held.
const LOOK: u64 = 1 << 20;

/// How a cell of a column becomes a number.
struct Reading<'a> {
    column: &'a Column,
    levels: HashMap<&'a str, u32>,
    /// Levels that are numbers, by their bits: `1` and `1.0` are one.
    numbers: HashMap<u64, u32>,
    offset: f64,
    /// The count of which this is the exposure.
    exposes: Option<&'a str>,
    /// Cells that lie outside of the range that the model knows.
    beyond: u64,
    /// Cells that the model does not know, where they are taken for missing.
    unknown: u64,
}

impl<'a> Reading<'a> {
    fn new(column: &'a Column, all: &'a [(usize, Column)]) -> Self {
        let by = |other: &&Column| other.numbers.as_ref().is_some_and(|n| n.exposure.as_ref() == Some(&column.name));
        let exposes = all.iter().map(|(_, other)| other).find(by).map(|other| other.name.as_str());
        let levels = column.levels.iter().map(String::as_str).zip(0..).collect();
        let number = |(level, at): (&String, u32)| Some((level.parse::<f64>().ok()?.to_bits(), at));
        let numbers = column.levels.iter().zip(0..).filter_map(number).collect();
        let offset = column.numbers.as_ref().map_or(0.0, |n| n.offset);
        Self { column, levels, numbers, offset, exposes, beyond: 0, unknown: 0 }
    }

    /// The number of a cell, or what is wrong with it.
    fn read(&mut self, source: &dyn Source, cell: Cell<'_>) -> Result<f32, String> {
        if self.column.kind.has_levels() {
            return self.level(source, cell);
        }
        let value = match (self.column.kind, cell) {
            (_, Cell::Missing(_)) => {
                let of = |count| format!("is missing, and is the exposure of '{count}', which needs one");
                return self.exposes.map_or(Ok(f32::NAN), |count| Err(of(count)));
            }
            (Kind::Time, cell @ (Cell::Text(_) | Cell::Number(_))) => {
                let form = self.column.numbers.as_ref().and_then(|n| n.date.as_deref()).unwrap_or_default();
                let problem =
                    |found: &dyn std::fmt::Display| format!("found '{found}', expected a date of the form {form}");
                dates::of_cell(cell, form).ok_or_else(|| match cell {
                    Cell::Number(value) => problem(&value),
                    Cell::Text(word) => problem(&word),
                    _ => problem(&"another cell"),
                })?
            }
            (_, Cell::Number(value) | Cell::Days(value)) => value,
            (_, Cell::Text(word)) => source.number(word).ok_or_else(|| format!("found '{word}', expected a number"))?,
        };
        let stored = (value - self.offset) as f32;
        if !stored.is_finite() {
            return Err(format!("found {value}, expected a finite 32-bit number; remove or rescale it"));
        }
        match self.column.kind {
            Kind::Binary if self.column.numbers.is_some() && value != 0.0 && value != 1.0 => {
                Err(format!("found {value}, expected 0 or 1"))
            }
            _ => {
                let outside = |n: &super::super::schema::Numbers| value < n.low || value > n.high;
                self.beyond += u64::from(self.column.numbers.as_ref().is_some_and(outside));
                Ok(stored)
            }
        }
    }

    fn level(&self, source: &dyn Source, cell: Cell<'_>) -> Result<f32, String> {
        let (found, word) = match cell {
            Cell::Missing(_) => return Ok(f32::NAN),
            Cell::Text(word) => {
                let as_number = || self.numbers.get(&source.number(word)?.to_bits());
                (self.levels.get(word).or_else(as_number), word.to_owned())
            }
            Cell::Number(v) | Cell::Days(v) => (self.numbers.get(&(v + 0.0).to_bits()), v.to_string()),
        };
        found.map(|level| *level as f32).ok_or_else(|| {
            let levels = super::super::few(&self.column.levels);
            format!("found '{word}', which is no level of the column; expected one of {levels}")
        })
    }
}

/// A table of the columns of a layout.
pub(super) fn assemble(name: &str, source: &dyn Source, layout: &mut Layout, options: &OpenOptions) -> Result<Dataset> {
    let mut readings: Vec<(usize, Reading<'_>)> =
        layout.modelled.iter().map(|(place, column)| (*place, Reading::new(column, &layout.modelled))).collect();
    let of_model = options.schema.is_some();
    let mut values = ValuesWriter::new(readings.len());
    let mut beside: Vec<(usize, Beside<'_>)> =
        layout.beside.iter().map(|(place, column)| (*place, Beside::new(column))).collect();
    let (mut spilled, mut looked) = (false, 0u64);
    let held = |beside: &[(usize, Beside<'_>)]| beside.iter().map(|(_, column)| column.held()).sum::<u64>();
    source.scan(&mut |row, cells| {
        for (place, reading) in &mut readings {
            let value = match reading.read(source, cells[*place]) {
                Ok(value) => value,
                Err(_) if of_model && options.unknown == Unknown::Missing => {
                    reading.unknown += 1;
                    f32::NAN
                }
                Err(problem) => {
                    let place = format!("{}, column '{}'", source.row_name(row), reading.column.name);
                    let advice = if of_model {
                        "; fix it, say how the file is written (--missing, --decimal), or pass --unknown missing"
                    } else {
                        ""
                    };
                    return Err(Error::data(source.place(), format!("{place}: {problem}{advice}")));
                }
            };
            values.push(value)?;
        }
        for (place, column) in &mut beside {
            column.take(source, row, cells[*place])?;
        }
        let now = values.held() + held(&beside);
        if row % 1024 == 0 || now > looked + LOOK {
            looked = now;
            if !spilled && now > budget::memory() / IN_MEMORY {
                spilled = true;
                values.spill()?;
                beside.iter_mut().try_for_each(|(_, column)| column.spill())?;
            }
            // What stays in memory: classes, conditions, and of each row its place in an order.
            budget::ask(source.place(), &format!("its first {} rows", row + 1), held(&beside) + ORDER * row)?;
        }
        Ok(())
    })?;
    budget::ask(source.place(), "what stays of its rows in memory", held(&beside))?;
    if spilled {
        layout.notes.push(format!(
            "the rows do not fit in half of --memory: kept on disk in {} until this ends; --cache names another folder",
            cache().display()
        ));
    }
    for (_, reading) in readings.iter().filter(|_| of_model) {
        let name = &reading.column.name;
        if reading.beyond > 0 {
            let found = counted(reading.beyond as usize, "value");
            let n = reading.column.numbers.clone().unwrap_or_default();
            let range = match &n.date {
                Some(form) => format!("{} to {}", dates::written(n.low, form), dates::written(n.high, form)),
                None => format!("{} to {}", n.low, n.high),
            };
            layout.notes.push(format!("{found} of '{name}' outside of {range}, which training saw"));
        }
        if reading.unknown > 0 {
            let found = counted(reading.unknown as usize, "cell");
            layout.notes.push(format!("{found} of '{name}' that the model does not know: taken for missing"));
        }
    }
    let rows = values.finish()?;
    let kinds = rows.kinds(layout.modelled.len());
    // Columns without a description have the kind of their numbers.
    let described = |column: &Column| column.numbers.is_some() || column.kind.has_levels();
    let columns = layout.modelled.iter().zip(kinds).map(|((_, column), kind)| match described(column) {
        true => column.clone(),
        false => Column { kind, ..column.clone() },
    });
    let schema = Schema { pixels: None, columns: columns.collect() };
    let named = |e: Error| e.at(source.place());
    let mut data = Dataset::new(name, schema, rows).map_err(named)?;
    for (_, column) in beside {
        let (column, cells) = column.finish(source)?;
        data = data.with(column, cells).map_err(named)?;
    }
    Ok(data)
}
