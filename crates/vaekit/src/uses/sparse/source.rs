//! What sparse codes are of: the values of rows, or the latent codes that a model has for them.

use crate::data::{Dataset, Kind, NameColumn, Step, counted};
use crate::model::Model;
use crate::uses::given::names_or_numbers;
use crate::uses::values::Look;
use crate::uses::{Codes, Values};
use crate::{Error, Result, budget};

use super::{Coded, Fitted, From, SparseCodes};

/// Rows that are coded at once.
const BLOCK: usize = 8_192;

/// Rows, as what a dictionary is made for.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    data: &'a Dataset,
    model: Option<&'a Model>,
}

impl<'a> Source<'a> {
    /// The values of a data set.
    ///
    /// # Errors
    /// Columns that are no numbers, or cells that are missing.
    pub fn values(data: &'a Dataset) -> Result<Self> {
        let is_number = |kind: Kind| !kind.has_levels() && !matches!(kind, Kind::Time | Kind::Text);
        if let Some(column) = data.schema().modelled().find(|column| !is_number(column.kind)) {
            let problem =
                format!("column '{}' is of kind {}, and a dictionary is of numbers", column.name, column.kind.name());
            return Err(Error::data(
                &data.name,
                format!("{problem}; name the columns of numbers by --columns, or train a model and name its run"),
            ));
        }
        if data.has_missing() {
            let advice = "fill them in (vaekit impute), or train a model and name its run";
            let lacks = counted(data.missing(), "value");
            return Err(Error::data(&data.name, format!("lacks {lacks}; {advice}")));
        }
        Ok(Self { data, model: None })
    }

    /// The latent codes of a model for the rows of a data set.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn codes(model: &'a Model, data: &'a Dataset) -> Result<Self> {
        model.check_fits(data)?;
        Ok(Self { data, model: Some(model) })
    }

    /// Where the rows are from; `identity` is that of the run.
    pub fn from(&self, identity: Option<&str>) -> From {
        match identity {
            Some(identity) => From::Codes(identity.to_owned()),
            None => From::Values(self.data.schema().clone()),
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<String> {
        match self.model {
            Some(model) => (0..model.vae().latent()).map(|i| format!("z{i}")).collect(),
            None if self.is_image() => (0..self.data.width()).map(|i| format!("p{i}")).collect(),
            None => self.data.schema().modelled_names(),
        }
    }

    /// What a column is divided by, where that is not its standard deviation: of pictures the range of a pixel, of codes 1.
    pub fn scale(&self) -> Option<f32> {
        if self.model.is_some() { Some(1.0) } else { self.is_image().then(|| self.pixel()) }
    }

    /// Rows, `[rows, width]`: what the dictionary is of.
    ///
    /// # Errors
    /// Rows that cannot be read or held.
    pub fn rows(&self, rows: &[u32]) -> Result<Vec<f32>> {
        match self.model {
            Some(model) => Ok(model.encode(self.data, rows)?.mean),
            None => self.stored(rows),
        }
    }

    /// Codes rows block after block, so that no more than their codes is held; `keep` holds what the codes make of them too.
    /// `progress` hears of the rows that are done.
    ///
    /// # Errors
    /// Rows that cannot be read or coded, or an interruption.
    pub fn coded(
        &self,
        fitted: &Fitted,
        rows: &[u32],
        keep: bool,
        progress: &mut dyn FnMut(usize) -> Step,
    ) -> Result<Coded> {
        let mut found = Coded::empty(fitted.dictionary.len());
        for (i, part) in rows.chunks(BLOCK).enumerate() {
            let mut coded = fitted.code(&self.rows(part)?)?;
            if !keep {
                coded.rows = Vec::new();
            }
            found.extend(coded);
            if progress(i * BLOCK + part.len()) == Step::Stop {
                return Err(Error::interrupted("interrupted: no codes are written"));
            }
        }
        Ok(found)
    }

    /// What rows are called; their number where the data does not say so.
    ///
    /// # Errors
    /// Names that cannot be read.
    pub fn name(&self, rows: &[u32]) -> Result<NameColumn> {
        names_or_numbers(self.data, rows)
    }

    /// Fits what each atom adds to a row, x = mean + D a, where the rows are numbers throughout; the dictionary itself says
    /// so where it is one of values.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn show(&self, fitted: &mut Fitted, codes: &SparseCodes, rows: &[u32]) -> Result<()> {
        if self.model.is_some() && Self::values(self.data).is_ok() {
            fitted.show(codes, &self.stored(rows)?, self.data.width());
        }
        Ok(())
    }

    /// Rows as their codes make them, through the decoder of a model.
    ///
    /// # Errors
    /// What the decoder refuses.
    pub fn made(&self, coded: &Coded, rows: &[u32], tiles: usize) -> Result<Values> {
        let Some(model) = self.model else { return Ok(self.looked(coded.rows.clone(), tiles)) };
        let latent = model.vae().latent();
        let beside = model.conditions_of(self.data, rows)?;
        let codes = Codes { mean: coded.rows.clone(), log_var: None, latent, name: None, beside };
        let given = model.given_of(&codes)?;
        model.decode(&codes.mean, latent, tiles, given.as_deref())
    }

    /// Mean squared error a number between rows and what was made of them, in units of the range of a pixel; none of a table
    /// of several kinds.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn error(&self, rows: &[u32], made: &[f32]) -> Result<Option<f64>> {
        if !self.is_image() {
            return Ok(None);
        }
        let unit = f64::from(self.pixel());
        let squares: f64 = self.stored(rows)?.iter().zip(made).map(|(a, b)| (f64::from(a - b) / unit).powi(2)).sum();
        Ok(Some(squares / made.len().max(1) as f64))
    }

    /// The atoms as pictures, each by its own largest number: black is as far below 0 as white is above. Of a table none.
    pub fn atoms(&self, fitted: &Fitted) -> Option<Values> {
        let width = self.data.width();
        let mut atoms = match (&fitted.shown, self.model) {
            (Some((atoms, _)), _) => atoms.clone(),
            (None, None) => fitted.dictionary.atoms().to_vec(),
            (None, Some(_)) => return None,
        };
        for atom in atoms.chunks_mut(width) {
            let most = atom.iter().fold(1e-12f32, |most, v| most.max(v.abs()));
            atom.iter_mut().for_each(|v| *v /= most);
        }
        let tiles = fitted.dictionary.len().isqrt().clamp(1, 32);
        let mut values = self.looked(atoms, tiles);
        values.look = Some(Look { range: (-1.0, 1.0), tiles, behind: Vec::new() });
        self.is_image().then_some(values)
    }

    /// Rows of the file above what was made of them, ten a line, for pictures.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn beside(&self, rows: &[u32], made: &Values) -> Result<Values> {
        let (stored, width) = (self.stored(rows)?, self.data.width());
        let lines = stored.chunks(10 * width).zip(made.values.chunks(10 * width));
        Ok(self.looked(lines.flat_map(|(a, b)| a.iter().chain(b).copied()).collect(), 10.min(rows.len())))
    }

    /// True for pictures.
    pub fn is_image(&self) -> bool {
        self.data.schema().is_image()
    }

    /// The range of a pixel.
    fn pixel(&self) -> f32 {
        if self.data.schema().value_kind() == Kind::Byte { 255.0 } else { 1.0 }
    }

    fn stored(&self, rows: &[u32]) -> Result<Vec<f32>> {
        budget::ask_values(&self.data.name, "the numbers of its rows", &[5, rows.len(), self.data.width()])?;
        let mut x = Vec::with_capacity(rows.len() * self.data.width());
        self.data.for_each_row(rows, |_, row| {
            x.extend_from_slice(row);
            Ok(())
        })?;
        Ok(x)
    }

    /// Stored values with the names and the look of the data.
    fn looked(&self, values: Vec<f32>, tiles: usize) -> Values {
        let schema = self.data.schema();
        let (shape, columns) = match schema.image_shape() {
            Some(shape) => (shape.to_vec(), (0..schema.width()).map(|i| format!("p{i}")).collect()),
            None => (vec![schema.width()], schema.modelled_names()),
        };
        let look = Some(Look { range: (0.0, self.pixel()), tiles, behind: Vec::new() });
        // A column may be stored less its smallest value, which its cells have again.
        let typed = if schema.is_mixed() { schema.modelled().cloned().collect() } else { Vec::new() };
        Values { columns, values, shape, look, name: None, beside: Vec::new(), typed }
    }
}
