//! The columns of a table that no model looks at, cell by cell as the file is read.

use std::collections::HashMap;

use crate::{Error, Result};

use super::super::store::TextsWriter;
use super::super::{Cells, Column, Kind, MISSING, Role};
use super::source::{Cell, Source};
use super::{dates, in_order};

/// Takes the cells of a column.
pub(super) struct Beside<'a> {
    column: &'a Column,
    taken: Taken,
    /// Bytes in memory.
    held: u64,
}

enum Taken {
    Text(TextsWriter),
    Numbers(Vec<f32>),
    /// Levels in the order in which they came.
    Levels(Vec<u32>, HashMap<String, u32>),
}

impl<'a> Beside<'a> {
    pub fn new(column: &'a Column) -> Self {
        let taken = match column.kind {
            Kind::Text => Taken::Text(TextsWriter::default()),
            Kind::Category | Kind::Ordinal => Taken::Levels(Vec::new(), HashMap::new()),
            _ => Taken::Numbers(Vec::new()),
        };
        Self { column, taken, held: 0 }
    }

    /// Bytes that it has in memory.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Moves texts to disk, and those to come. Levels and numbers stay: they are small.
    pub fn spill(&mut self) -> Result<()> {
        if let Taken::Text(texts) = &mut self.taken {
            texts.spill()?;
            self.held = 0;
        }
        Ok(())
    }

    /// Takes the cell of the next row.
    pub fn take(&mut self, source: &dyn Source, row: u64, cell: Cell<'_>) -> Result<()> {
        let word = match cell {
            Cell::Missing(_) => None,
            Cell::Text(word) => Some(word.to_owned()),
            Cell::Number(value) => Some(value.to_string()),
            Cell::Days(value) => Some(dates::written(value, "%Y-%m-%d %H:%M:%S")),
        };
        match &mut self.taken {
            Taken::Text(texts) => {
                let word = word.unwrap_or_default();
                if !texts.is_on_disk() {
                    self.held += 40 + word.len() as u64;
                }
                texts.push(word)?;
            }
            Taken::Levels(ids, levels) => {
                let next = levels.len() as u32;
                ids.push(word.map_or(MISSING, |word| match levels.get(&word) {
                    Some(level) => *level,
                    None => {
                        self.held += 80 + word.len() as u64;
                        levels.insert(word, next);
                        next
                    }
                }));
                self.held += 4;
            }
            Taken::Numbers(numbers) => {
                let number = |word: String| {
                    source.number(&word).map(|v| v as f32).filter(|v| v.is_finite()).ok_or_else(|| {
                        let place = source.row_name(row);
                        let problem =
                            format!("{place}, column '{}': found '{word}', expected a number", self.column.name);
                        Error::data(source.place(), problem)
                    })
                };
                numbers.push(word.map_or(Ok(f32::NAN), number)?);
                self.held += 4;
            }
        }
        Ok(())
    }

    /// The column with its levels, and its cells.
    pub fn finish(self, source: &dyn Source) -> Result<(Column, Cells)> {
        let column = self.column;
        match self.taken {
            Taken::Text(texts) => Ok((Column { levels: Vec::new(), ..column.clone() }, Cells::Text(texts.finish()?))),
            Taken::Numbers(numbers) => Ok((Column { kind: Kind::Real, ..column.clone() }, Cells::Numbers(numbers))),
            Taken::Levels(mut ids, found) => {
                let levels = in_order(found.keys().cloned().collect());
                if levels.is_empty() && column.role == Role::Condition {
                    let problem = format!("column '{}' has no known cell; leave it out", column.name);
                    return Err(Error::data(source.place(), problem));
                }
                let mut to = vec![MISSING; levels.len()];
                for (level, at) in levels.iter().zip(0..) {
                    if let Some(place) = found.get(level).and_then(|came| to.get_mut(*came as usize)) {
                        *place = at;
                    }
                }
                ids.iter_mut().for_each(|id| *id = to.get(*id as usize).copied().unwrap_or(MISSING));
                Ok((Column { kind: Kind::Category, levels, ..column.clone() }, Cells::Levels(ids)))
            }
        }
    }
}
