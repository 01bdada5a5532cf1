//! Numeric csv tables.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use crate::{Error, Result, error};

use super::{DataSpec, Dataset, Labels, OpenOptions, Rows, Shape};

/// Reads a csv file whose chosen columns are all numbers.
///
/// The first row is a header when any of its cells is no number. `options`
/// names the columns to read and the one that holds classes.
///
/// # Errors
/// Ragged rows, text or a gap in a numeric column (row, column and content
/// are named), unknown columns, and a file without rows.
pub fn read_csv(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(error::open(path)?);
    let mut records = reader.records();
    let Some(first) = records.next() else {
        return Err(Error::data(&place, "is empty; expected rows of numbers"));
    };
    let first = first.map_err(|e| Error::data(&place, describe(&e)))?;
    let has_header = first.iter().any(|cell| !is_number(cell) && !is_gap(cell));
    let names: Vec<String> = if has_header {
        first.iter().map(str::to_owned).collect()
    } else {
        (0..first.len()).map(|i| format!("c{i}")).collect()
    };

    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(Error::data(&place, format!("two columns are named '{}'; rename one", twice.1)));
    }
    let find = |name: &str, key: &str| -> Result<usize> {
        names.iter().position(|n| n == name).ok_or_else(|| {
            Error::setting(key, format!("'{name}' is no column of {place}; it has {}", names.join(", ")))
        })
    };
    if let Some(twice) = options.columns.iter().enumerate().find(|(i, name)| options.columns[..*i].contains(name)) {
        return Err(Error::setting("columns", format!("'{}' is named twice; name each column once", twice.1)));
    }
    if let Some(label) = options.label_column.as_ref().filter(|label| options.columns.contains(label)) {
        let problem = match options.columns_are_fixed {
            true => "is a column that the model has; name another",
            false => "is among --columns as well; leave it out of one of them",
        };
        return Err(Error::setting("label_column", format!("'{label}' {problem}")));
    }
    let asked = options.label_column.as_deref();
    let label = asked.filter(|name| !options.label_if_there || names.iter().any(|n| n == name));
    let label = label.map(|name| find(name, "label-column")).transpose()?;
    let chosen: Vec<usize> = if options.columns.is_empty() {
        (0..names.len()).filter(|i| Some(*i) != label).collect()
    } else {
        options.columns.iter().map(|name| find(name, "columns")).collect::<Result<_>>()?
    };
    if chosen.is_empty() {
        return Err(Error::data(&place, "has no column left to model besides the label column"));
    }

    let mut values = Vec::new();
    let mut classes = Vec::new();
    let kept = if has_header { None } else { Some(Ok(first)) };
    for (i, record) in kept.into_iter().chain(records).enumerate() {
        let record = record.map_err(|e| Error::data(&place, describe(&e)))?;
        let row = i + 1 + usize::from(has_header);
        for &column in &chosen {
            values.push(
                number(&record[column], !options.columns_are_fixed).map_err(|problem| {
                    Error::data(&place, format!("row {row}, column '{}': {problem}", names[column]))
                })?,
            );
        }
        classes.extend(label.map(|l| record[l].to_owned()));
    }
    let columns = chosen.iter().map(|&i| names[i].clone()).collect();
    let rows = Rows::F32(values);
    let kind = rows.kind();
    let name = path.file_stem().map_or_else(|| "table".into(), |s| s.to_string_lossy().into_owned());
    let labels = label.map(|_| number_classes(&classes));
    Dataset::new(name, DataSpec { shape: Shape::Table { columns }, kind }, rows, labels)
        .map_err(|e| Error::data(&place, e.to_string()))
}

/// Classes in alphabetical order, or by value where all are whole numbers.
fn number_classes(classes: &[String]) -> Labels {
    let mut names = classes.to_vec();
    match classes.iter().all(|c| c.parse::<i64>().is_ok()) {
        true => names.sort_by_key(|c| c.parse::<i64>().unwrap_or_default()),
        false => names.sort(),
    }
    names.dedup();
    let places: HashMap<&String, u32> = names.iter().zip(0..).collect();
    Labels { ids: classes.iter().map(|c| places[c]).collect(), names }
}

fn describe(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let row = pos.as_ref().map_or(0, csv::Position::line);
            format!("row {row} has {len} cells, the rows before it {expected_len}; every row needs the same number")
        }
        _ => format!("is not a readable csv table: {e}"),
    }
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

fn is_gap(cell: &str) -> bool {
    matches!(cell.to_ascii_lowercase().as_str(), "" | "na" | "n/a" | "null" | "none" | "?")
}

/// `choosable` where other columns could be read.
fn number(cell: &str, choosable: bool) -> Result<f32, String> {
    let otherwise = |advice: &'static str| if choosable { advice } else { "" };
    if is_gap(cell) {
        let advice = otherwise(" or choose other columns with --columns");
        return Err(format!("found '{cell}', a missing value, expected a number; remove the row{advice}"));
    }
    match cell.parse::<f64>() {
        Ok(v) if (v as f32).is_finite() => Ok(v as f32),
        Ok(_) => Err(format!("found {cell}, expected a finite 32-bit number; remove or rescale it")),
        Err(_) => {
            let advice = otherwise("; leave the column out with --columns, or name it with --label-column");
            Err(format!("found '{cell}', expected a number{advice}"))
        }
    }
}

/// A column of names, such as classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameColumn {
    pub name: String,
    /// One for each row.
    pub values: Vec<String>,
}

/// Writes numbers under a header, one row a line, and `last` beside them.
///
/// # Errors
/// Whatever the writer says.
pub fn write_csv(
    out: &mut dyn Write,
    columns: &[String],
    values: &[f32],
    last: Option<&NameColumn>,
) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().chain(last.map(|column| &column.name)))?;
    for (i, row) in values.chunks(columns.len().max(1)).enumerate() {
        let name = last.and_then(|column| column.values.get(i).cloned());
        writer.write_record(row.iter().map(f32::to_string).chain(name))?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, options: OpenOptions) -> Result<Dataset> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_csv(file.path(), &options)
    }

    #[test]
    fn header_labels_and_chosen_columns_are_understood() {
        let options = OpenOptions {
            columns: vec!["y".into(), "x".into()],
            label_column: Some("kind".into()),
            ..Default::default()
        };
        let data = read("x,kind,y\n1,b,2\n3,a,4\n", options).unwrap();
        assert_eq!(data.rows(), &Rows::F32(vec![2.0, 1.0, 4.0, 3.0]));
        let labels = data.labels.unwrap();
        assert_eq!((labels.ids, labels.names), (vec![1, 0], vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_table_without_header_keeps_its_first_row() {
        assert_eq!(read("1,2\n3,4\n", OpenOptions::default()).unwrap().len(), 2);
    }

    #[test]
    fn bad_cells_and_ragged_rows_are_named() {
        for (text, words) in [
            ("a,b\n1,2\n3,x\n", ["row 3", "'b'", "'x'"]),
            ("a,b\n1,2\n3\n", ["row 3", "1 cells", "2"]),
            ("a,b\n1,NA\n", ["row 2", "'b'", "missing"]),
            ("a,b\n1,inf\n", ["row 2", "'b'", "finite"]),
            ("a,b\n1,1e300\n", ["row 2", "'b'", "finite"]),
        ] {
            let error = read(text, OpenOptions::default()).unwrap_err().to_string();
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
    }

    #[test]
    fn empty_files_and_headers_alone_are_refused() {
        assert!(read("", OpenOptions::default()).is_err());
        assert!(read("a,b\n", OpenOptions::default()).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        write_csv(&mut out, &["a".into(), "b".into()], &[1.5, -2.0, 3.0, 1e-7], None).unwrap();
        let data = read(std::str::from_utf8(&out).unwrap(), OpenOptions::default()).unwrap();
        assert_eq!(data.rows(), &Rows::F32(vec![1.5, -2.0, 3.0, 1e-7]));
    }
}
