//! Which rows have a label, and which.

use std::collections::HashMap;
use std::path::Path;

use crate::data::{Dataset, MISSING, header};
use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

/// Labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelling {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Rows with a label.
    pub rows: Vec<u32>,
    /// The class of each.
    pub class: Vec<u32>,
}

/// The largest file of labels that is read.
const MOST: u64 = 1 << 30;

impl Labelling {
    /// The labels that the data set itself has, of some rows; a cell that is empty is none.
    ///
    /// # Errors
    /// A data set without classes.
    pub fn of_data(data: &Dataset, rows: &[u32]) -> Result<Self> {
        let Some(labels) = data.labels() else {
            let advice = "name their column with --label-column when the run is trained, or pass a file by --labels";
            return Err(Error::data(&data.name, format!("has no classes; {advice}")));
        };
        let known = rows.iter().filter(|row| labels.ids[**row as usize] != MISSING);
        let (rows, class) = known.map(|row| (*row, labels.ids[*row as usize])).unzip();
        Ok(Self { classes: labels.names.to_vec(), rows, class })
    }

    /// Labels from a csv file with two columns: what the row is called (or its number), and its class; an empty cell is no
    /// label. Rows that the file does not name have none.
    ///
    /// # Errors
    /// A file that cannot be read, has other columns, or names a row that the data does not have.
    pub fn of_file(path: &Path, data: &Dataset, among: &[u32]) -> Result<Self> {
        let fail = |problem: String| Error::setting("labels", format!("{}: {problem}", path.display()));
        let size = std::fs::metadata(path).map_err(|e| fail(format!("cannot be read: {e}")))?.len();
        if size > MOST {
            return Err(fail(format!("holds {size} bytes, expected at most {MOST}")));
        }
        let columns = header(path).unwrap_or_default();
        if columns.len() != 2 {
            return Err(fail(format!("has {} columns, expected 2: the row and its class", columns.len())));
        }
        let all: HashMap<String, u32> = match data.row_names() {
            Some((_, names)) => names.to_vec()?.into_iter().zip(0..).collect(),
            None => (0..data.len() as u32).map(|row| (row.to_string(), row)).collect(),
        };
        let among: std::collections::HashSet<u32> = among.iter().copied().collect();
        let mut reader = csv::Reader::from_path(path).map_err(|e| fail(e.to_string()))?;
        let mut found: Vec<(u32, String)> = Vec::new();
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|e| fail(e.to_string()))?;
            let (name, class) = (record.get(0).unwrap_or_default(), record.get(1).unwrap_or_default().trim());
            let Some(row) = all.get(name) else {
                let problem = format!("line {}: '{name}' is no row of {}", i + 2, data.name);
                return Err(fail(format!("{problem}; rows go by their id, or by their number from 0")));
            };
            if !class.is_empty() && among.contains(row) {
                found.push((*row, class.to_owned()));
            }
        }
        found.sort_by_key(|(row, _)| *row);
        if let Some(pair) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(fail(format!("names {} twice", data.name_of(pair[0].0))));
        }
        let mut classes: Vec<String> = found.iter().map(|(_, class)| class.clone()).collect();
        classes.sort();
        classes.dedup();
        let place = |class: &String| classes.binary_search(class).unwrap_or(0) as u32;
        let (rows, class) = found.iter().map(|(row, class)| (*row, place(class))).unzip();
        Ok(Self { classes, rows, class })
    }

    /// The same with `n` rows of each class, chosen by `rng`.
    ///
    /// # Errors
    /// A class with fewer rows.
    pub fn balanced(self, n: usize, rng: Rng) -> Result<Self> {
        let order = rng.permutation(Purpose::Choice, self.rows.len());
        let mut left = vec![n; self.classes.len()];
        let mut kept: Vec<usize> = Vec::new();
        for at in order.into_iter().map(|at| at as usize) {
            let left = &mut left[self.class[at] as usize];
            if *left > 0 {
                *left -= 1;
                kept.push(at);
            }
        }
        if let Some(class) = left.iter().position(|left| *left > 0) {
            let (name, found) = (&self.classes[class], n - left[class]);
            let problem = format!("class '{name}' has {found} labelled training rows, expected {n} or more");
            return Err(Error::setting("labels-per-class", problem));
        }
        kept.sort_unstable();
        let (rows, class) = kept.iter().map(|at| (self.rows[*at], self.class[*at])).unzip();
        Ok(Self { classes: self.classes, rows, class })
    }

    pub(super) fn check(&self) -> Result<()> {
        let without = (0..self.classes.len() as u32).find(|class| !self.class.contains(class));
        match (self.classes.len(), without) {
            (0 | 1, _) => {
                let found = self.classes.len();
                Err(Error::setting("labels", format!("labelled rows are of {found} class, expected two or more")))
            }
            (_, Some(class)) => {
                let name = &self.classes[class as usize];
                Err(Error::setting(
                    "labels",
                    format!("class '{name}' has no labelled training row; label one, or drop it"),
                ))
            }
            _ => Ok(()),
        }
    }
}
