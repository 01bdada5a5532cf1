//! Tables shaped like those that people have.

use super::super::{AskedColumn, Cells, Column, Kind, Role, Rows, Unknown, open, write_csv};
use super::*;
use crate::Error;

fn read_as(name: &str, bytes: &[u8], options: &OpenOptions) -> Result<Dataset> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    open(&path.to_string_lossy(), options, &mut |_| ())
}

fn read(text: &str, options: OpenOptions) -> Result<Dataset> {
    read_as("t.csv", text.as_bytes(), &options)
}

fn refused(text: &str, options: OpenOptions) -> String {
    read(text, options).map(|data| data.schema().to_string()).unwrap_err().to_string()
}

/// Plain numbers, as codes are read.
fn plain() -> OpenOptions {
    OpenOptions { columns_are_fixed: true, ..Default::default() }
}

fn column<'a>(data: &'a Dataset, name: &str) -> &'a Column {
    data.schema().columns.iter().find(|c| c.name == name).unwrap()
}

fn kinds(data: &Dataset) -> Vec<(&str, Kind, Role)> {
    data.findings().iter().map(|f| (f.column.name.as_str(), f.column.kind, f.column.role)).collect()
}

#[test]
fn header_labels_and_chosen_columns_are_understood() {
    let options = OpenOptions {
        columns: vec!["y".into(), "x".into()],
        roles: AskedColumn::by_settings(Some(&"kind".into()), &[], None),
        ..Default::default()
    };
    let data = read("x,kind,y\n1,b,2.5\n3,a,4.5\n", options).unwrap();
    assert_eq!(data.rows(), &Rows::F32(vec![2.5, 1.0, 4.5, 3.0]));
    let labels = data.labels().unwrap();
    assert_eq!((labels.ids, labels.names), (&[1u32, 0][..], &["a".to_owned(), "b".to_owned()][..]));
}

#[test]
fn every_column_of_a_usual_table_is_what_it_is() {
    let line = |i: usize| {
        let (fare, size) = (3.5 * ((i * 37) % 400 + 1) as f64, ["S", "M", "L"][i % 3]);
        let text =
            format!("a long remark about ride number {i} that nobody has made of any other ride before, {}", i * i);
        format!("r{i:04},{size},{},{fare},{},2024-03-{:02},7,{},\"{text}\"\n", i % 2, i * i % 1000, 1 + i % 28, i % 5)
    };
    let text: String = (0..300).map(line).collect();
    let data =
        read(&format!("ride_id,size,paid,fare,metres,day,unit,seats,remark\n{text}"), Default::default()).unwrap();
    assert_eq!(
        kinds(&data),
        [
            ("ride_id", Kind::Text, Role::Identifier),
            ("size", Kind::Category, Role::Modelled),
            ("paid", Kind::Binary, Role::Modelled),
            ("fare", Kind::Real, Role::Modelled),
            ("metres", Kind::Count, Role::Modelled),
            ("day", Kind::Time, Role::Modelled),
            ("unit", Kind::Text, Role::Ignored),
            ("seats", Kind::Count, Role::Modelled),
            ("remark", Kind::Text, Role::Ignored),
        ]
    );
    assert_eq!(column(&data, "size").levels, ["L", "M", "S"]);
    assert_eq!(column(&data, "day").holds(), "2024-03-01 to 2024-03-28");
    assert_eq!(column(&data, "day").cell(3.0), "2024-03-04");
    let notes = data.notes().join(" ");
    assert!(notes.contains("'unit' (constant: 7 in every row)") && notes.contains("'remark' (free text"), "{notes}");
    assert_eq!((data.name_of(2).as_str(), data.name_of(299).as_str()), ("r0002", "r0299"));
}

#[test]
fn an_unnamed_index_of_pandas_names_the_rows() {
    let rows: String = (0..50).map(|i| format!("{i},{}.5,{}\n", i * 7 % 50, i % 3)).collect();
    let data = read(&format!(",a,b\n{rows}"), Default::default()).unwrap();
    assert_eq!(data.schema().modelled_names(), ["a", "b"]);
    assert_eq!(data.name_of(4), "4");
}

#[test]
fn years_as_a_header_are_no_row() {
    let rows: String = (0..300).map(|i| format!("{}.5,{}.25,{}.75\n", 99 + i % 3, 198 + i % 5, 297 + i % 7)).collect();
    let data = read(&format!("2019,2020,2021\n{rows}"), Default::default()).unwrap();
    assert_eq!((data.len(), data.schema().modelled_names()), (300, vec!["2019".into(), "2020".into(), "2021".into()]));
    let kept = OpenOptions { header: Some(false), ..Default::default() };
    assert_eq!(read(&format!("2019,2020,2021\n{rows}"), kept).unwrap().len(), 301);
}

#[test]
fn a_small_spread_far_from_nought_is_kept() {
    let rows: String = (0..200).map(|i| format!("{},{}\n", 1e6 + 0.1 * f64::from(i % 17), i % 19)).collect();
    let data = read(&format!("far,near\n{rows}"), Default::default()).unwrap();
    let Rows::F32(values) = data.rows() else { panic!("rows of a table are numbers") };
    assert!((values[2] - values[0] - 0.1).abs() < 1e-6, "{} {}", values[0], values[2]);
    assert_eq!(column(&data, "far").cell(values[2]), "1000000.1");
}

#[test]
fn a_class_that_is_missing_is_no_class() {
    let roles = AskedColumn::by_settings(Some(&"kind".into()), &[], None);
    let data = read("x,kind\n1.5,a\n2.5,NA\n3.5,b\n", OpenOptions { roles, ..Default::default() }).unwrap();
    let labels = data.labels().unwrap();
    assert_eq!((labels.names, labels.known(&[0, 1, 2])), (&["a".to_owned(), "b".to_owned()][..], vec![0, 2]));
}

#[test]
fn gaps_of_every_spelling_are_missing_values() {
    let words = || OpenOptions { missing: vec!["-99".into()], ..plain() };
    let read = |text| read(text, words()).unwrap();
    let data = read("a,b\n1,\n3,NA\n5,NaN\n-99,7\n");
    assert_eq!((data.missing(), data.schema().value_kind()), (4, Kind::Real));
    assert_eq!(data.fingerprint().unwrap(), read("a,b\n1,nan\n3,?\n5,\nnull,7\n").fingerprint().unwrap());
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
    assert_eq!(data.row_names().unwrap().1.to_vec().unwrap(), ["r1", "r2"]);
    assert_eq!(data.schema().modelled_names(), ["x"]);
    let error = refused("a,b\n1,2\n", options());
    assert!(error.contains("'dose'") && error.contains("a, b"), "{error}");
}

#[test]
fn a_person_is_stronger_than_what_cells_tell() {
    let toml = "[columns.code]\nkind = \"category\"\n[columns.size]\nkind = \"ordinal\"\nlevels = [\"S\", \"M\", \"L\"]\n\
                [columns.day]\nkind = \"time\"\ndate = \"%d/%m/%Y\"\n[columns.note]\nrole = \"ignore\"\n";
    let rows: String = (0..40)
        .map(|i| format!("{},{},0{}/04/2024,{}\n", 100 + i % 30, ["S", "L", "M"][i % 3], 1 + i % 9, i % 3))
        .collect();
    let text = format!("code,size,day,note\n{rows}");
    let overrides = Overrides::parse(toml).unwrap();
    let data = read(&text, OpenOptions { overrides, ..Default::default() }).unwrap();
    assert_eq!(column(&data, "code").levels.len(), 30);
    assert_eq!(column(&data, "size").levels, ["S", "M", "L"]);
    assert_eq!(column(&data, "day").holds(), "01/04/2024 to 09/04/2024");
    assert_eq!(data.schema().modelled_names(), ["code", "size", "day"]);
    let unknown = Overrides::parse("[columns.cod]\nkind = \"real\"\n").unwrap();
    let told = refused(&text, OpenOptions { overrides: unknown, ..Default::default() });
    assert!(told.contains("did you mean 'code'"), "{told}");
}

#[test]
fn bad_cells_and_ragged_rows_are_named() {
    let mostly: String = (0..200).map(|i| format!("{i}.5,{}\n", i % 50)).collect();
    for (text, words) in [
        (format!("a,b\n{mostly}7,x\n"), ["line 202", "'b'", "--missing x"]),
        ("a,b\n1,2\n3\n".into(), ["line 3", "1 cells", "2"]),
        ("a,b\r\n1,2\r\n3\r\n".into(), ["line 3", "1 cells", "2"]),
        ("a,\"b\n1,2\n".into(), ["quote", "line 1", "not closed"]),
        ("a,b\n1,\"2\"\n3,\"4\n5,6\n".into(), ["quote", "line 3", "not closed"]),
        ("a,b\n1,1e300\n2,3\n".into(), ["line 2", "'b'", "finite"]),
        ("a,a\n1,2\n".into(), ["two columns", "'a'", "rename"]),
        ("a,b\n,\n,\n".into(), ["no column left", "every cell is missing", "--schema"]),
        ("a,b\n1,2\n".into(), ["no column left", "1 row", "constant"]),
    ] {
        let error = refused(&text, OpenOptions::default());
        assert!(words.iter().all(|w| error.contains(w)), "{text:.60}: {error}");
    }
}

#[test]
fn an_empty_line_of_one_column_is_refused_by_its_number() {
    for (text, line) in [
        ("x\n1\n\n3\n", 3),
        ("x\n1\n\n3", 3),
        ("x\r\n1\r\n\r\n3\r\n", 3),
        ("\r\nx\r\n1\r\n", 1),
        ("x\n1\n  \n\n3\n", 3),
    ] {
        let error = refused(text, OpenOptions::default());
        assert!(error.contains(&format!("line {line} is empty")), "{text:?}: {error}");
    }
    assert_eq!(read("x\n1\n3\n\n", OpenOptions::default()).unwrap().len(), 2);
}

#[test]
fn a_column_is_of_the_kind_that_a_model_knows_it_by() {
    let asked = |kind| AskedColumn { name: "site".into(), role: Role::Condition, kind: Some(kind), if_there: true };
    let read = |kind| read("x,site\n1,01\n2,1\n", OpenOptions { roles: vec![asked(kind)], ..Default::default() });
    assert_eq!(column(&read(Kind::Category).unwrap(), "site").levels, ["01", "1"]);
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
fn sentinels_are_found_however_they_are_written_and_those_that_are_nowhere_are_told() {
    let options = |word: &str| OpenOptions { missing: vec![word.into()], ..plain() };
    assert_eq!(read("a,b\n-99.0,2\n1,-99\n", options("-99")).unwrap().missing(), 2);
    let notes = read("a,b\n1,2\n", options("-98")).unwrap().notes().join(" ");
    assert!(notes.contains("'-98'") && notes.contains("--missing"), "{notes}");
}

#[test]
fn empty_files_and_headers_alone_are_refused() {
    for text in ["", "a,b\n"] {
        let told = refused(text, OpenOptions::default());
        assert!(told.contains("empty") || told.contains("no rows"), "{told}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let mut out = Vec::new();
    write_csv(&mut out, None, &["a".into(), "b".into()], &[1.5, -2.0, 3.0, 1e-7], &[]).unwrap();
    let data = read(std::str::from_utf8(&out).unwrap(), plain()).unwrap();
    assert_eq!(data.rows(), &Rows::F32(vec![1.5, -2.0, 3.0, 1e-7]));
}

#[test]
fn compressed_and_separated_otherwise_a_table_is_the_same() {
    use std::io::Write;
    let rows: String = (0..30).map(|i| format!("{i}.5;{}\n", ["ä", "b"][i % 2])).collect();
    let text = format!("x;y\n{rows}");
    let mut packed = Vec::new();
    for part in [&text.as_bytes()[..40], &text.as_bytes()[40..]] {
        let mut writer = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
        writer.write_all(part).unwrap();
        writer.finish().unwrap();
    }
    let plain = read(&text, OpenOptions::default()).unwrap();
    assert_eq!(column(&plain, "y").levels, ["b", "ä"]);
    for (name, bytes) in [
        ("t.csv.gz", packed),
        ("t.txt", text.replace(';', "\t").into_bytes()),
        ("t.csv", encoding_rs::WINDOWS_1252.encode(&text).0.into_owned()),
        ("t.csv", text.replace('\n', "\r\n").into_bytes()),
        ("t.csv", text.replace('.', ",").into_bytes()),
    ] {
        let other = read_as(name, &bytes, &OpenOptions::default()).unwrap();
        assert_eq!(other.fingerprint().unwrap(), plain.fingerprint().unwrap(), "{name}");
    }
}

#[test]
fn files_for_a_model_are_held_to_its_columns() {
    let rows: String = (0..60).map(|i| format!("k{i},{}.5,{}\n", i, ["a", "b"][i % 2])).collect();
    let known = read(&format!("id,x,word\n{rows}"), Default::default()).unwrap();
    let for_model = |unknown| OpenOptions { schema: Some(known.schema().clone()), unknown, ..Default::default() };
    // Another order and another column, which goes along.
    let other = read("extra,word,id,x\n9,b,q,1.5\n8,a,r,70.5\n", for_model(Unknown::Error)).unwrap();
    assert_eq!(other.rows(), &Rows::F32(vec![1.5, 1.0, 70.5, 0.0]));
    assert_eq!((other.name_of(0).as_str(), other.cells("extra").is_some()), ("q", true));
    let notes = other.notes().join(" ");
    assert!(notes.contains("'extra'") && notes.contains("1 value of 'x' outside of 0.5 to 59.5"), "{notes}");
    for (text, words) in [
        ("id,x\nq,1.5\n", ["lacks column 'word'", "id, x"]),
        ("id,x,word\nq,1.5,c\n", ["line 2, column 'word'", "found 'c'"]),
        ("id,x,word\nq,hot,a\n", ["line 2, column 'x'", "found 'hot'"]),
    ] {
        let told = refused(text, for_model(Unknown::Error));
        assert!(words.iter().all(|w| told.contains(w)), "{told}");
    }
    let lenient = read("id,x,word\nq,hot,c\nr,2,a\n", for_model(Unknown::Missing)).unwrap();
    assert_eq!((lenient.missing(), lenient.notes().len()), (2, 2));
}

#[test]
fn typed_files_say_the_same_as_text() {
    use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let n = 40;
    let word = |i: usize| ["a", "b", "c"][i % 3];
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(StringArray::from((0..n).map(|i| format!("r{i}")).collect::<Vec<_>>()))),
        ("x", Arc::new(Float64Array::from((0..n).map(|i| (i != 3).then_some(i as f64 + 0.5)).collect::<Vec<_>>()))),
        ("word", Arc::new(StringArray::from((0..n).map(word).collect::<Vec<_>>()))),
        ("day", Arc::new(Date32Array::from((0..n as i32).map(|i| 19_000 + i).collect::<Vec<_>>()))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (parquet, feather) = (dir.path().join("t.parquet"), dir.path().join("t.arrow"));
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(std::fs::File::create(&parquet).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(std::fs::File::create(&feather).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    for path in [&parquet, &feather] {
        let data = open(&path.to_string_lossy(), &OpenOptions::default(), &mut |_| ()).unwrap();
        let found: Vec<Kind> = data.findings().iter().map(|f| f.column.kind).collect();
        assert_eq!(found, [Kind::Text, Kind::Real, Kind::Category, Kind::Time], "{}", path.display());
        assert_eq!((data.missing(), data.name_of(5).as_str()), (1, "r5"));
        // Cut short, it is refused in a line.
        let bytes = std::fs::read(path).unwrap();
        for cut in [bytes.len() / 2, bytes.len() - 9, 12] {
            std::fs::write(path, &bytes[..cut]).unwrap();
            let told = open(&path.to_string_lossy(), &OpenOptions::default(), &mut |_| ()).map(|_| ());
            assert!(matches!(told, Err(Error { .. })), "{} cut to {cut} bytes", path.display());
        }
    }
}

#[test]
fn whole_numbers_that_are_dates_are_dates_and_months_are_learned_over_years() {
    let line = |i: usize| format!("{}{:02}{:02},{}\n", 2020 + i / 300, 1 + i / 25 % 12, 1 + i % 25, i * i % 31);
    let text: String = (0..900).map(line).collect();
    let data = read(&format!("day,n\n{text}"), Default::default()).unwrap();
    let day = column(&data, "day");
    assert_eq!((day.kind, day.cell(0.0).as_str()), (Kind::Time, "20200101"));
    let rows: Vec<u32> = (0..900).collect();
    let encoding = super::super::Encoding::fit(super::super::Transform::Columns, &data, &rows).unwrap();
    assert_eq!(encoding.columns[0].blocks, [0, 7, 12]);
    // As pandas writes whole numbers with gaps, and in a form that a person names for days that read in another as well.
    let text: String =
        (0..60).map(|i| if i == 7 { ",1\n".into() } else { format!("202401{:02}.0,{i}\n", 1 + i % 28) }).collect();
    let gaps = read(&format!("day,n\n{text}"), Default::default()).unwrap();
    assert_eq!((column(&gaps, "day").kind, gaps.missing()), (Kind::Time, 1));
    let text: String = (0..60).map(|i| format!("{:02}/{:02}/2024,{i}\n", 1 + i % 9, 1 + i % 12)).collect();
    let said = Overrides::parse("[columns.day]\ndate = \"%d/%m/%Y\"\n").unwrap();
    let said = read(&format!("day,n\n{text}"), OpenOptions { overrides: said, ..Default::default() }).unwrap();
    let range = column(&said, "day").numbers.clone().unwrap();
    assert_eq!([range.low, range.high].map(|day| dates::written(day, "%Y-%m-%d")), ["2024-01-01", "2024-12-09"]);
    // The same as whole numbers of a typed file.
    let typed = Cell::Number(20_240_229.0);
    assert_eq!(dates::of_cell(typed, dates::COMPACT), dates::days("2024-02-29", "%Y-%m-%d"));
}

#[test]
fn a_number_that_seems_to_mean_missing_is_told() {
    let line = |i: usize, stand_in: &str| {
        format!("{},{}\n", if i % 40 == 3 { stand_in.into() } else { (20 + i * 7 % 61).to_string() }, i % 9)
    };
    let of = |stand_in: &str| {
        let text: String = (0..200).map(|i| line(i, stand_in)).collect();
        read(&format!("age,n\n{text}"), Default::default()).unwrap().notes().join("\n")
    };
    assert!(of("-999").contains("'age' is -999 in 5 cells") && of("-999").contains("--missing -999"), "{}", of("-999"));
    assert!(!of("99").contains("--missing"), "{}", of("99"));
}

#[test]
fn a_day_that_is_none_among_dates_is_named() {
    let text: String = (0..100).map(|i| format!("2023-02-{:02},{i}\n", 1 + i % 28)).collect();
    let told = refused(&format!("day,n\n{}", text.replacen("2023-02-28", "2023-02-30", 1)), Default::default());
    assert!(told.contains("line 29, column 'day': found '2023-02-30' in a column of 99 dates"), "{told}");
    // Text that begins with a date is text.
    let text: String = (0..100)
        .map(|i| format!("{},{i}\n", if i == 0 { "2023-02-01".into() } else { format!("note {}", i % 7) }))
        .collect();
    assert_eq!(column(&read(&format!("day,n\n{text}"), Default::default()).unwrap(), "day").kind, Kind::Category);
}

#[test]
fn whole_numbers_that_are_dates_may_have_decimal_commas_and_typed_numbers_may_stand_for_missing() {
    let line = |i: usize| if i == 7 { ";1\n".to_owned() } else { format!("202306{:02},0;{i},5\n", 1 + i % 28) };
    let text: String = (0..60).map(line).collect();
    let data = read(&format!("day;n\n{text}"), Default::default()).unwrap();
    assert_eq!((column(&data, "day").kind, data.missing()), (Kind::Time, 1));
    let gaps = Gaps::new(&["-999".to_owned()]);
    assert!(gaps.has_number(-999.0) && !gaps.has_number(-99.0));
    assert_eq!(gaps.unseen().count(), 0);
}
