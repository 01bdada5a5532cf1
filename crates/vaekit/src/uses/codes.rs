//! Codes of rows, in memory and in files.

use std::path::Path;

use crate::data::{NameColumn, OpenOptions, Shape, open};
use crate::run::Run;
use crate::{Error, Result};

use super::Values;

/// What columns of log-variances are called, before their number.
const LOG_VAR: &str = "log_var";

/// q(z given x) of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// `[N, D]`
    pub mean: Vec<f32>,
    /// `[N, D]`; none for an autoencoder.
    pub log_var: Option<Vec<f32>>,
    pub latent: usize,
    /// The class of each row, of a conditional model.
    pub classes: Option<NameColumn>,
}

impl Codes {
    /// The code of one row.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.mean[i * self.latent..(i + 1) * self.latent]
    }

    /// As numbers to write: the means, and the log-variances beside them if asked for.
    pub fn values(&self, with_log_var: bool) -> Values {
        let name = |stem: &str| (0..self.latent).map(|i| format!("{stem}{i}")).collect::<Vec<_>>();
        let mut columns = name("z");
        let mut values = self.mean.clone();
        if let (true, Some(log_var)) = (with_log_var, &self.log_var) {
            columns.extend(name(LOG_VAR));
            let both = self.mean.chunks(self.latent).zip(log_var.chunks(self.latent));
            values = both.flat_map(|(m, v)| m.iter().chain(v).copied()).collect();
        }
        Values { shape: vec![columns.len()], columns, values, look: None, classes: self.classes.clone() }
    }
}

impl Run {
    /// Reads codes as [`Codes::values`] writes them: means, perhaps log-variances, and of a conditional model perhaps the
    /// class of each row.
    ///
    /// # Errors
    /// A file that cannot be read or is no table, or a class that the run does not know.
    pub fn read_codes(&self, path: &Path) -> Result<Codes> {
        let label_column = Some(self.class_column().to_owned()).filter(|_| self.is_conditional());
        let fixed = OpenOptions { label_if_there: true, columns_are_fixed: true, ..OpenOptions::default() };
        let table = open(&path.to_string_lossy(), &OpenOptions { label_column, ..fixed }, &mut |_| ())?;
        let Shape::Table { columns } = &table.spec.shape else {
            return Err(Error::setting("codes", format!("{} holds images, expected a table", path.display())));
        };
        let latent = columns.iter().position(|name| *name == format!("{LOG_VAR}0")).unwrap_or(columns.len());
        let mut codes = Codes { mean: Vec::new(), log_var: None, latent, classes: None };
        let (mut row, mut log_var) = (Vec::new(), Vec::new());
        for i in 0..table.len() {
            row.clear();
            table.extend_with_row(i, &mut row);
            codes.mean.extend_from_slice(&row[..latent]);
            log_var.extend_from_slice(&row[latent..]);
        }
        codes.log_var = Some(log_var).filter(|v| v.len() == codes.mean.len());
        if let Some(labels) = &table.labels {
            let known = &self.file().data.classes;
            if let Some(unknown) = labels.names.iter().find(|name| !known.contains(name)) {
                let (column, known) = (self.class_column(), known.join(", "));
                let problem = format!("column '{column}' has '{unknown}', expected classes of {known}");
                return Err(Error::setting(path.display(), problem));
            }
            let values = labels.ids.iter().map(|id| labels.names[*id as usize].clone()).collect();
            codes.classes = Some(NameColumn { name: self.class_column().to_owned(), values });
        }
        Ok(codes)
    }

    /// The numbers of the classes of codes, where these have classes.
    pub fn class_numbers(&self, codes: &Codes) -> Option<Vec<u32>> {
        let number = |name: &String| self.file().data.classes.iter().zip(0..).find(|(n, _)| *n == name).map(|(_, i)| i);
        codes.classes.as_ref().and_then(|column| column.values.iter().map(number).collect())
    }
}
