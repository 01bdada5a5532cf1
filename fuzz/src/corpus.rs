//! Small sound files, one folder a target, from which damaged ones are made.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use vaekit::Trainer;
use vaekit::data::{OpenOptions, Step, write_npy};
use vaekit::run::RunFile;
use vaekit::uses::classify::{Classifier, Labelling, Learning, Method};
use vaekit::uses::sparse::{self, Dictionary, Fitted, From, Solver};

use crate::targets::{TARGETS, small};

/// The files of a folder in the order of their names; an empty one where there are none.
pub fn read(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    let all: Vec<Vec<u8>> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    if all.is_empty() { vec![Vec::new()] } else { all }
}

/// Writes the corpus.
#[expect(clippy::expect_used, reason = "a program for developers")]
pub fn write(root: &Path) {
    for target in TARGETS {
        let folder = root.join(target.name);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in files(target.name) {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
    }
}

fn npy(shape: &[usize]) -> Vec<u8> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| i as f32 * 0.37 - 2.0).collect();
    let mut bytes = Vec::new();
    let _ = write_npy(&mut bytes, shape, &values);
    bytes
}

/// Rows of every type that a column may have.
#[expect(clippy::expect_used, reason = "a program for developers")]
fn batch() -> RecordBatch {
    let word = |i: i32| ["north", "south", "east"][i as usize % 3];
    let columns: [(&str, ArrayRef); 4] = [
        (
            "x",
            Arc::new(Float64Array::from((0..40).map(|i| (i != 3).then_some(f64::from(i) / 4.0)).collect::<Vec<_>>())),
        ),
        ("n", Arc::new(Int32Array::from((0..40).map(|i| i * i % 17).collect::<Vec<_>>()))),
        ("site", Arc::new(StringArray::from((0..40).map(word).collect::<Vec<_>>()))),
        ("day", Arc::new(Date32Array::from((0..40).map(|i| 19_000 + i).collect::<Vec<_>>()))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("a batch")
}

#[expect(clippy::expect_used, reason = "a program for developers")]
fn parquet() -> Vec<u8> {
    let (batch, mut bytes) = (batch(), Vec::new());
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a file");
    bytes
}

#[expect(clippy::expect_used, reason = "a program for developers")]
fn arrow() -> Vec<u8> {
    let (batch, mut bytes) = (batch(), Vec::new());
    let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut bytes, &batch.schema()).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.finish().expect("a file");
    drop(writer);
    bytes
}

/// Four atoms of three numbers.
#[expect(clippy::expect_used, reason = "a program for developers")]
fn dictionary() -> Vec<u8> {
    let atoms = (0..12).map(|i| (f64::from(i) * 1.7).sin() as f32).collect();
    let fitted = Fitted {
        dictionary: Dictionary::new(atoms, 3).expect("atoms"),
        shift: vec![0.5; 3],
        scale: vec![2.0; 3],
        names: ["a", "b", "c"].map(String::from).to_vec(),
        solver: Solver::new(sparse::Method::Omp { k: 2 }),
        from: From::Codes("run".into()),
        shown: Some((vec![0.25; 8], vec![1.0; 2])),
    };
    let dir = tempfile::tempdir().expect("a folder");
    fitted.write(&dir.path().join("d.safetensors")).expect("a file");
    std::fs::read(dir.path().join("d.safetensors")).expect("its bytes")
}

fn typed(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn picture(image: &image::DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let _ = image.write_to(&mut bytes, format);
    bytes.into_inner()
}

fn pictures(format: ImageFormat) -> Vec<(String, Vec<u8>)> {
    let grey = GrayImage::from_fn(9, 7, |x, y| Luma([(x * 20 + y) as u8])).into();
    let colour = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 30) as u8, (y * 30) as u8, 90])).into();
    let mut all = vec![("grey".to_owned(), picture(&grey, format)), ("colour".into(), picture(&colour, format))];
    if format == ImageFormat::Png {
        let clear = RgbaImage::from_fn(5, 4, |x, y| Rgba([200, (x * 9) as u8, 3, (y * 60) as u8])).into();
        let deep = image::ImageBuffer::from_fn(6, 3, |x, y| Luma([(x * 9000 + y) as u16]));
        all.push(("clear".into(), picture(&clear, format)));
        all.push(("deep".into(), picture(&image::DynamicImage::ImageLuma16(deep), format)));
    }
    all
}

/// The files that `small()` leaves.
#[expect(clippy::expect_used, reason = "a program for developers")]
fn of_run(name: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    let config = small();
    let data = config.open_data(&OpenOptions::default(), &mut |_| ()).expect("built-in data");
    Trainer::new(config).out(dir.path().join("run")).fit(&data).expect("a run");
    std::fs::read(dir.path().join("run").join(name)).expect("a file of the run")
}

/// A classifier of the codes of the run that `small()` leaves.
#[expect(clippy::expect_used, reason = "a program for developers")]
fn classifier(method: Method) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    let config = small();
    let data = config.open_data(&OpenOptions::default(), &mut |_| ()).expect("built-in data");
    let run = Trainer::new(config).out(dir.path().join("run")).fit(&data).expect("a run");
    let identity = RunFile::read(run.dir()).expect("its file").identity();
    let rows: Vec<u32> = (0..40).collect();
    let classes = vec!["in".to_owned(), "out".to_owned()];
    let labels = Labelling { classes, rows: rows.clone(), class: rows.iter().map(|row| row % 2).collect() };
    let how = Learning { method, epochs: 1, seed: 0 };
    let found = Classifier::learn(&run, identity, (&data, &rows), &labels, how, &mut |_| Step::Continue);
    found.expect("a classifier").write(&dir.path().join("c.safetensors")).expect("a file");
    std::fs::read(dir.path().join("c.safetensors")).expect("its bytes")
}

fn files(target: &str) -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes);
    let text = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    match target {
        "csv" => vec![
            text("plain", "a,b\n1,2\n3,4.5\n-1e3,0\n7,8\n"),
            text("roles", "id,x,dose,kind\nr1,1,0.5,b\nr2,2,,a\n\"r,3\",-99,1e-3,b\nr4,4,2,NA\nr5,0,2,a\n"),
            text("bare", "1,2,3\r\n4,5,6\r\n7,8,9\r\n"),
            text("one", "x\n1\n2\n\n3\n"),
        ],
        "parquet" => vec![named("typed", parquet())],
        "arrow" => vec![named("typed", arrow())],
        "schema" => vec![text(
            "all",
            "[columns.x]\nkind = \"real\"\nspikes = [0.5]\n[columns.kind]\nkind = \"ordinal\"\nlevels = [\"b\", \"a\"]\n\
             [columns.day]\nkind = \"time\"\ndate = \"%Y-%m-%d\"\n[columns.id]\nrole = \"id\"\n",
        )],
        "factors" => vec![text("three", "size,hue,turn\n1,0.5,3\n2,0.25,3\n1,0.5,4\n")],
        "npy" | "npz" => vec![
            named("scalar", npy(&[])),
            named("table", npy(&[5, 3])),
            named("images", npy(&[2, 4, 4])),
            named("colour", npy(&[2, 4, 5, 3])),
            named("bytes", typed("|u1", "(3, 2)", &[1, 2, 3, 4, 5, 6])),
            named("whole", typed(">i8", "(2, 1)", &[0; 16])),
        ],
        "npz-whole" => {
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            for (name, bytes) in [("x_train.npy", npy(&[4, 2])), ("y_train.npy", typed("|u1", "(4,)", &[0, 1, 1, 0]))] {
                let _ = archive.start_file(name, zip::write::SimpleFileOptions::default());
                let _ = archive.write_all(&bytes);
            }
            vec![named("two", archive.finish().map(std::io::Cursor::into_inner).unwrap_or_default())]
        }
        "idx" => {
            let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2];
            bytes.extend(0..12u8);
            vec![named("images", bytes), named("labels", vec![0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2])]
        }
        "png" => pictures(ImageFormat::Png),
        "jpeg" => pictures(ImageFormat::Jpeg),
        "run-toml" => vec![named("run", of_run("run.toml"))],
        "safetensors" => vec![named("model", of_run("model.safetensors"))],
        "checkpoint" => vec![named("state", of_run("state/checkpoint.safetensors"))],
        "metrics" => vec![named("two", of_run("metrics.jsonl"))],
        "codes-csv" => vec![text("codes", "z0,z1\n0.5,-1\n2,3\n"), text("named", "id,z0,z1\na,0.5,-1\nb,2,3\n")],
        "dictionary" => vec![named("four", dictionary())],
        "classifier" => {
            vec![named("network", classifier(Method::M1)), named("neighbours", classifier(Method::Propagation))]
        }
        "codes-npy" => vec![named("codes", npy(&[3, 2]))],
        _ => Vec::new(),
    }
}
