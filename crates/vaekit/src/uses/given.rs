//! What a conditional model is told of new rows, of codes and of rows.

use vaekit_ops::{Tensor, device, from_vec};

use crate::Result;
use crate::data::{Cells, Dataset, NameColumn};
use crate::model::Model;

impl Model {
    /// The conditions of new rows, `[N, C]`: what was chosen; else each word of a column in turn, and of a number the
    /// mean over the training rows. None for a model that is not conditional.
    pub(super) fn given_of_new(&self, rows: &[u64]) -> Option<Vec<f32>> {
        self.is_conditional().then(|| rows.iter().flat_map(|row| self.conditions_in_turn(*row)).collect())
    }

    /// The same for `n` codes that nothing is known of: what was chosen, else the first word and the mean.
    pub(super) fn given_of_codes(&self, n: usize) -> Option<Vec<f32>> {
        self.is_conditional().then(|| self.conditions_in_turn(0).repeat(n))
    }

    /// The conditions of a row of a data set; those that were chosen stand in their place.
    pub(super) fn given_of_row(&self, data: &Dataset, row: u32) -> Result<Option<Vec<f32>>> {
        let Some(mut given) = self.encoding().given(data, &[row])? else { return Ok(None) };
        let mut at = 0;
        for (condition, chosen) in self.encoding().given.iter().zip(self.chosen_conditions()) {
            if let Some(chosen) = chosen {
                given[at..at + chosen.len()].copy_from_slice(chosen);
            }
            at += condition.width();
        }
        Ok(Some(given))
    }

    /// The conditions that rows have, in the words of the file.
    pub(super) fn conditions_of(&self, data: &Dataset, rows: &[u32]) -> Result<Vec<NameColumn>> {
        let Some(given) = self.encoding().given(data, rows)? else { return Ok(Vec::new()) };
        let mut all = self.encoding().words(&given);
        // A number as it was read: through the model's units and back it would be rounded.
        for (column, condition) in all.iter_mut().zip(&self.encoding().given) {
            if let (true, Some(Cells::Numbers(numbers))) = (condition.levels.is_empty(), data.cells(&condition.column))
            {
                column.values = rows.iter().map(|row| numbers[*row as usize].to_string()).collect();
            }
        }
        Ok(all)
    }

    /// Conditions `[N, C]` as the networks take them.
    pub(super) fn told(&self, given: Option<&[f32]>) -> Option<Tensor<2>> {
        let width = self.encoding().given_width();
        given.map(|given| from_vec(given.to_vec(), [given.len() / width.max(1), width], &device::here()))
    }

    /// The words of all columns together, each combination in turn; the first column changes the fastest.
    fn conditions_in_turn(&self, mut turn: u64) -> Vec<f32> {
        let mut given = Vec::with_capacity(self.encoding().given_width());
        for (condition, chosen) in self.encoding().given.iter().zip(self.chosen_conditions()) {
            match (chosen, condition.levels.len() as u64) {
                (Some(chosen), _) => given.extend(chosen),
                (None, 0) => given.push(0.0),
                (None, levels) => {
                    given.extend(condition.one_hot((turn % levels) as usize));
                    turn /= levels;
                }
            }
        }
        given
    }
}

/// What rows are called, else their numbers.
pub(super) fn names_or_numbers(data: &Dataset, rows: &[u32]) -> Result<NameColumn> {
    let numbers = || NameColumn { name: "row".into(), values: rows.iter().map(u32::to_string).collect() };
    Ok(names_of(data, rows)?.unwrap_or_else(numbers))
}

/// What rows are called, where their data says so.
pub(super) fn names_of(data: &Dataset, rows: &[u32]) -> Result<Option<NameColumn>> {
    let Some((name, names)) = data.row_names() else { return Ok(None) };
    let values = rows.iter().map(|row| names.get(*row as usize)).collect::<Result<_>>()?;
    Ok(Some(NameColumn { name: name.to_owned(), values }))
}
