//! Real files, where `VAEKIT_DATA` names a folder of them; skipped, and said so, where it does not.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::PathBuf;

use vaekit::data::{AskedColumn, Dataset, Kind, OpenOptions, Rows, open};

/// A path below the folder, or none with a word about it.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("VAEKIT_DATA").map(|root| PathBuf::from(root).join(name)).filter(|p| p.exists());
    if path.is_none() {
        println!("skipped: VAEKIT_DATA names no folder with {name}");
    }
    path
}

fn read(path: &std::path::Path, options: &OpenOptions) -> vaekit::Result<Dataset> {
    open(&path.to_string_lossy(), options, &mut |_| ())
}

#[test]
fn mnist_opens_by_name_with_its_own_test_part() {
    if find("mnist").is_none() {
        return;
    }
    let data = open("mnist", &OpenOptions { offline: true, ..Default::default() }, &mut |_| ()).unwrap();
    assert_eq!((data.len(), data.test_from), (70_000, Some(60_000)));
    // The first five labels, as everybody knows them.
    assert_eq!(data.labels().unwrap().ids[..5], [5, 0, 4, 1, 9]);
    assert!(matches!(data.rows(), Rows::U8(bytes) if bytes.len() == 70_000 * 784));
}

#[test]
fn colour_images_of_an_npz_become_planes() {
    let Some(path) = find("cifar10/cifar10_small.npz") else { return };
    let data = read(&path, &OpenOptions::default()).unwrap();
    assert_eq!(data.schema().image_shape(), Some([3, 32, 32]));
    assert_eq!((data.len(), data.test_from), (3_000, Some(2_500)));
    assert_eq!(data.labels().unwrap().ids.len(), 3_000);
}

#[test]
fn frey_faces_are_grey_images() {
    let Some(path) = find("tables/freyfaces.npz") else { return };
    let data = read(&path, &OpenOptions::default()).unwrap();
    assert_eq!(data.schema().image_shape(), Some([1, 28, 20]));
    assert_eq!(data.len(), 1_965);
}

#[test]
fn anomaly_tables_open_whatever_their_type_and_order() {
    let Some(path) = find("adbench") else { return };
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let data = read(&entry.path(), &OpenOptions::default()).unwrap();
        assert!(data.len() > 300 && !data.schema().is_image(), "{:?}", entry.path());
        let labels = data.labels().unwrap();
        assert!(labels.ids.iter().all(|&l| l <= 1) && labels.ids.contains(&1), "{:?}", entry.path());
    }
}

#[test]
fn penguins_are_read_as_they_are_and_by_chosen_columns() {
    let Some(path) = find("tables/penguins.csv") else { return };
    let data = read(&path, &OpenOptions::default()).unwrap();
    let kinds: Vec<Kind> = data.schema().columns.iter().map(|c| c.kind).collect();
    let (word, real, count) = (Kind::Category, Kind::Real, Kind::Count);
    assert_eq!(kinds, [word, word, real, real, count, count, word, count]);
    assert_eq!((data.len(), data.missing()), (344, 19));
    let options = OpenOptions { columns: vec!["bill_length_mm".into()], ..Default::default() };
    assert_eq!(read(&path, &options).unwrap().missing(), 2);
    let options = OpenOptions {
        columns: vec!["year".into()],
        roles: AskedColumn::by_settings(Some(&"species".into()), &[], None),
        ..Default::default()
    };
    let data = read(&path, &options).unwrap();
    assert_eq!((data.len(), data.schema().value_kind()), (344, Kind::Count));
    assert_eq!(data.labels().unwrap().names, ["Adelie", "Chinstrap", "Gentoo"]);
}
