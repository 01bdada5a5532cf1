//! From what a person types to a data set.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

use super::npy::{Array, npz_keys, read_npy, read_npz};
use super::{DataSpec, Dataset, Kind, Labels, Rows, Shape, builtin, idx, images, public, table};

/// How to read what a name or a path alone leaves open.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Where public sets are looked for first.
    pub data_dir: Option<PathBuf>,
    /// Never download.
    pub offline: bool,
    /// Resize pictures to squares of this side.
    pub size: Option<u32>,
    /// The array of an npz archive.
    pub key: Option<String>,
    /// The columns of a csv table; all when empty.
    pub columns: Vec<String>,
    /// The column of a csv table that holds classes.
    pub label_column: Option<String>,
    /// A table without that column will do.
    pub label_if_there: bool,
    /// The caller has no settings for columns, so that errors must not advise them.
    pub columns_are_fixed: bool,
    /// Seed of a built-in set.
    pub seed: u64,
}

/// Opens a built-in set, a public set, or a path.
///
/// `progress` hears of downloads.
///
/// # Errors
/// A name that is neither known nor a path (the nearest name is suggested),
/// and whatever the reader of the format finds.
pub fn open(data: &str, options: &OpenOptions, progress: &mut dyn FnMut(public::Progress<'_>)) -> Result<Dataset> {
    if let Some(set) = builtin::BUILTIN.iter().find(|s| s.name == data) {
        return (set.make)(set, options.seed);
    }
    if let Some(set) = public::PUBLIC.iter().find(|s| s.name == data) {
        return set.load(options, progress);
    }
    let path = Path::new(data);
    if path.is_dir() {
        return open_folder(path, options);
    }
    if !path.exists() {
        let names = builtin::BUILTIN.iter().map(|s| s.name).chain(public::PUBLIC.iter().map(|s| s.name));
        let nearest = crate::nearest(data, names).map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
        return Err(Error::data(data, format!("is neither a known data set nor a path that exists{nearest}")));
    }
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match name.rsplit('.').next() {
        Some("csv") => table::read_csv(path, options),
        Some("npy") => dataset(path, read_npy(path)?, None),
        Some("npz") => open_npz(path, options),
        Some("png" | "jpg" | "jpeg") => Err(Error::data(data, "is one picture; name the folder that holds many")),
        _ if name.contains("idx") || name.contains("ubyte") => from_idx(path, idx::read_idx(path)?),
        _ => Err(Error::data(
            data,
            "is of no known format; expected .csv, .npy, .npz, an idx file, or a folder of idx files or pictures",
        )),
    }
}

fn open_folder(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    if public::is_idx_folder(path) {
        let name = path.file_name().map_or_else(|| "idx".into(), |n| n.to_string_lossy().into_owned());
        return public::load_idx_folder(&name, path);
    }
    images::read_folder(path, options)
}

fn from_idx(path: &Path, array: idx::Idx) -> Result<Dataset> {
    dataset(path, Array { shape: array.shape, values: Rows::U8(array.bytes) }, None)
}

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
    let labels = ids.map(|ids| {
        let n = ids.iter().max().map_or(0, |m| m + 1);
        Labels { ids, names: (0..n).map(|i| i.to_string()).collect() }
    });
    let mut data = dataset(path, array, labels)?;
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
        Rows::U8(v) => Some(v.into_iter().map(u32::from).collect()),
        Rows::F32(v) => {
            v.into_iter().map(|x| ((0.0..1e5).contains(&x) && x.fract() == 0.0).then_some(x as u32)).collect()
        }
    }
}

/// Reads a meaning into a shape: [N, D] is a table, [N, H, W] and [N, H, W, C] or [N, C, H, W] are images.
fn dataset(path: &Path, array: Array, labels: Option<Labels>) -> Result<Dataset> {
    let place = path.display().to_string();
    let Array { shape, mut values } = array;
    if shape.contains(&0) {
        return Err(Error::data(place, format!("holds no rows or no values (its shape is {shape:?})")));
    }
    let (shape, kind) = match *shape.as_slice() {
        [_, d] => (Shape::Table { columns: (0..d).map(|i| format!("c{i}")).collect() }, values.kind()),
        [_, height, width] => (Shape::Image { channels: 1, height, width }, values.kind()),
        [_, channels @ (1 | 3), height, width] => (Shape::Image { channels, height, width }, values.kind()),
        [_, height, width, channels @ (1 | 3)] => {
            values = match values {
                Rows::U8(v) => Rows::U8(planes(&v, height * width, channels)),
                Rows::F32(v) => Rows::F32(planes(&v, height * width, channels)),
            };
            (Shape::Image { channels, height, width }, values.kind())
        }
        _ => {
            return Err(Error::data(
                place,
                format!("has shape {shape:?}; expected [N, D], [N, H, W], [N, H, W, C] or [N, C, H, W]"),
            ));
        }
    };
    // A byte image that uses only 0 and 255 is still binary after scaling, but
    // its stored values are not; leave it a byte image.
    let kind = if matches!(values, Rows::U8(_)) && matches!(shape, Shape::Image { .. }) { Kind::Byte } else { kind };
    let name = path.file_stem().map_or_else(|| "data".into(), |s| s.to_string_lossy().into_owned());
    Dataset::new(name, DataSpec { shape, kind }, values, labels).map_err(|e| Error::data(place, e.to_string()))
}

/// Interleaved channels to planes.
fn planes<T: Copy>(values: &[T], pixels: usize, channels: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    for image in values.chunks(pixels * channels) {
        for c in 0..channels {
            out.extend(image.iter().skip(c).step_by(channels));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_channels_become_planes() {
        assert_eq!(planes(&[1, 2, 3, 11, 12, 13], 2, 3), [1, 11, 2, 12, 3, 13]);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_one() {
        let error = open("dgits", &OpenOptions::default(), &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains("'digits'"), "{error}");
    }
}
