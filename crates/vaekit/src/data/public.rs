//! Public data sets by name.
//!
//! A set is looked for in `--data-dir`, in `VAEKIT_DATA` and in the cache
//! folder, each by its own sub-folder first; what is absent is downloaded
//! into the cache, unless that is forbidden.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result};

use super::download::{Checksum, Download};
use super::readers::{Reader, folder_name};
use super::{Dataset, Kind, OpenOptions, Rows, Schema, idx};

/// A folder of idx files.
pub(super) const READER: Reader = Reader {
    name: "a folder of idx files",
    reads: "images and classes in the four files of MNIST; train-images-idx3-ubyte is there, .gz or not",
    settings: &[],
    knows: is_idx_folder,
    read: |path, _| load_idx_folder(&folder_name(path, "idx"), path),
};

/// A download under way.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file that is loaded.
    pub file: &'a str,
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all, where the server says so.
    pub total: Option<u64>,
}

/// A public set of four idx files.
#[derive(Debug)]
pub struct Public {
    /// The name that a person types.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    mirrors: &'static [&'static str],
    classes: [&'static str; 10],
    /// In the order of [`FILES`].
    checksums: [Checksum; 4],
}

const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
const STALL: Duration = Duration::from_secs(30);
/// More bytes than any of the files has, unpacked.
const MOST: u64 = 64 << 20;
const NUMBERS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Every public set, in the order in which lists show them.
pub const PUBLIC: &[Public] = &[
    Public {
        name: "mnist",
        summary: "60,000 + 10,000 handwritten digits, grey 28x28 (LeCun et al. 1998)",
        mirrors: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ],
        classes: NUMBERS,
        checksums: [
            Checksum::Unpacked("6bbc9ace898e44ae57da46a324031adb"),
            Checksum::Unpacked("a25bea736e30d166cdddb491f175f624"),
            Checksum::Unpacked("2646ac647ad5339dbf082846283269ea"),
            Checksum::Unpacked("27ae3e4e09519cfbb04c329615203637"),
        ],
    },
    Public {
        name: "fashion-mnist",
        summary: "60,000 + 10,000 articles of clothing, grey 28x28 (Xiao et al. 2017)",
        // MD5 alone is known of these files, so that they are asked for over TLS only.
        mirrors: &["https://fashion-mnist.s3-website.eu-central-1.amazonaws.com"],
        classes: ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
        checksums: [
            Checksum::Published("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            Checksum::Published("25c81989df183df01b3e8a0aad5dffbe"),
            Checksum::Published("bef4ecab320f06d8554ea6380940ec79"),
            Checksum::Published("bb300cfdad3c16e7a12a480ee83cd310"),
        ],
    },
    Public {
        name: "kmnist",
        summary: "60,000 + 10,000 cursive hiragana, grey 28x28 (Clanuwat et al. 2018)",
        mirrors: &["https://codh.rois.ac.jp/kmnist/dataset/kmnist"],
        classes: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        checksums: [
            Checksum::Published("bdb82020997e1d708af4cf47b453dcf7"),
            Checksum::Published("e144d726b3acfaa3e44228e80efcd344"),
            Checksum::Published("5c965bf0a639b31b8f53240b1b52f4d7"),
            Checksum::Published("7320c461ea6c1c855c0b718fb2a4b134"),
        ],
    },
];

impl Public {
    /// Finds or downloads the set, and reads it.
    ///
    /// # Errors
    /// Absent and not to be downloaded, or downloaded in vain, or damaged.
    pub fn load(&self, options: &OpenOptions, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Dataset> {
        let cache = cache_dir().map(|cache| cache.join(self.name));
        let places = self.places(options, cache.as_deref());
        let folder = match places.iter().find(|p| FILES.iter().all(|f| find_idx(p, f).is_some())) {
            Some(found) => found.clone(),
            None if options.offline => {
                let list: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
                return Err(Error::data(
                    self.name,
                    format!("not found in {} and --offline forbids the download", list.join(", ")),
                ));
            }
            None => {
                let Some(cache) = cache else {
                    let problem = "is not here, and there is no folder to download it into; set VAEKIT_CACHE or HOME";
                    return Err(Error::data(self.name, problem));
                };
                self.download(&cache, progress)?;
                cache
            }
        };
        read_folder(self.name, &folder, Some(self.classes))
    }

    fn places(&self, options: &OpenOptions, cache: Option<&Path>) -> Vec<PathBuf> {
        let environment = std::env::var_os("VAEKIT_DATA").map(PathBuf::from);
        let roots = options.data_dir.iter().cloned().chain(environment);
        // The set's own folder first; the root itself only for a set whose
        // files carry no name, so that one set is never taken for another.
        let mut places: Vec<PathBuf> = roots.map(|root| root.join(self.name)).collect();
        places.extend(options.data_dir.iter().filter(|d| d.file_name().is_some_and(|n| n == self.name)).cloned());
        places.extend(cache.map(Path::to_path_buf));
        places
    }

    fn download(&self, cache: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        std::fs::create_dir_all(cache).map_err(|e| Error::io("create", cache, e))?;
        for (file, checksum) in FILES.iter().zip(self.checksums) {
            if find_idx(cache, file).is_none() {
                let urls = self.mirrors.iter().map(|m| format!("{m}/{file}.gz")).collect();
                let target = cache.join(format!("{file}.gz"));
                Download { urls, target: &target, checksum, stall: STALL, most: MOST }.fetch(progress)?;
            }
        }
        Ok(())
    }
}

/// Where downloads are kept: `VAEKIT_CACHE`, else the user's cache folder. None where neither is known: a folder that
/// others may write to, under a name that they can guess, is no place for them.
pub fn cache_dir() -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).map(PathBuf::from);
    var("VAEKIT_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|d| d.join("vaekit")))
        .or_else(|| var("HOME").map(|d| d.join(".cache/vaekit")))
        .or_else(|| var("LOCALAPPDATA").map(|d| d.join("vaekit")))
}

/// The file that starts with `stem` in one of the spellings in use: `-idx3-ubyte` or `.idx3-ubyte`, `.gz` or not.
pub fn find_idx(folder: &Path, stem: &str) -> Option<PathBuf> {
    let short = stem.split("-idx").next().unwrap_or(stem);
    let rank = if short.ends_with("labels") { 1 } else { 3 };
    let spellings = [format!("{short}-idx{rank}-ubyte"), format!("{short}.idx{rank}-ubyte")];
    spellings.iter().flat_map(|s| [folder.join(s), folder.join(format!("{s}.gz"))]).find(|p| p.is_file())
}

/// True where [`load_idx_folder`] reads the folder.
pub fn is_idx_folder(folder: &Path) -> bool {
    find_idx(folder, "train-images").is_some()
}

/// Reads a folder of the usual four idx files; labels and the test part may be absent.
///
/// # Errors
/// Damaged files, images of different sizes, counts that disagree.
pub fn load_idx_folder(name: &str, folder: &Path) -> Result<Dataset> {
    read_folder(name, folder, None)
}

/// The same with names for classes that are at most as many.
fn read_folder(name: &str, folder: &Path, words: Option<[&str; 10]>) -> Result<Dataset> {
    let read = |stem: &str| find_idx(folder, stem).map(|p| idx::read_idx(&p).map(|a| (p, a))).transpose();
    let Some((train_path, train)) = read("train-images")? else {
        return Err(Error::data(folder.display(), "holds no train-images-idx3-ubyte(.gz)"));
    };
    let [n_train, height, width] = *train.shape.as_slice() else {
        return Err(Error::data(
            train_path.display(),
            format!("has shape {:?}; expected images [N, H, W]", train.shape),
        ));
    };
    if train.bytes.is_empty() {
        return Err(Error::data(train_path.display(), "holds no rows; at least one is needed"));
    }
    let mut bytes = train.bytes;
    let mut n_test = 0;
    if let Some((path, test)) = read("t10k-images")? {
        if test.shape.get(1..) != Some(&[height, width]) {
            return Err(Error::data(
                path.display(),
                format!("has shape {:?}, the training images are {height}x{width}", test.shape),
            ));
        }
        n_test = test.shape[0];
        bytes.extend(test.bytes);
    }
    let labels = |stem: &str, rows: usize| -> Result<Option<Vec<u8>>> {
        match read(stem)? {
            Some((path, array)) if array.shape != [rows] => Err(Error::data(
                path.display(),
                format!("holds {:?} labels for {rows} images; the counts must be equal", array.shape),
            )),
            found => Ok(found.map(|(_, array)| array.bytes)),
        }
    };
    let test_labels = if n_test > 0 { labels("t10k-labels", n_test)? } else { Some(Vec::new()) };
    let labels = match (labels("train-labels", n_train)?, test_labels) {
        (Some(train), Some(test)) => {
            let ids: Vec<u32> = train.into_iter().chain(test).map(u32::from).collect();
            let classes = ids.iter().max().map_or(0, |m| m + 1);
            let names = match words {
                Some(words) if classes <= 10 => words.map(str::to_owned).to_vec(),
                _ => (0..classes).map(|c| c.to_string()).collect(),
            };
            Some((ids, names))
        }
        _ => None,
    };
    let mut data = Dataset::new(name, Schema::images([1, height, width], Kind::Byte), Rows::U8(bytes))?;
    if let Some((ids, names)) = labels {
        data = data.labelled("class", ids, names)?;
    }
    data.test_from = (n_test > 0 && n_train > 0).then_some(n_train);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, shape.len() as u8];
        file.extend(shape.iter().flat_map(|d| d.to_be_bytes()));
        file.extend(bytes);
        file
    }

    #[test]
    fn a_folder_of_four_files_reads_with_its_own_test_part() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: Vec<u8>| std::fs::write(dir.path().join(name), bytes).unwrap();
        put("train-images-idx3-ubyte", idx(&[2, 1, 2], &[1, 2, 3, 4]));
        put("train-labels-idx1-ubyte", idx(&[2], &[0, 1]));
        put("t10k-images-idx3-ubyte", idx(&[1, 1, 2], &[5, 6]));
        put("t10k-labels-idx1-ubyte", idx(&[1], &[1]));
        let data = load_idx_folder("x", dir.path()).unwrap();
        assert_eq!((data.len(), data.test_from), (3, Some(2)));
        assert_eq!(data.labels().unwrap().ids, [0, 1, 1]);

        put("train-labels-idx1-ubyte", idx(&[3], &[0, 1, 1]));
        assert!(load_idx_folder("x", dir.path()).unwrap_err().to_string().contains("labels"));
    }

    #[test]
    fn offline_says_where_it_looked() {
        let dir = tempfile::tempdir().unwrap();
        let options = OpenOptions { data_dir: Some(dir.path().to_path_buf()), offline: true, ..Default::default() };
        let set = PUBLIC.iter().find(|s| s.name == "kmnist").unwrap();
        // Only when no earlier place holds the set does the message appear.
        if let Err(e) = set.load(&options, &mut |_| ()) {
            assert!(e.to_string().contains("--offline"), "{e}");
            assert_eq!(e.exit_code(), 2);
        }
    }
}
