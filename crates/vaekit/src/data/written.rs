//! Numbers and names written as csv.

use std::io::Write;

/// A column of names, such as classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameColumn {
    /// The name in the header.
    pub name: String,
    /// One for each row.
    pub values: Vec<String>,
}

/// Writes numbers under a header, one row a line, with what rows are called before them and other columns after them.
///
/// # Errors
/// Whatever the writer says.
pub fn write_csv(
    out: &mut dyn Write,
    name: Option<&NameColumn>,
    columns: &[String],
    values: &[f32],
    beside: &[NameColumn],
) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(&mut *out);
    let header = name.map(|column| &column.name).into_iter().chain(columns);
    writer.write_record(header.chain(beside.iter().map(|column| &column.name)))?;
    writer.flush()?;
    drop(writer);
    write_csv_rows(out, name, columns.len(), values, beside)
}

/// The rows of [`write_csv`] without the header, `width` numbers each.
///
/// # Errors
/// Whatever the writer says.
pub fn write_csv_rows(
    out: &mut dyn Write,
    name: Option<&NameColumn>,
    width: usize,
    values: &[f32],
    beside: &[NameColumn],
) -> std::io::Result<()> {
    write_csv_cells(out, name, width, values, beside, &|_, value| value.to_string())
}

/// The same with words for the numbers of each column.
///
/// # Errors
/// Whatever the writer says.
pub(crate) fn write_csv_cells(
    out: &mut dyn Write,
    name: Option<&NameColumn>,
    width: usize,
    values: &[f32],
    beside: &[NameColumn],
    word: &dyn Fn(usize, f32) -> String,
) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for (i, row) in values.chunks(width.max(1)).enumerate() {
        let cell = |column: &NameColumn| column.values.get(i).cloned().unwrap_or_default();
        let numbers = row.iter().enumerate().map(|(column, value)| word(column, *value));
        writer.write_record(name.map(cell).into_iter().chain(numbers).chain(beside.iter().map(cell)))?;
    }
    writer.flush()
}
