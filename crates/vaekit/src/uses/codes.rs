//! Codes of rows, in memory and in files.

use std::path::Path;

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::{NameColumn, OpenOptions, Shape, open};
use crate::model::Support;
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
        let (has, half) = (columns.len(), columns.len() / 2);
        let beside = columns[half..].iter().enumerate().all(|(i, name)| *name == format!("{LOG_VAR}{i}"));
        let latent = if beside && has % 2 == 0 { half } else { has };
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

    /// How many of the codes lie where the encoder puts none, and where it puts them: on a sphere, at choices, in a
    /// codebook. None where all of R^D is open to it.
    pub fn strays(&self, codes: &Codes) -> Option<(usize, &'static str)> {
        // Of another width they are refused, not warned of.
        if codes.latent != self.vae().latent() {
            return None;
        }
        let near = |a: f32, b: f32| (a - b).abs() <= 1e-2;
        let rows = codes.mean.chunks(codes.latent.max(1));
        let one_hot = |row: &[f32]| row.iter().all(|v| near(*v, 0.0) || near(*v, 1.0)) && near(row.iter().sum(), 1.0);
        let (strays, place) = match self.vae().prior.support() {
            Support::Sphere => {
                let on = |row: &[f32]| near(row.iter().map(|v| v * v).sum::<f32>().sqrt(), 1.0);
                (rows.filter(|row| !on(row)).count(), "on the unit sphere")
            }
            Support::Classes { reals, classes } => {
                let choice = |row: &[f32]| row[reals..].chunks(classes).all(one_hot);
                (rows.filter(|row| !choice(row)).count(), "at ones and zeros, a one for each class variable")
            }
            Support::Codes { .. } if self.config().model.levels == 1 => {
                let n = codes.mean.len() / codes.latent;
                let z = from_vec(codes.mean.clone(), [n, codes.latent], &device::here());
                let nearest = self.vae().prior().quantized(&z, false).map(to_vec)?;
                let known = |(a, b): (&[f32], &[f32])| a.iter().zip(b).all(|(a, b)| near(*a, *b));
                (rows.zip(nearest.chunks(codes.latent)).filter(|pair| !known(*pair)).count(), "in its codebook")
            }
            _ => return None,
        };
        Some((strays, place)).filter(|(strays, _)| *strays > 0)
    }

    /// The numbers of the classes of codes, where these have classes.
    pub fn class_numbers(&self, codes: &Codes) -> Option<Vec<u32>> {
        let number = |name: &String| self.file().data.classes.iter().zip(0..).find(|(n, _)| *n == name).map(|(_, i)| i);
        codes.classes.as_ref().and_then(|column| column.values.iter().map(number).collect())
    }
}
