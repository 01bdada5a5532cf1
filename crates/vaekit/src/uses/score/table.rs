//! Scores as a csv file, with what rows are called before them and what was left out after them.

use std::path::Path;

use crate::data::{Cells, Dataset, Role};
use crate::run::write_atomically;
use crate::{Error, Result};

use super::Reason;

/// Scores of rows, with all that is told of them.
pub struct ScoredTable<'a> {
    /// Where the rows are from.
    pub data: &'a Dataset,
    /// Which they are.
    pub rows: &'a [u32],
    /// Their scores.
    pub scores: &'a [f64],
    /// Their conformal p-values.
    pub p_values: &'a [f64],
    /// From which score on a row is an anomaly.
    pub threshold: f64,
    /// The reasons of some of them, by their place among `rows`.
    pub reasons: &'a std::collections::HashMap<usize, Vec<Reason>>,
    /// Reasons that a row has at most.
    pub most: usize,
}

impl ScoredTable<'_> {
    /// Places of the rows, the strangest first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]).then(a.cmp(b)));
        order
    }

    /// Writes a line a row in the order of the file: its name, score, rank from 1, p-value, whether it is an anomaly, the
    /// reasons, and the cells of columns that the model does not look at.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut rank = vec![0usize; self.scores.len()];
        self.order().into_iter().enumerate().for_each(|(i, at)| rank[at] = i + 1);
        let carried: Vec<&str> = carried(self.data);
        let number = if carried.contains(&"row") { "row_number" } else { "row" };
        let id = self.data.row_names().map_or(number, |(name, _)| if name.is_empty() { "id" } else { name });
        let mut header: Vec<String> = vec![id.into()];
        header.extend(["score", "rank", "p_value", "anomaly"].map(str::to_owned));
        for i in 1..=self.most {
            header.extend(["reason", "share", "found", "expected", "low", "high"].map(|what| format!("{what}_{i}")));
        }
        header.extend(carried.iter().map(|name| (*name).to_owned()));
        let mut broken = None;
        write_atomically(path, |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(&header)?;
            for (i, row) in self.rows.iter().enumerate() {
                let name = match self.data.row_names() {
                    Some((_, names)) => names.get(*row as usize).map_err(std::io::Error::other)?,
                    None => row.to_string(),
                };
                let score = self.scores[i];
                if !score.is_finite() {
                    broken = Some(Error::not_finite(self.data.name_of(*row), "its score"));
                    return Err(std::io::Error::other("no score"));
                }
                let mut line = vec![name, score.to_string(), rank[i].to_string(), format!("{:.6}", self.p_values[i])];
                line.push(if score > self.threshold { "yes" } else { "no" }.into());
                let reasons = self.reasons.get(&i).map_or(&[][..], Vec::as_slice);
                for at in 0..self.most {
                    line.extend(match reasons.get(at) {
                        None => vec![String::new(); 6],
                        Some(r) => {
                            let share = format!("{:.3}", r.share);
                            vec![
                                r.column.clone(),
                                share,
                                r.found.clone(),
                                r.expected.clone(),
                                r.low.clone(),
                                r.high.clone(),
                            ]
                        }
                    });
                }
                for name in &carried {
                    line.push(word(self.data, name, *row).map_err(std::io::Error::other)?);
                }
                writer.write_record(&line)?;
            }
            writer.flush()
        })
        .map_err(|e| broken.unwrap_or(e))
    }
}

/// The columns that no model looks at, which go along to every output.
pub(crate) fn carried(data: &Dataset) -> Vec<&str> {
    data.schema().beside().filter(|c| matches!(c.role, Role::Ignored | Role::Label)).map(|c| c.name.as_str()).collect()
}

/// A cell beside the modelled ones, in the file's own words.
///
/// # Errors
/// Words on disk that cannot be read.
pub(crate) fn word(data: &Dataset, column: &str, row: u32) -> Result<String> {
    let levels = data.schema().beside().find(|c| c.name == column).map_or(&[][..], |c| &c.levels);
    Ok(match data.cells(column) {
        Some(Cells::Text(words)) => words.get(row as usize)?,
        Some(Cells::Levels(ids)) => levels.get(ids[row as usize] as usize).cloned().unwrap_or_default(),
        Some(Cells::Numbers(values)) if !values[row as usize].is_nan() => values[row as usize].to_string(),
        _ => String::new(),
    })
}
