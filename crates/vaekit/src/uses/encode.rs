//! From rows to codes and back.

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::{Batches, Dataset, NameColumn, Step};
use crate::model::Mode;
use crate::run::Run;
use crate::{Error, Result};

use super::{BATCH, Codes, Values};

/// The class of a row, where rows have classes.
pub(super) fn class_of(data: &Dataset, row: u32) -> Option<u32> {
    data.labels.as_ref().map(|labels| labels.ids[row as usize])
}

impl Run {
    /// Encodes rows.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn encode(&self, data: &Dataset, rows: &[u32]) -> Result<Codes> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let (mut mean, mut log_var) = (Vec::new(), Vec::new());
        Batches::in_order(data, &preparation, rows, BATCH).for_each(0, |_, host| {
            let q = self.vae().encode(&host.to_device(&device::here()), Mode::Infer);
            mean.extend(to_vec(q.mean()));
            log_var.extend(q.log_var().into_iter().flat_map(to_vec));
            Ok(Step::Continue)
        })?;
        let latent = mean.len() / rows.len().max(1);
        let classes = self.classes_of(data, rows);
        Ok(Codes { mean, log_var: Some(log_var).filter(|v| !v.is_empty()), latent, classes })
    }

    /// Decodes codes `[N, D]` to the mean of p(x given z).
    ///
    /// A conditional model takes the class of each from `classes`, else for all of them the one that was chosen, else
    /// the first.
    ///
    /// # Errors
    /// Codes of another width than the model's, or classes that are not one for each.
    pub fn decode(&self, codes: &[f32], width: usize, tiles: usize, classes: Option<&[u32]>) -> Result<Values> {
        let latent = self.vae().latent();
        if width != latent {
            return Err(Error::data("codes", format!("have {width} columns, this model's codes have {latent}")));
        }
        let n = codes.len() / latent;
        let classes = classes.map_or_else(|| vec![self.class().unwrap_or(0); n], <[u32]>::to_vec);
        if classes.len() != n {
            return Err(Error::data("codes", format!("are {n}, their classes {}", classes.len())));
        }
        let known = self.vae().decoder.classes().unwrap_or(usize::MAX);
        if let Some(class) = classes.iter().find(|class| **class as usize >= known) {
            return Err(Error::data("codes", format!("have class {class}, expected one below {known}")));
        }
        let mut values = Vec::new();
        for (chunk, label) in codes.chunks(BATCH * latent).zip(classes.chunks(BATCH)) {
            let z = from_vec(chunk.to_vec(), [label.len(), latent], &device::here());
            values.extend(to_vec(self.vae().decode_mean(z, Some(label).filter(|_| self.is_conditional()))));
        }
        Ok(Values { classes: self.named_classes(&classes), ..Values::of_rows(self, values, tiles) })
    }

    /// True when the model is told the class of each row.
    pub fn is_conditional(&self) -> bool {
        self.vae().decoder.classes().is_some()
    }

    /// The names of the classes of rows, where the model is told them.
    pub(super) fn classes_of(&self, data: &Dataset, rows: &[u32]) -> Option<NameColumn> {
        let classes: Option<Vec<u32>> = rows.iter().map(|row| class_of(data, *row)).collect();
        classes.and_then(|classes| self.named_classes(&classes))
    }

    /// Names of the classes that a conditional model was told, under the name of their column.
    pub(super) fn named_classes(&self, classes: &[u32]) -> Option<NameColumn> {
        let names = &self.file().data.classes;
        let name = |class: &u32| names.get(*class as usize).cloned().unwrap_or_default();
        let values = classes.iter().map(name).collect();
        self.is_conditional().then(|| NameColumn { name: self.class_column().to_owned(), values })
    }

    /// What the column of classes is called in files of rows and codes.
    pub fn class_column(&self) -> &str {
        self.config().label_column.as_deref().unwrap_or("class")
    }
}
