//! Delimited text: csv and its relatives.

use std::path::{Path, PathBuf};

use encoding_rs::UTF_8;

use crate::{Error, Result};

use super::super::OpenOptions;
use super::records::Records;
use super::source::{Cell, Each, Source};
use super::text::{self, Form};
use super::{Gaps, memory};

/// A file of delimited text, after a look at its beginning.
pub(crate) struct Delimited {
    path: PathBuf,
    place: String,
    names: Vec<String>,
    form: Form,
    /// The mark before the decimals of a number.
    decimal: char,
    has_header: bool,
    gaps: Gaps,
    notes: Vec<String>,
}

/// Records that are looked at before the file is read.
const SAMPLE: usize = 1000;

/// What may stand between cells, and what a message calls it. A comma comes last: it may belong to numbers.
const SEPARATORS: &[(u8, &str)] = &[(b'\t', "tabs"), (b';', "semicolons"), (b'|', "bars"), (b',', "commas")];

impl Delimited {
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let place = path.display().to_string();
        if let Some(kind) = no_text(path) {
            return Err(Error::data(
                &place,
                format!("is {kind}, not text; give it its own ending, or export it as csv"),
            ));
        }
        let (head, whole, encoding) = text::head(path)?;
        let mut notes = Vec::new();
        if encoding != UTF_8 {
            notes.push(format!("the text is read as {}", encoding.name()));
        }
        let separator = match options.separator {
            Some(separator) => separator,
            None => separator_of(&head, whole),
        };
        let name = path.to_string_lossy().to_lowercase();
        let usual = if name.trim_end_matches(".gz").ends_with(".tsv") { b'\t' } else { b',' };
        if options.separator.is_none() && separator != usual {
            let by = SEPARATORS.iter().find(|(known, _)| *known == separator).map_or("?", |(_, name)| name);
            notes.push(format!("columns are separated by {by}; --separator names another sign"));
        }
        let form = Form { separator, encoding };
        let sample = sample(path, &place, &form)?;
        let Some(first) = sample.first() else {
            return Err(Error::data(&place, "is empty; expected rows of a table"));
        };
        memory::ask_columns(&place, first.len())?;
        let gaps = Gaps::new(&options.missing);
        let decimal = match options.decimal {
            Some(decimal) => decimal,
            None => decimal_of(&sample, separator, &gaps),
        };
        if decimal == ',' && options.decimal.is_none() {
            notes.push("numbers are read with decimal commas; --decimal . for the other way".into());
        }
        let number = |word: &str| number(word, decimal);
        if options.decimal.is_none() && separator == b',' && is_torn(&sample) {
            let problem = "every line could be one number with a decimal comma, or two columns";
            return Err(Error::data(&place, format!("{problem}; say --decimal , or --decimal .")));
        }
        let known = options.schema.as_ref().filter(|schema| !schema.is_image());
        let (has_header, assumed) = match (options.header, known) {
            (Some(given), _) => (given, None),
            // A row with a name that the model knows.
            (None, Some(schema)) => (
                schema.columns.iter().any(|column| first.iter().any(|name| name.eq_ignore_ascii_case(&column.name))),
                None,
            ),
            (None, None) => match header_of(&sample, &gaps, number) {
                (false, None) => (false, Some("no header is found: columns are called c0, c1 and so on")),
                found => found,
            },
        };
        notes.extend(assumed.map(|what| format!("{what}; say --header yes or --header no")));
        let names = match has_header {
            true => first.clone(),
            false => (0..first.len()).map(|i| format!("c{i}")).collect(),
        };
        Ok(Self { path: path.to_path_buf(), place, names, form, decimal, has_header, gaps, notes })
    }

    /// The line of a row, which empty lines and cells of several lines move on: found by reading the file again.
    fn line(&self, row: u64) -> Option<u64> {
        let mut records = Records::open(&self.path, &self.place, &self.form).ok()?;
        for _ in 0..row + u64::from(self.has_header) {
            records.next().ok()??;
        }
        records.next().ok()??;
        records.line()
    }

    /// The names of the columns as the file has them; none without a header.
    pub fn header(&self) -> Option<&[String]> {
        self.has_header.then_some(self.names.as_slice())
    }
}

impl Source for Delimited {
    fn place(&self) -> &str {
        &self.place
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn row_name(&self, row: u64) -> String {
        format!("line {}", self.line(row).unwrap_or(row + 1 + u64::from(self.has_header)))
    }

    fn number(&self, word: &str) -> Option<f64> {
        number(word, self.decimal)
    }

    fn separator(&self) -> u8 {
        self.form.separator
    }

    fn written(&self, number: &str) -> String {
        let is_number = self.decimal == ',' && number.parse::<f64>().is_ok();
        if is_number { number.replace('.', ",") } else { number.to_owned() }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(self.gaps.unseen()).collect()
    }

    fn scan(&self, each: &mut Each<'_>) -> Result<()> {
        let mut records = Records::open(&self.path, &self.place, &self.form)?;
        let mut row = 0;
        let mut unread_header = self.has_header;
        loop {
            let skipped = records.skipped();
            let Some(record) = records.next()? else { break };
            let cells: Vec<Cell<'_>> = record
                .iter()
                .map(|word| if self.gaps.has(word) { Cell::Missing(word) } else { Cell::Text(word) })
                .collect();
            // The reader passes over empty lines, and in a table of one column each is a row.
            if let (1, Some(line)) = (cells.len(), skipped) {
                let problem = format!("line {line} is empty; write NA for a missing value, or remove it");
                return Err(Error::data(&self.place, problem));
            }
            if std::mem::take(&mut unread_header) {
                continue;
            }
            each(row, &cells)?;
            row += 1;
        }
        if let (1, Some(line)) = (self.names.len(), records.skipped()) {
            let problem = format!("line {line} is empty; write NA for a missing value, or remove it");
            return Err(Error::data(&self.place, problem));
        }
        Ok(())
    }
}

/// The number of a word; 1e400 is an infinity, which the caller refuses by name.
fn number(word: &str, decimal: char) -> Option<f64> {
    match decimal {
        ',' if word.contains('.') => None,
        ',' if word.contains(',') => word.replacen(',', ".", 1).parse().ok(),
        _ => word.parse().ok(),
    }
}

/// What a file is that is no text, by its first bytes.
fn no_text(path: &Path) -> Option<&'static str> {
    let mut first = [0u8; 64];
    let n = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut first)).ok()?;
    let known: [(&[u8], &str); 7] = [
        (b"PAR1", "a Parquet file (.parquet)"),
        (b"ARROW1", "an Arrow file (.arrow)"),
        (b"\x93NUMPY", "a NumPy file (.npy)"),
        (b"PK\x03\x04", "a zip archive, as Excel files and .npz are"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"%PDF", "a PDF document"),
    ];
    // Text may begin with such letters, and has no control characters.
    let controls = first[..n].iter().any(|byte| *byte < b'\t') || first.starts_with(b"%PDF-");
    known.iter().find(|(magic, _)| controls && first[..n].starts_with(magic)).map(|(_, kind)| *kind)
}

fn sample(path: &Path, place: &str, form: &Form) -> Result<Vec<Vec<String>>> {
    let mut records = Records::open(path, place, form)?;
    let mut sample: Vec<Vec<String>> = Vec::new();
    let mut held = 0;
    while sample.len() < SAMPLE && held < text::HEAD {
        let Some(record) = records.next()? else { break };
        held += record.as_slice().len();
        sample.push(record.iter().map(str::to_owned).collect());
    }
    Ok(sample)
}

/// The separator by which the lines of the beginning all have the same number of cells, more than one.
fn separator_of(head: &str, whole: bool) -> u8 {
    // The last line may be cut.
    let head = if whole { head } else { &head[..head.rfind('\n').map_or(head.len(), |at| at + 1)] };
    let columns = |separator: u8| -> Option<usize> {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.delimiter(separator).has_headers(false).flexible(true).from_reader(head.as_bytes());
        let mut found = None;
        for record in reader.records().take(SAMPLE) {
            let cells = record.ok()?.len();
            if *found.get_or_insert(cells) != cells {
                return None;
            }
        }
        found.filter(|cells| *cells > 1)
    };
    let by_comma = columns(b',').unwrap_or(0);
    let fits = |(separator, _): &&(u8, &str)| match columns(*separator) {
        // Commas inside of cells with another separator are decimal commas or words; one more of the cells than commas
        // make would be chance.
        Some(cells) => *separator == b',' || cells + 1 >= by_comma.div_ceil(2),
        None => false,
    };
    SEPARATORS.iter().find(fits).map_or(b',', |(separator, _)| *separator)
}

/// A comma where cells are numbers by it alone, and others have no point.
fn decimal_of(sample: &[Vec<String>], separator: u8, gaps: &Gaps) -> char {
    if separator == b',' {
        return '.';
    }
    let cells = || sample.iter().skip(1).flatten().filter(|cell| !gaps.has(cell));
    let by_comma = cells().filter(|cell| cell.contains(',') && number(cell, ',').is_some()).count();
    let by_point = cells().filter(|cell| cell.contains('.') && number(cell, '.').is_some()).count();
    if by_comma > 0 && by_point == 0 { ',' } else { '.' }
}

/// True for lines such as `0,1502`: two cells of digits, the second with zeros before it as only decimals have.
fn is_torn(sample: &[Vec<String>]) -> bool {
    let digits = |cell: &str| !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    let whole = |cell: &str| digits(cell.strip_prefix('-').unwrap_or(cell));
    sample.iter().all(|row| row.len() == 2 && whole(&row[0]) && digits(&row[1]))
        && sample.iter().any(|row| row[1].len() > 1 && row[1].starts_with('0'))
}

/// Whether the first row names the columns, and what was assumed where the cells do not tell.
fn header_of(
    sample: &[Vec<String>],
    gaps: &Gaps,
    number: impl Fn(&str) -> Option<f64>,
) -> (bool, Option<&'static str>) {
    let (first, rest) = (&sample[0], &sample[1..]);
    let is_word = |cell: &str| !gaps.has(cell) && number(cell).is_none();
    if rest.is_empty() {
        return (first.iter().any(|cell| is_word(cell)), None);
    }
    let known = |column: usize| rest.iter().map(move |row| row[column].as_str()).filter(|cell| !gaps.has(cell));
    let numeric = |column: usize| known(column).next().is_some() && known(column).all(|cell| number(cell).is_some());
    let columns = 0..first.len();
    if is_of_pandas(first, rest) {
        return (true, None);
    }
    // A word over a column of numbers is its name.
    if columns.clone().any(|i| is_word(&first[i]) && numeric(i)) {
        return (true, None);
    }
    // A number over a column of numbers is one more of them, unless the numbers of the row count and lie apart.
    if columns.clone().any(|i| numeric(i) && number(&first[i]).is_some()) {
        let enough = rest.len() >= FEW_ROWS;
        return match enough
            && counts(first, gaps, &number)
            && columns.clone().all(|i| lies_apart(&first[i], known(i), &number))
        {
            true => (true, Some("the first row, of numbers that count, is taken for the names of the columns")),
            false if counts(first, gaps, &number) => {
                (false, Some("the first row, of numbers that count, is taken for values"))
            }
            false => (false, None),
        };
    }
    if columns.clone().any(|i| first[i].is_empty()) && first.iter().any(|cell| is_word(cell)) {
        return (true, None);
    }
    if columns.clone().all(|i| gaps.has(&first[i])) {
        return (false, None);
    }
    // Words over words: a name does not come again, and no two are alike.
    let again = columns.clone().any(|i| known(i).any(|cell| cell == first[i]));
    let twice = columns.clone().any(|i| first[..i].contains(&first[i]));
    match again || twice {
        true => (false, Some("the first row is taken for values, because they come again")),
        false => (true, Some("the first row is taken for the names of the columns")),
    }
}

/// Fewer rows do not tell whether a row lies apart from them.
const FEW_ROWS: usize = 10;

/// True for numbers that go up by one from cell to cell, such as years; a blank before them is an index's name.
fn counts(first: &[String], gaps: &Gaps, number: impl Fn(&str) -> Option<f64>) -> bool {
    let numbers: Option<Vec<f64>> = first.iter().filter(|cell| !gaps.has(cell)).map(|cell| number(cell)).collect();
    numbers.is_some_and(|n| n.len() > 1 && n.windows(2).all(|pair| pair[1] - pair[0] == 1.0))
}

/// True for a number that lies further from those of a column than these from each other.
fn lies_apart<'a>(cell: &str, known: impl Iterator<Item = &'a str>, number: impl Fn(&str) -> Option<f64>) -> bool {
    let Some(value) = number(cell) else { return true };
    let (low, high) =
        known.filter_map(number).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    (low - value).max(value - high) > (high - low).max(1.0)
}

/// True for the header that pandas gives to columns without names: nothing over the index, then 0, 1, 2 and on.
fn is_of_pandas(first: &[String], rest: &[Vec<String>]) -> bool {
    let counts = |cells: &mut dyn Iterator<Item = &String>| cells.enumerate().all(|(i, cell)| *cell == i.to_string());
    first[0].is_empty()
        && first.len() > 1
        && counts(&mut first[1..].iter())
        && counts(&mut rest.iter().map(|row| &row[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Delimited> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Delimited::open(file.path(), &OpenOptions::default())
    }

    #[test]
    fn a_first_row_of_another_kind_than_its_column_is_a_header() {
        let rows = |n: usize| (0..n).map(|i| format!("{},{},{}\n", 100 + i % 3, 200 + i % 5, 300 + i % 7));
        let years = format!("2019,2020,2021\n{}", rows(300).collect::<String>());
        let file = open(&years).unwrap();
        assert_eq!(file.header().unwrap(), ["2019", "2020", "2021"]);
        assert!(file.notes()[0].contains("--header"), "{:?}", file.notes());
        for (text, header) in [
            ("x,y\n1,2\n", true),
            ("1,2\n3,4\n", false),
            ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.9,virginica\n", false),
            (",a,b\n0,1,2\n1,3,4\n", true),
            ("name,town\nAnn,Ulm\nBob,Bonn\n", true),
            ("Ann,Ulm\nBob,Bonn\nAnn,Ulm\n", false),
            ("NA,2\n3,4\n", false),
            (",0,1,2\n0,5.5,1.5,9.25\n1,6.5,7.5,8.5\n", true),
        ] {
            assert_eq!(open(text).unwrap().has_header, header, "{text:?}");
        }
    }

    #[test]
    fn separators_and_decimal_commas_are_found() {
        for (text, separator, decimal) in [
            ("a;b\n1,5;2,25\n3,5;4\n", b';', ','),
            ("a;b\n1.5;2\n", b';', '.'),
            ("a\tb\n1\t2\n", b'\t', '.'),
            ("a|b\n1|2\n", b'|', '.'),
            ("a,b\n1,x;y\n2,z;w\n", b',', '.'),
            ("a,b\n1,\"x;y\"\n2,\"z\"\n", b',', '.'),
            ("a\n1\n", b',', '.'),
        ] {
            let file = open(text).unwrap();
            assert_eq!((file.separator(), file.decimal), (separator, decimal), "{text:?}");
        }
        let error = open("0,1502\n1,0213\n0,7777\n").err().map(|e| e.to_string()).unwrap();
        assert!(error.contains("--decimal"), "{error}");
    }

    #[test]
    fn rows_are_named_by_their_lines_past_empty_ones_and_cells_of_several() {
        let kept = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(kept.path(), "x,word\n\n1,a\n2,\"b\nb\"\n\n\n3,c\n4,d").unwrap();
        let file = Delimited::open(kept.path(), &OpenOptions::default()).unwrap();
        let lines: Vec<String> = (0..4).map(|row| file.row_name(row)).collect();
        assert_eq!(lines, ["line 3", "line 4", "line 8", "line 9"]);
    }

    #[test]
    fn files_of_other_kinds_are_named_by_what_they_are() {
        for (bytes, word) in
            [(&b"PAR1\x15\x04\0"[..], "Parquet"), (b"\x89PNG\r\n\0\0", "PNG"), (b"PK\x03\x04\0\0", "Excel")]
        {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            let told = Delimited::open(file.path(), &OpenOptions::default()).err().map(|e| e.to_string()).unwrap();
            assert!(told.contains(word), "{told}");
        }
    }
}
