//! Rows under a schema.

use crate::{Error, Result, budget};

use super::{Cells, Column, Factors, Finding, Labels, MISSING, Role, Rows, Schema, Texts, fingerprint};

/// Values that a row may have.
pub(crate) const MAX_WIDTH: usize = 1 << 26;

/// Rows and their description.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// A short name for folders and messages.
    pub name: String,
    /// The causes that a built-in set was made from.
    pub factors: Option<Factors>,
    /// Rows from this one on are the test part that the set itself brings.
    pub test_from: Option<usize>,
    schema: Schema,
    rows: Rows,
    /// Of each column beside the modelled ones, in the order of the schema.
    beside: Vec<Cells>,
    width: usize,
    missing: usize,
    opened: bool,
    notes: Vec<String>,
    findings: Vec<Finding>,
}

impl Dataset {
    /// Puts rows `[N, width]` under a schema of modelled columns. A NaN is a missing value.
    ///
    /// # Errors
    /// Zero rows, a buffer that is no whole number of rows, or an infinity (named by row and column).
    pub fn new(name: impl Into<String>, schema: Schema, rows: Rows) -> Result<Self> {
        let name = name.into();
        let len = rows.len();
        let width = match schema.checked_width() {
            Some(width @ 1..=MAX_WIDTH) if len > 0 => width,
            Some(0..=MAX_WIDTH) => return Err(Error::data(&name, "holds no rows; at least one is needed")),
            _ => return Err(Error::data(&name, format!("has rows of more than {MAX_WIDTH} values"))),
        };
        if !len.is_multiple_of(width) {
            return Err(Error::data(&name, format!("{len} values are no whole number of rows of {width}")));
        }
        let mut missing = 0;
        if let Rows::Stored(values) = &rows {
            missing = values.missing();
        }
        if let Rows::F32(values) = &rows {
            missing = values.iter().filter(|v| v.is_nan()).count();
            if let Some(at) = values.iter().position(|v| v.is_infinite()) {
                let (row, column, found) = (at / width, schema.value_name(at % width), values[at]);
                let problem =
                    format!("row {row}, {column}: found {found}, expected a finite number; remove or fill it");
                return Err(Error::data(&name, problem));
            }
        }
        if missing == len {
            return Err(Error::data(&name, "has no known value; every cell is missing"));
        }
        if schema.beside().next().is_some() {
            return Err(Error::data(&name, "has columns beside the modelled ones; add them by `with`"));
        }
        Ok(Self {
            name,
            factors: None,
            test_from: None,
            schema,
            rows,
            beside: Vec::new(),
            width,
            missing,
            opened: false,
            notes: Vec::new(),
            findings: Vec::new(),
        })
    }

    /// The same with a column that is not modelled.
    ///
    /// # Errors
    /// Another number of cells than rows, a modelled column, a name that is there, or a cell that is no level.
    pub fn with(mut self, column: Column, cells: Cells) -> Result<Self> {
        let fail = |problem: String| Err(Error::data(&self.name, format!("column '{}': {problem}", column.name)));
        if cells.len() != self.len() {
            return fail(format!("{} cells for {} rows; the counts must be equal", cells.len(), self.len()));
        }
        if column.role == Role::Modelled {
            return fail("modelled columns are part of the rows".into());
        }
        if self.schema.columns.iter().any(|known| known.name == column.name) {
            return fail("another column has that name; rename one".into());
        }
        let levels = column.levels.len();
        let odd = match &cells {
            Cells::Levels(ids) => ids.iter().position(|id| *id != MISSING && *id as usize >= levels),
            Cells::Numbers(values) => values.iter().position(|v| v.is_infinite()),
            Cells::Text(_) => None,
        };
        if let Some(row) = odd {
            let expected = if levels > 0 { "one of its levels" } else { "a finite 32-bit number" };
            return fail(format!("row {row}: expected {expected}; remove or rescale it"));
        }
        self.schema.columns.push(column);
        self.beside.push(cells);
        Ok(self)
    }

    /// The same with a class for each row, an index into `names`.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn labelled(self, column: &str, ids: Vec<u32>, names: Vec<String>) -> Result<Self> {
        self.with(Column::category(column, Role::Label, names), Cells::Levels(ids))
    }

    /// Marks modelled values as missing where `known` `[N, width]` is false.
    ///
    /// # Errors
    /// Another number of values, or none that is known.
    pub fn masked(self, known: &[bool]) -> Result<Self> {
        if known.len() != self.rows.len() {
            let problem = format!("a mask of {} values for {}; the counts must be equal", known.len(), self.rows.len());
            return Err(Error::data(&self.name, problem));
        }
        if known.iter().all(|known| *known) {
            return Ok(self);
        }
        let values: Vec<f32> = match self.rows {
            Rows::U8(bytes) => bytes.into_iter().map(f32::from).collect(),
            Rows::F32(values) => values,
            Rows::Stored(stored) => {
                budget::ask(&self.name, "its rows with some values hidden", 4 * stored.len() as u64)?;
                let mut values = vec![0.0; stored.len()];
                stored.read(0, &mut values)?;
                values
            }
        };
        let values: Vec<f32> = values.iter().zip(known).map(|(v, known)| if *known { *v } else { f32::NAN }).collect();
        let missing = values.iter().filter(|v| v.is_nan()).count();
        if missing == values.len() {
            return Err(Error::data(&self.name, "has no known value; every cell is missing"));
        }
        Ok(Self { rows: Rows::F32(values), missing, ..self })
    }

    /// What a row is.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The same, marked as read from the place that a person named.
    pub(crate) fn opened(self) -> Self {
        Self { opened: true, ..self }
    }

    /// True for rows of a place that can be opened again, false for rows that were put together in memory.
    pub(crate) fn is_opened(&self) -> bool {
        self.opened
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Never true: a data set without rows cannot be made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Modelled values of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The modelled values.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Number of modelled values that are missing.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// True where a modelled value is missing.
    pub fn has_missing(&self) -> bool {
        self.missing > 0
    }

    /// The cells of a column that is not modelled.
    pub fn cells(&self, column: &str) -> Option<&Cells> {
        let place = self.schema.beside().position(|c| c.name == column)?;
        self.beside.get(place)
    }

    /// The classes of the rows.
    pub fn labels(&self) -> Option<Labels<'_>> {
        let label = self.schema.label()?;
        match self.cells(&label.name)? {
            // Classes that nobody gave are no classes.
            Cells::Levels(ids) if ids.iter().any(|id| *id != MISSING) => Some(Labels { ids, names: &label.levels }),
            _ => None,
        }
    }

    /// What rows are called, where a column says so: its name, and its cells.
    pub fn row_names(&self) -> Option<(&str, &Texts)> {
        let column = self.schema.columns.iter().find(|c| c.role == Role::Identifier)?;
        match self.cells(&column.name)? {
            Cells::Text(names) => Some((&column.name, names)),
            _ => None,
        }
    }

    /// What a message calls a row: its name, else its number, counted from 0.
    pub fn name_of(&self, row: u32) -> String {
        let name = self.row_names().and_then(|(_, names)| names.get(row as usize).ok());
        name.unwrap_or_else(|| format!("row {row}"))
    }

    /// Renumbers categories to match `known`, if all of them occur there.
    pub fn number_as(&mut self, known: &Schema) {
        for (column, cells) in self.schema.columns.iter_mut().filter(|c| c.role != Role::Modelled).zip(&mut self.beside)
        {
            let same = known.beside().find(|k| k.name == column.name);
            let same = same.or_else(|| known.label().filter(|_| column.role == Role::Label));
            let (Some(same), Cells::Levels(ids)) = (same, cells) else { continue };
            let place = |level: &String| same.levels.iter().position(|k| k == level).map(|i| i as u32);
            let Some(to) = column.levels.iter().map(place).collect::<Option<Vec<u32>>>() else { continue };
            ids.iter_mut().filter(|id| **id != MISSING).for_each(|id| *id = to[*id as usize]);
            column.levels.clone_from(&same.levels);
        }
    }

    /// What the reader of the data has to say of it, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What is known of each column of the file that a table was read from, in its order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(super) fn describe(&mut self, findings: Vec<Finding>) {
        self.findings = findings;
    }

    /// Adds a line to [`notes`](Self::notes).
    pub(crate) fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// A checksum of the modelled values alone.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn fingerprint_of_values(&self) -> Result<String> {
        fingerprint::of_values(self)
    }

    /// A checksum of all that a model may look at, which ties a run to its data.
    ///
    /// # Errors
    /// Rows on disk that cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        Ok(fingerprint::with_beside(&fingerprint::of_values(self)?, self, &self.schema)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn table(width: usize, values: Vec<f32>) -> Result<Dataset> {
        Dataset::new("t", Schema::table((0..width).map(|i| format!("c{i}")), Kind::Real), Rows::F32(values))
    }

    #[test]
    fn an_infinity_is_named_by_row_and_column_and_a_nan_is_missing() {
        let error = table(2, vec![1.0, 2.0, 3.0, f32::INFINITY]).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("c1"), "{error}");
        assert_eq!(table(2, vec![1.0, 2.0, 3.0, f32::NAN]).unwrap().missing(), 1);
        assert!(table(1, vec![f32::NAN]).is_err());
    }

    #[test]
    fn zero_rows_and_ragged_buffers_are_refused() {
        assert!(table(2, vec![]).is_err());
        assert!(table(2, vec![1.0, 2.0, 3.0]).is_err());
    }

    #[test]
    fn columns_beside_have_a_cell_a_row_and_a_name_of_their_own() {
        let names = || vec!["x".to_owned(), "y".to_owned()];
        let data = || table(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!(data().labelled("kind", vec![0, 1, 1], names()).is_err());
        assert!(data().labelled("c1", vec![0, 1], names()).is_err());
        assert!(data().labelled("kind", vec![0, 2], names()).is_err());
        let mut data = data().labelled("kind", vec![1, 0], names()).unwrap();
        let mut known = data.schema().clone();
        known.columns[2].levels = vec!["z".into(), "y".into(), "x".into()];
        data.number_as(&known);
        let labels = data.labels().unwrap();
        assert_eq!((labels.ids, labels.names[1].as_str()), (&[1u32, 2][..], "y"));
    }
}
