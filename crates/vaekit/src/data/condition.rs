//! What a conditional model is told of a row: columns that it does not model.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::{Cells, Column, Dataset, Encoding, MISSING, NameColumn, Role};

/// A condition: a column that a conditional model is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The name of the column.
    pub column: String,
    /// The words of a category, one-hot in this order; empty for a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// A number is seen as (value - shift) / scale.
    #[serde(default)]
    pub shift: f32,
    /// See `shift`.
    #[serde(default = "one")]
    pub scale: f32,
}

fn one() -> f32 {
    1.0
}

impl Condition {
    /// Numbers that stand for it in `given`.
    pub fn width(&self) -> usize {
        self.levels.len().max(1)
    }

    /// Its numbers for a cell in the file's own words.
    ///
    /// # Errors
    /// A word that is no level, or no number where one is expected.
    pub fn encode(&self, cell: &str) -> Result<Vec<f32>, String> {
        if self.levels.is_empty() {
            let number = cell.trim().parse::<f32>().ok().filter(|v| v.is_finite());
            let number = number.ok_or_else(|| format!("found '{cell}', expected a number"))?;
            return Ok(vec![(number - self.shift) / self.scale]);
        }
        match self.levels.iter().position(|level| level == cell) {
            Some(at) => Ok(self.one_hot(at)),
            None => Err(format!("'{cell}' is none of its values; expected one of {}", few(&self.levels))),
        }
    }

    /// The numbers of a level.
    pub(crate) fn one_hot(&self, level: usize) -> Vec<f32> {
        (0..self.levels.len()).map(|i| f32::from(i == level)).collect()
    }

    /// A number without the digits that rounding to 32 bits leaves behind.
    fn shown(&self, value: f64) -> String {
        let largest = value.abs().max(f64::from(self.shift.abs())).max(f64::from(self.scale));
        let places = 5 - largest.log10().floor() as i32;
        let rounded = if places > 0 {
            format!("{value:.*}", places as usize).parse::<f64>().unwrap_or(value)
        } else {
            let unit = 10f64.powi(-places);
            (value / unit).round() * unit
        };
        // Adding 0 turns -0 into 0.
        (rounded + 0.0).to_string()
    }

    /// The cell, in the file's own words, that these numbers stand for.
    pub fn decode(&self, numbers: &[f32]) -> String {
        match self.levels.is_empty() {
            true => self.shown(f64::from(numbers[0]) * f64::from(self.scale) + f64::from(self.shift)),
            false => {
                let largest = (0..numbers.len()).fold(0, |best, i| if numbers[i] > numbers[best] { i } else { best });
                self.levels[largest].clone()
            }
        }
    }
}

impl Encoding {
    /// The same, conditional on the columns that the schema names for that.
    ///
    /// # Errors
    /// A condition that is constant, or missing in a row.
    pub fn conditional(self, data: &Dataset, train: &[u32]) -> Result<Self> {
        let conditions = data.schema().conditions().into_iter().map(|column| {
            let cells = data.cells(&column.name);
            condition(data, column, cells, train)
        });
        Ok(Self { given: conditions.collect::<Result<_>>()?, ..self })
    }

    /// Numbers of `given`.
    pub fn given_width(&self) -> usize {
        self.given.iter().map(Condition::width).sum()
    }

    /// `given` of some rows, `[B, C]`; none for a model that is not conditional.
    ///
    /// # Errors
    /// A column that is not there, of another kind or with other words, or a missing cell.
    pub fn given(&self, data: &Dataset, rows: &[u32]) -> Result<Option<Vec<f32>>> {
        if self.given.is_empty() {
            return Ok(None);
        }
        let (width, mut at) = (self.given_width(), 0);
        let mut out = vec![0f32; rows.len() * width];
        for condition in &self.given {
            let cells = matching(data, condition)?;
            for (i, row) in rows.iter().enumerate() {
                let to = &mut out[i * width + at..][..condition.width()];
                match cells {
                    Cells::Levels(ids) if (ids[*row as usize] as usize) < to.len() => {
                        to[ids[*row as usize] as usize] = 1.0;
                    }
                    Cells::Numbers(values) if values[*row as usize].is_finite() => {
                        to[0] = (values[*row as usize] - condition.shift) / condition.scale;
                    }
                    _ => return Err(missing_condition(data, &condition.column, *row)),
                }
            }
            at += condition.width();
        }
        Ok(Some(out))
    }

    /// The conditions of rows `[B, C]` in the file's own words, a column each.
    pub fn words(&self, given: &[f32]) -> Vec<NameColumn> {
        let width = self.given_width().max(1);
        let mut at = 0;
        let mut columns = Vec::new();
        for condition in &self.given {
            let part = at..at + condition.width();
            let values = given.chunks(width).map(|row| condition.decode(&row[part.clone()])).collect();
            columns.push(NameColumn { name: condition.column.clone(), values });
            at += condition.width();
        }
        columns
    }
}

/// What a model is told of a column.
fn condition(data: &Dataset, column: &Column, cells: Option<&Cells>, train: &[u32]) -> Result<Condition> {
    let plain = Condition { column: column.name.clone(), levels: column.levels.clone(), shift: 0.0, scale: 1.0 };
    if column.levels.len() == 1 {
        return Err(constant(column, &column.levels[0]));
    }
    let Some(Cells::Numbers(values)) = cells else { return Ok(plain) };
    if let Some(row) = train.iter().find(|row| !values[**row as usize].is_finite()) {
        return Err(missing_condition(data, &column.name, *row));
    }
    let n = train.len() as f64;
    let value = |row: &u32| f64::from(values[*row as usize]);
    let mean = train.iter().map(value).sum::<f64>() / n;
    let spread = (train.iter().map(|row| (value(row) - mean).powi(2)).sum::<f64>() / n).sqrt();
    if spread <= 1e-6 * mean.abs() {
        return Err(constant(column, &mean.to_string()));
    }
    Ok(Condition { shift: mean as f32, scale: spread as f32, ..plain })
}

fn constant(column: &Column, value: &str) -> Error {
    Error::setting("condition", format!("'{}' is {value} in every training row; leave it out", column.name))
}

/// The cells that a condition is read from: the column of its name, else the classes where those were the condition.
fn matching<'a>(data: &'a Dataset, condition: &Condition) -> Result<&'a Cells> {
    let column = data.schema().beside().find(|c| c.name == condition.column && c.role != Role::Identifier);
    let column = column.or_else(|| data.schema().label().filter(|label| label.levels == condition.levels));
    let Some((column, cells)) = column.and_then(|column| Some((column, data.cells(&column.name)?))) else {
        let problem = format!("has no column '{}', on which this model is conditioned", condition.column);
        return Err(Error::data(&data.name, format!("{problem}; add it to the data")));
    };
    if column.levels.is_empty() != condition.levels.is_empty() {
        let (wanted, found) = match condition.levels.is_empty() {
            true => ("numbers".to_owned(), "words"),
            false => (format!("one of {}", few(&condition.levels)), "numbers"),
        };
        let problem = format!("column '{}': found {found}, expected {wanted}", column.name);
        return Err(Error::data(&data.name, problem));
    }
    if column.levels != condition.levels {
        return Err(other_level(data, column, cells, condition));
    }
    Ok(cells)
}

/// The first row of a word that the model was not trained on.
fn other_level(data: &Dataset, column: &Column, cells: &Cells, condition: &Condition) -> Error {
    let wanted = few(&condition.levels);
    let Cells::Levels(ids) = cells else { return missing_condition(data, &column.name, 0) };
    let known = |id: &u32| *id == MISSING || condition.levels.contains(&column.levels[*id as usize]);
    let problem = match ids.iter().position(|id| !known(id)) {
        Some(row) => {
            let (found, row) = (&column.levels[ids[row] as usize], data.name_of(row as u32));
            format!("{row}, column '{}': found '{found}', expected one of {wanted}", column.name)
        }
        None => format!("column '{}' has its values in another order than {wanted}", column.name),
    };
    Error::data(&data.name, format!("{problem}, on which this model was trained; remove such rows, or train anew"))
}

fn missing_condition(data: &Dataset, column: &str, row: u32) -> Error {
    let problem = format!("{}, column '{column}': missing, but the model is conditioned on it", data.name_of(row));
    Error::data(&data.name, format!("{problem}; fill it in or remove the row"))
}

/// Names in one line, however many.
pub(crate) fn few(names: &[String]) -> String {
    match names.len() {
        0..=20 => names.join(", "),
        n => format!("{}, .. ({n} of them)", names[..20].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn conditions_are_one_hot_or_standardised_and_read_back_in_the_words_of_the_file() {
        let site = Column::category("site", Role::Condition, vec!["north".into(), "south".into()]);
        let dose = Column { role: Role::Condition, ..Column::modelled("dose", Kind::Real) };
        let data =
            Dataset::from_rows("t", &["x"], vec![0.0; 3]).unwrap().with(site, Cells::Levels(vec![0, 1, 1])).unwrap();
        let data = data.with(dose, Cells::Numbers(vec![1.0, 3.0, 9.0])).unwrap();
        let encoding = Encoding::none().conditional(&data, &[0, 1]).unwrap();
        assert_eq!(encoding.given(&data, &[0, 1]).unwrap().unwrap(), [1.0, 0.0, -1.0, 0.0, 1.0, 1.0]);
        let words = encoding.words(&encoding.given(&data, &[2]).unwrap().unwrap());
        assert_eq!((words[0].values[0].as_str(), words[1].values[0].as_str()), ("south", "9"));
        assert!(encoding.given[0].encode("west").unwrap_err().contains("north, south"));
    }
}
