//! Csv tables of numbers, with columns of classes, conditions and names beside them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::{Error, Result, budget};

use super::readers::{Reader, extension, stem};
use super::records::Records;
use super::{AskedColumn, Cells, Column, Dataset, Kind, OpenOptions, Role, Rows, Schema, memory};

/// `.csv`
pub(super) const READER: Reader = Reader {
    name: "a csv table",
    reads: "numbers separated by commas, a column of classes, conditions and names of rows; .csv",
    settings: &["columns", "label_column", "condition", "id_column", "missing"],
    knows: |path| extension(path) == "csv",
    read: read_csv,
};

/// Reads a csv file whose modelled columns are all numbers.
///
/// The first row is a header when any of its cells is no number. `options` names the columns to read and those with
/// another role. An empty cell, `NA` and the like are missing values.
///
/// # Errors
/// Ragged rows, text in a numeric column (row, column and content are named), unknown columns, a file without rows.
pub fn read_csv(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut records = Records::open(path, &place)?;
    let Some(first) = records.next()? else {
        return Err(Error::data(&place, "is empty; expected rows of numbers"));
    };
    let first = first.clone();
    memory::ask_columns(&place, first.len())?;
    let gaps = Gaps(&options.missing);
    let has_header = first.iter().any(|cell| !is_number(cell) && !gaps.has(cell));
    let names: Vec<String> = if has_header {
        first.iter().map(str::to_owned).collect()
    } else {
        (0..first.len()).map(|i| format!("c{i}")).collect()
    };
    let layout = Layout::new(&place, &names, options)?;

    let mut values = Vec::new();
    let mut unseen: Vec<&String> = options.missing.iter().collect();
    let mut words: Vec<Vec<String>> = vec![Vec::new(); layout.beside.len()];
    let (mut kept, mut held) = ((!has_header).then_some(first), 0u64);
    for i in 0.. {
        let line = i + 1 + usize::from(has_header);
        let record = match kept.take() {
            Some(first) => first,
            None => match records.next()? {
                Some(record) => record.clone(),
                None => break,
            },
        };
        // The reader passes over empty lines, and in a table of one column each is a row.
        if let (1, Some(line)) = (names.len(), records.skipped()) {
            let problem = format!("line {line} is empty; write NA for a missing value, or remove it");
            return Err(Error::data(&place, problem));
        }
        held += 4 * layout.modelled.len() as u64;
        held += layout.beside.iter().map(|(column, _)| 24 + record[*column].len() as u64).sum::<u64>();
        budget::ask(&place, &format!("its first {} rows", i + 1), held)?;
        unseen.retain(|word| !record.iter().any(|cell| Gaps::same(word, cell)));
        for &column in &layout.modelled {
            values.push(number(&record[column], &gaps, !options.columns_are_fixed).map_err(|problem| {
                Error::data(&place, format!("line {line}, column '{}': {problem}", names[column]))
            })?);
        }
        layout.beside.iter().zip(&mut words).for_each(|((column, _), to)| to.push(record[*column].to_owned()));
    }
    let rows = Rows::F32(values);
    let kinds = rows.kinds(layout.modelled.len());
    let modelled = layout.modelled.iter().zip(kinds).map(|(&i, kind)| Column::modelled(&names[i], kind)).collect();
    let named = |e: Error| e.at(&place);
    let mut data =
        Dataset::new(stem(path, "table"), Schema { pixels: None, columns: modelled }, rows).map_err(named)?;
    for ((column, asked), words) in layout.beside.iter().zip(words) {
        let (column, cells) = beside(&names[*column], asked, words, &gaps).map_err(|(row, problem)| {
            let line = row + 1 + usize::from(has_header);
            Error::data(&place, format!("line {line}, column '{}': {problem}", names[*column]))
        })?;
        data = data.with(column, cells).map_err(named)?;
    }
    for word in unseen {
        data.note(format!("the word '{word}' for a missing value stands in no cell; see --missing"));
    }
    Ok(data)
}

/// Which columns are modelled, and which stand beside them for what.
struct Layout<'a> {
    modelled: Vec<usize>,
    beside: Vec<(usize, &'a AskedColumn)>,
}

impl<'a> Layout<'a> {
    fn new(place: &str, names: &[String], options: &'a OpenOptions) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::data(place, format!("two columns are named '{twice}'; rename one")));
        }
        let places: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
        let find = |name: &str, key: &str| -> Result<usize> {
            places.get(name).copied().ok_or_else(|| {
                let nearest = crate::nearest(name, names.iter().map(String::as_str));
                let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
                let has = super::few(names);
                Error::setting(key, format!("'{name}' is no column of {place}; it has {has}{hint}"))
            })
        };
        let mut beside: Vec<(usize, &AskedColumn)> = Vec::new();
        let there = |asked: &&AskedColumn| !asked.if_there || places.contains_key(asked.name.as_str());
        for asked in options.roles.iter().filter(there) {
            let (name, key) = (&asked.name, key_of(asked.role));
            if options.columns.contains(name) {
                let problem = match options.columns_are_fixed {
                    true => "is a column that the model has; name another",
                    false => "is among --columns as well; leave it out of one of them",
                };
                return Err(Error::setting(key, format!("'{name}' {problem}")));
            }
            let column = find(name, key)?;
            if beside.iter().any(|(known, _)| *known == column) {
                return Err(Error::setting(key, format!("'{name}' has another role already; name each column once")));
            }
            beside.push((column, asked));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = options.columns.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::setting("columns", format!("'{twice}' is named twice; name each column once")));
        }
        let modelled: Vec<usize> = if options.columns.is_empty() {
            (0..names.len()).filter(|i| !beside.iter().any(|(column, _)| column == i)).collect()
        } else {
            options.columns.iter().map(|name| find(name, "columns")).collect::<Result<_>>()?
        };
        if modelled.is_empty() {
            return Err(Error::data(place, "has no column left to model besides those with another role"));
        }
        Ok(Self { modelled, beside })
    }
}

/// The setting that gives a role.
fn key_of(role: Role) -> &'static str {
    match role {
        Role::Modelled => "columns",
        Role::Condition => "condition",
        Role::Label => "label_column",
        Role::Identifier => "id_column",
    }
}

/// A column that is not modelled, from its words; else the first row that it cannot be of, and why.
fn beside(
    name: &str,
    asked: &AskedColumn,
    words: Vec<String>,
    gaps: &Gaps<'_>,
) -> Result<(Column, Cells), (usize, String)> {
    let role = asked.role;
    let kind = match (role, asked.kind) {
        (Role::Identifier, _) => Kind::Text,
        (Role::Label, None) => Kind::Category,
        (_, Some(kind)) => kind,
        (_, None) if words.iter().all(|w| gaps.has(w) || is_number(w)) => Kind::Real,
        (_, None) => Kind::Category,
    };
    match kind {
        Kind::Text => {
            let column = Column { name: name.to_owned(), kind, role, levels: Vec::new() };
            Ok((column, Cells::Text(words)))
        }
        Kind::Category => {
            if let (Role::Label, Some(row)) = (role, words.iter().position(|word| gaps.has(word))) {
                let advice = "fill it in, remove the row, or train without --label-column";
                return Err((row, format!("found '{}', a missing class; {advice}", words[row])));
            }
            let levels = in_order(words.iter().filter(|word| !gaps.has(word)).cloned().collect());
            let places: HashMap<&String, u32> = levels.iter().zip(0..).collect();
            let ids = words.iter().map(|word| places.get(word).copied().unwrap_or(super::MISSING)).collect();
            Ok((Column::category(name, role, levels), Cells::Levels(ids)))
        }
        Kind::Binary | Kind::Byte | Kind::Real => {
            let value = |(row, word): (usize, &String)| number(word, gaps, false).map_err(|problem| (row, problem));
            let numbers = words.iter().enumerate().map(value).collect::<Result<_, _>>()?;
            Ok((Column { role, ..Column::modelled(name, Kind::Real) }, Cells::Numbers(numbers)))
        }
    }
}

/// The words that occur, in alphabetical order, or by value where all are whole numbers.
pub(super) fn in_order(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    if words.iter().all(|word| word.parse::<i64>().is_ok()) {
        words.sort_by_key(|word| word.parse::<i64>().unwrap_or_default());
    }
    words
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

/// Words that stand for a missing value.
pub(super) struct Gaps<'a>(pub &'a [String]);

impl Gaps<'_> {
    /// True for a word that says that nothing is known.
    pub fn has(&self, cell: &str) -> bool {
        let usual = ["", "na", "n/a", "nan", "null", "none", "?"];
        usual.iter().any(|gap| cell.eq_ignore_ascii_case(gap)) || self.0.iter().any(|gap| Self::same(gap, cell))
    }

    /// True for a cell that is the word, or the same number.
    fn same(gap: &str, cell: &str) -> bool {
        let number = |text: &str| text.parse::<f64>().ok();
        gap == cell || number(gap).is_some_and(|gap| number(cell) == Some(gap))
    }
}

/// A NaN for a missing value; `choosable` where other columns could be read.
fn number(cell: &str, gaps: &Gaps<'_>, choosable: bool) -> Result<f32, String> {
    if gaps.has(cell) {
        return Ok(f32::NAN);
    }
    match cell.parse::<f64>() {
        Ok(v) if (v as f32).is_finite() => Ok(v as f32),
        Ok(_) => Err(format!("found {cell}, expected a finite 32-bit number; remove or rescale it")),
        Err(_) => {
            let advice = match choosable {
                true => {
                    "; name its word with --missing if it stands for a missing value, leave the column out with \
                         --columns, or name it with --label-column"
                }
                false => "",
            };
            Err(format!("found '{cell}', expected a number{advice}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write_csv;
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
            roles: AskedColumn::by_settings(Some(&"kind".into()), &[], None),
            ..Default::default()
        };
        let data = read("x,kind,y\n1,b,2\n3,a,4\n", options).unwrap();
        assert_eq!(data.rows(), &Rows::F32(vec![2.0, 1.0, 4.0, 3.0]));
        let labels = data.labels().unwrap();
        assert_eq!((labels.ids, labels.names), (&[1u32, 0][..], &["a".to_owned(), "b".to_owned()][..]));
    }

    #[test]
    fn gaps_of_every_spelling_are_missing_values() {
        let words = || OpenOptions { missing: vec!["-99".into()], ..Default::default() };
        let read = |text| read(text, words()).unwrap();
        let data = read("a,b\n1,\n3,NA\n5,NaN\n-99,7\n");
        assert_eq!((data.missing(), data.schema().value_kind()), (4, Kind::Real));
        assert_eq!(data.fingerprint(), read("a,b\n1,nan\n3,?\n5,\nnull,7\n").fingerprint());
    }

    #[test]
    fn conditions_are_numbers_or_words_and_names_are_kept() {
        let options = || OpenOptions {
            roles: AskedColumn::by_settings(None, &["dose".into(), "site".into()], Some(&"id".into())),
            ..Default::default()
        };
        let data = read("id,x,dose,site\nr1,1,0.5,b\nr2,2,,a\n", options()).unwrap();
        assert!(matches!(data.cells("dose"), Some(Cells::Numbers(v)) if v[0] == 0.5 && v[1].is_nan()));
        assert_eq!(data.cells("site"), Some(&Cells::Levels(vec![1, 0])));
        assert_eq!(data.row_names().unwrap().1, ["r1", "r2"]);
        assert_eq!(data.schema().modelled_names(), ["x"]);
        let error = read("a,b\n1,2\n", options()).unwrap_err().to_string();
        assert!(error.contains("'dose'") && error.contains("a, b"), "{error}");
    }

    #[test]
    fn a_table_without_header_keeps_its_first_row() {
        assert_eq!(read("1,2\n3,4\n", OpenOptions::default()).unwrap().len(), 2);
    }

    #[test]
    fn bad_cells_and_ragged_rows_are_named() {
        for (text, words) in [
            ("a,b\n1,2\n3,x\n", ["line 3", "'b'", "'x'"]),
            ("a,b\n1,2\n3\n", ["line 3", "1 cells", "2"]),
            ("a,b\n1,nought\n", ["line 2", "'b'", "--missing"]),
            ("a,\"b\n1,2\n", ["quote", "line 1", "not closed"]),
            ("a,b\n1,\"2\"\n3,\"4\n5,6\n", ["quote", "line 3", "not closed"]),
            ("a,b\n1,inf\n", ["line 2", "'b'", "finite"]),
            ("a,b\n1,1e300\n", ["line 2", "'b'", "finite"]),
        ] {
            let error = read(text, OpenOptions::default()).unwrap_err().to_string();
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
    }

    #[test]
    fn a_missing_class_and_an_empty_line_of_one_column_are_refused_by_row() {
        let roles = AskedColumn::by_settings(Some(&"kind".into()), &[], None);
        let error = read("x,kind\n1,a\n2,\n", OpenOptions { roles, ..Default::default() }).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("missing class"), "{error}");
        for (text, line) in [
            ("x\n1\n\n3\n", 3),
            ("x\n1\n\n3", 3),
            ("x\r\n1\r\n\r\n3\r\n", 3),
            ("\r\nx\r\n1\r\n", 1),
            ("x\n1\n  \n\n3\n", 3),
        ] {
            let error = read(text, OpenOptions::default()).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line} is empty")), "{text:?}: {error}");
        }
        assert_eq!(read("x\n1\n3\n\n", OpenOptions::default()).unwrap().len(), 2);
    }

    #[test]
    fn a_column_is_of_the_kind_that_a_model_knows_it_by() {
        let asked = |kind| AskedColumn { name: "site".into(), role: Role::Condition, kind: Some(kind), if_there: true };
        let read = |kind| read("x,site\n1,01\n2,1\n", OpenOptions { roles: vec![asked(kind)], ..Default::default() });
        assert_eq!(read(Kind::Category).unwrap().schema().columns[1].levels, ["01", "1"]);
        assert!(matches!(read(Kind::Real).unwrap().cells("site"), Some(Cells::Numbers(v)) if *v == [1.0, 1.0]));
    }

    #[test]
    fn levels_are_compared_as_they_are_written() {
        let roles = AskedColumn::by_settings(Some(&"kind".into()), &[], None);
        let data = read("x,kind\n1,1\n2,01\n3,2\n4,1\n", OpenOptions { roles, ..Default::default() }).unwrap();
        let labels = data.labels().unwrap();
        let named: Vec<&str> = labels.ids.iter().map(|id| labels.names[*id as usize].as_str()).collect();
        assert_eq!((named, labels.names.len()), (vec!["1", "01", "2", "1"], 3));
    }

    #[test]
    fn a_sentinel_is_found_however_it_is_written() {
        let options = OpenOptions { missing: vec!["-99".into()], ..Default::default() };
        assert_eq!(read("a,b\n-99.0,2\n1,-99\n", options).unwrap().missing(), 2);
    }

    #[test]
    fn empty_files_and_headers_alone_are_refused() {
        assert!(read("", OpenOptions::default()).is_err());
        assert!(read("a,b\n", OpenOptions::default()).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        write_csv(&mut out, None, &["a".into(), "b".into()], &[1.5, -2.0, 3.0, 1e-7], &[]).unwrap();
        let data = read(std::str::from_utf8(&out).unwrap(), OpenOptions::default()).unwrap();
        assert_eq!(data.rows(), &Rows::F32(vec![1.5, -2.0, 3.0, 1e-7]));
    }
}
