//! Codes of rows, in memory and in files.

use std::path::Path;

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::{AskedColumn, Cells, Dataset, Kind, NameColumn, OpenOptions, Role, header, open};
use crate::model::{Model, Support};
use crate::{Error, Result, budget};

use super::Values;
use super::given::names_of;

/// What columns of log-variances are called, before their number.
const LOG_VAR: &str = "log_var";

/// q(z given x) of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// `[N, D]`
    pub mean: Vec<f32>,
    /// `[N, D]`; none for an autoencoder.
    pub log_var: Option<Vec<f32>>,
    /// D, dimensions of z.
    pub latent: usize,
    /// What the rows are called, where their data says so.
    pub name: Option<NameColumn>,
    /// What a conditional model was told of each row.
    pub beside: Vec<NameColumn>,
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
        let (name, beside) = (self.name.clone(), self.beside.clone());
        Values { shape: vec![columns.len()], columns, values, look: None, name, beside, typed: Vec::new() }
    }
}

impl Model {
    /// Reads codes as [`Codes::values`] writes them: means, perhaps log-variances, perhaps what rows are called, and of a
    /// conditional model perhaps what it was told of each row.
    ///
    /// # Errors
    /// A file that cannot be read or is no table, or a condition with a value that the model does not know.
    pub fn read_codes(&self, path: &Path) -> Result<Codes> {
        let mut options = OpenOptions { columns_are_fixed: true, ..OpenOptions::default() };
        // Their words as they stand: the model knows what they are.
        let told = self.encoding().given.iter().map(|c| asked(&c.column, Role::Condition));
        options.roles = told.collect();
        if let Some(header) = header(path) {
            // Wherever they stand in the file: z0, z1, .. and then log_var0, log_var1, ..
            let numbered = |stem: &str| {
                let number = |name: &String| name.strip_prefix(stem).and_then(|digits| digits.parse::<usize>().ok());
                let mut found: Vec<_> = header.iter().filter_map(|name| Some((number(name)?, name.clone()))).collect();
                found.sort();
                found.into_iter().map(|(_, name)| name)
            };
            options.columns = numbered("z").chain(numbered(LOG_VAR)).collect();
            let others = header.iter().filter(|name| !options.columns.contains(name));
            let named = others.clone().find(|name| !options.roles.iter().any(|asked| asked.name == **name));
            if let (Some(name), false) = (named, options.columns.is_empty()) {
                options.roles.push(asked(name, Role::Identifier));
            }
        }
        let table = open(&path.to_string_lossy(), &options, &mut |_| ())?;
        if table.schema().is_image() {
            return Err(Error::setting("codes", format!("{} holds images, expected a table", path.display())));
        }
        if table.has_missing() {
            return Err(Error::setting("codes", format!("{} lacks {} values", path.display(), table.missing())));
        }
        let columns = table.schema().modelled_names();
        let (has, half) = (columns.len(), columns.len() / 2);
        let spread = columns[half..].iter().enumerate().all(|(i, name)| *name == format!("{LOG_VAR}{i}"));
        let latent = if spread && has % 2 == 0 { half } else { has };
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        let mut codes =
            Codes { mean: Vec::new(), log_var: None, latent, name: names_of(&table, &rows)?, beside: Vec::new() };
        budget::ask_values(path.display(), "its codes", &[table.len(), has])?;
        let mut log_var = Vec::new();
        table.for_each_row(&rows, |_, row| {
            codes.mean.extend_from_slice(&row[..latent]);
            log_var.extend_from_slice(&row[latent..]);
            Ok(())
        })?;
        codes.log_var = Some(log_var).filter(|v| v.len() == codes.mean.len());
        codes.beside =
            self.encoding().given.iter().filter_map(|c| words(&table, &c.column).transpose()).collect::<Result<_>>()?;
        self.given_of(&codes).map_err(|e| Error::setting(path.display(), e.to_string()))?;
        Ok(codes)
    }

    /// The conditions of codes, `[N, C]`, where each of them is beside the codes or was chosen.
    ///
    /// # Errors
    /// A value that a condition does not have.
    pub fn given_of(&self, codes: &Codes) -> Result<Option<Vec<f32>>> {
        let n = codes.mean.len() / codes.latent.max(1);
        if codes.beside.is_empty() {
            return Ok(None);
        }
        let Some(mut given) = self.given_of_codes(n) else { return Ok(None) };
        let (width, mut at) = (self.encoding().given_width(), 0);
        for (condition, chosen) in self.encoding().given.iter().zip(self.chosen_conditions()) {
            let column = codes.beside.iter().find(|column| column.name == condition.column);
            if let (Some(column), None) = (column, chosen) {
                for (row, cell) in column.values.iter().enumerate() {
                    let numbers = condition.encode(cell).map_err(|problem| {
                        Error::data("codes", format!("row {row}, column '{}': {problem}", column.name))
                    })?;
                    given[row * width + at..][..numbers.len()].copy_from_slice(&numbers);
                }
            }
            at += condition.width();
        }
        Ok(Some(given))
    }

    /// The conditions that neither codes say nor a person chose, each with the value that decoding assumes.
    pub fn assumed(&self, codes: Option<&Codes>) -> Vec<(String, String)> {
        let Some(given) = self.given_of_codes(1) else { return Vec::new() };
        let values = self.encoding().words(&given).into_iter().zip(self.chosen_conditions());
        let open = values.filter(|(column, chosen)| {
            chosen.is_none() && !codes.is_some_and(|codes| codes.beside.iter().any(|known| known.name == column.name))
        });
        open.map(|(column, _)| (column.name, column.values.concat())).collect()
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
            Support::Codes { levels: 1, .. } => {
                let n = codes.mean.len() / codes.latent;
                let z = from_vec(codes.mean.clone(), [n, codes.latent], &device::here());
                let nearest = self.vae().prior().quantized(&z).map(to_vec)?;
                let known = |(a, b): (&[f32], &[f32])| a.iter().zip(b).all(|(a, b)| near(*a, *b));
                (rows.zip(nearest.chunks(codes.latent)).filter(|pair| !known(*pair)).count(), "in its codebook")
            }
            _ => return None,
        };
        Some((strays, place)).filter(|(strays, _)| *strays > 0)
    }
}

/// A column of words, if it is there.
fn asked(name: &str, role: Role) -> AskedColumn {
    AskedColumn { name: name.to_owned(), role, kind: Some(Kind::Text), if_there: true }
}

/// The cells of a column that is not modelled, as words.
pub(super) fn words(data: &Dataset, column: &str) -> Result<Option<NameColumn>> {
    let Some(cells) = data.cells(column) else { return Ok(None) };
    let values = match cells {
        Cells::Text(words) => words.to_vec()?,
        Cells::Numbers(numbers) => numbers.iter().map(f32::to_string).collect(),
        Cells::Levels(ids) => {
            let levels = data.schema().columns.iter().find(|c| c.name == column).map_or(&[][..], |c| &c.levels);
            ids.iter().map(|id| levels.get(*id as usize).cloned().unwrap_or_default()).collect()
        }
    };
    Ok(Some(NameColumn { name: column.to_owned(), values }))
}
