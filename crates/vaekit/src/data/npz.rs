//! Archives of NumPy arrays.

use std::path::Path;

use crate::{Error, Result};

use super::npy::{Array, npz_keys, read_npz};
use super::readers::{Reader, extension};
use super::{Dataset, OpenOptions, Rows, memory};

/// `.npz`
pub(super) const READER: Reader = Reader {
    name: "an npz archive",
    reads: "one array of several, with the labels and the test rows that lie beside it; .npz",
    settings: &["key"],
    knows: |path| extension(path) == "npz",
    read: open_npz,
};

fn open_npz(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let keys = npz_keys(path)?;
    let has = |k: &str| keys.iter().any(|have| have == k);
    let usual = ["x_train", "X_train", "X", "x", "train_images", "images", "data", "arr_0"];
    let key = match &options.key {
        Some(key) if has(key) => key.clone(),
        Some(key) => {
            return Err(Error::setting(
                "key",
                format!("'{key}' is no array of {}; it has {}", path.display(), keys.join(", ")),
            ));
        }
        None => match usual.iter().find(|k| has(k)) {
            Some(key) => (*key).to_owned(),
            None if keys.len() == 1 => keys[0].clone(),
            None => {
                let have = if keys.is_empty() { "no arrays".into() } else { keys.join(", ") };
                return Err(Error::data(path.display(), format!("holds {have}; choose one with --key")));
            }
        },
    };
    // A partner keeps the spelling: x_train with y_train and x_test, X with y.
    let partner = match key.as_str() {
        "X" | "x" => vec!["y".to_owned(), "labels".into()],
        "images" | "data" => vec!["labels".into(), "y".into()],
        k => vec![k.replace(['x', 'X'], "y"), k.replace("images", "labels")],
    };
    let read_labels = |names: &[String]| -> Result<Option<Vec<u32>>> {
        match names.iter().find(|n| has(n) && **n != key) {
            // Nobody asked for these labels: numbers that are no classes are left alone.
            Some(name) => Ok(class_numbers(read_npz(path, name)?)),
            None => Ok(None),
        }
    };
    let mut array = read_npz(path, &key)?;
    let mut ids = read_labels(&partner)?;
    let train_rows = array.shape.first().copied().unwrap_or(0);
    let test_key = key.replace("train", "test");
    let mut test_from = None;
    if test_key != key && has(&test_key) {
        let test = read_npz(path, &test_key)?;
        append(path, &mut array, test)?;
        let test_partner: Vec<String> = partner.iter().map(|p| p.replace("train", "test")).collect();
        ids = match (ids, read_labels(&test_partner)?) {
            (Some(a), Some(b)) => Some([a, b].concat()),
            _ => None,
        };
        test_from = Some(train_rows);
    }
    let mut data = memory::of_array(path, array)?;
    if let Some(ids) = ids {
        let n = ids.iter().max().map_or(0, |m| m + 1);
        let names = (0..n).map(|i| i.to_string()).collect();
        data = data.labelled("class", ids, names).map_err(|e| e.at(path.display()))?;
    }
    data.test_from = test_from.filter(|&t| t < data.len());
    Ok(data)
}

fn append(path: &Path, a: &mut Array, b: Array) -> Result<()> {
    let same = a.shape.get(1..) == b.shape.get(1..) && !b.shape.is_empty();
    match (&mut a.values, b.values) {
        (Rows::U8(x), Rows::U8(y)) if same => x.extend(y),
        (Rows::F32(x), Rows::F32(y)) if same => x.extend(y),
        _ => return Err(Error::data(path.display(), "its training and test arrays differ in shape or type")),
    }
    a.shape[0] += b.shape[0];
    Ok(())
}

/// Whole numbers from 0 to 99999, or none.
fn class_numbers(array: Array) -> Option<Vec<u32>> {
    match array.values {
        Rows::Stored(_) => None,
        Rows::U8(v) => Some(v.into_iter().map(u32::from).collect()),
        Rows::F32(v) => {
            v.into_iter().map(|x| ((0.0..1e5).contains(&x) && x.fract() == 0.0).then_some(x as u32)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::npy::write_npy;
    use std::io::Write;

    #[test]
    fn an_array_is_unpacked_as_far_as_its_header_asks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bomb.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
        let mut header = Vec::new();
        write_npy(&mut header, &[4, 3], &[]).unwrap();
        archive.write_all(&header).unwrap();
        // What would unpack to a gigabyte takes no longer to refuse than a byte too many.
        (0..1024).for_each(|_| archive.write_all(&vec![0; 1 << 20]).unwrap());
        archive.finish().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 4 << 20);
        let told = open_npz(&path, &OpenOptions::default()).unwrap_err().to_string();
        assert!(told.contains("48 bytes") && told.contains("more"), "{told}");
    }
}
