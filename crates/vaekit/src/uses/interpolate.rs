//! What lies between codes: smooth for a VAE, holes for an autoencoder.

use crate::data::{Dataset, Labels};
use crate::model::Model;
use crate::rng::{Purpose, below};
use crate::{Error, Result};

use super::Values;

/// Between what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Between {
    /// Two rows of the data, in a line.
    Rows(u32, u32),
    /// Two classes by name, in a grid whose upper corners are examples of the
    /// first and whose lower corners are examples of the second.
    Classes(String, String),
}

impl Model {
    /// Decodes `steps` codes from one end to the other; `steps` squared for classes.
    ///
    /// `rows` are those that examples of classes are chosen from, by the run's seed.
    ///
    /// # Errors
    /// A row or class that is not there, or data without classes.
    pub fn interpolate(&self, data: &Dataset, rows: &[u32], between: &Between, steps: usize) -> Result<Values> {
        match between {
            Between::Rows(a, b) => {
                for row in [a, b] {
                    if *row as usize >= data.len() {
                        let last = data.len() - 1;
                        return Err(Error::setting("rows", format!("found {row}, expected a row from 0 to {last}")));
                    }
                }
                let codes = self.encode(data, &[*a, *b])?;
                let between = line(codes.row(0), codes.row(1), steps).concat();
                self.decode(&between, codes.latent, steps, self.told_between(data, [*a, *b], steps, 1)?.as_deref())
            }
            Between::Classes(a, b) => {
                let (a, b) = (self.examples(data, rows, a)?, self.examples(data, rows, b)?);
                let codes = self.encode(data, &[a[0], a[1], b[0], b[1]])?;
                let left = line(codes.row(0), codes.row(2), steps);
                let right = line(codes.row(1), codes.row(3), steps);
                let grid: Vec<f32> = left.iter().zip(&right).flat_map(|(l, r)| line(l, r, steps).concat()).collect();
                let given = self.told_between(data, [a[0], b[0]], steps, steps)?;
                self.decode(&grid, codes.latent, steps, given.as_deref())
            }
        }
    }

    /// What a conditional model is told at each step, each `times`: numbers in a line, words those of the nearer end.
    fn told_between(&self, data: &Dataset, [a, b]: [u32; 2], steps: usize, times: usize) -> Result<Option<Vec<f32>>> {
        let (a, b) = (self.given_of_row(data, a)?, self.given_of_row(data, b)?);
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        let is_number = self.encoding().given.iter().flat_map(|c| vec![c.levels.is_empty(); c.width()]);
        let is_number: Vec<bool> = is_number.collect();
        let at_step = |(i, told): (usize, Vec<f32>)| {
            let nearer = if 2 * i < steps { &a } else { &b };
            let told =
                told.iter().zip(nearer).zip(&is_number).map(|((t, n), is_number)| if *is_number { *t } else { *n });
            told.collect::<Vec<f32>>().repeat(times)
        };
        Ok(Some(line(&a, &b, steps).into_iter().enumerate().flat_map(at_step).collect()))
    }

    /// Two rows of a class that lie apart: one by the seed, and the one whose
    /// code is at the median of the distances to its own.
    fn examples(&self, data: &Dataset, rows: &[u32], class: &str) -> Result<[u32; 2]> {
        let Some(Labels { ids, names }) = data.labels() else {
            return Err(Error::setting("classes", format!("{} has no classes; use --rows i,j", data.name)));
        };
        let Some(id) = names.iter().position(|n| n == class) else {
            return Err(Error::setting(
                "classes",
                format!("'{class}' is no class; expected one of {}", names.join(", ")),
            ));
        };
        let mut members: Vec<u32> = rows.iter().copied().filter(|&r| ids[r as usize] == id as u32).collect();
        members.truncate(CANDIDATES);
        if members.is_empty() {
            return Err(Error::setting("classes", format!("no row of these is of class '{class}'")));
        }
        let mut rng = self.rng().stream(Purpose::Choice, id as u64);
        let first = below(&mut rng, members.len() as u64) as usize;
        let codes = self.encode(data, &members)?;
        let distance =
            |i: usize| -> f32 { codes.row(first).iter().zip(codes.row(i)).map(|(a, b)| (a - b).powi(2)).sum() };
        let mut by_distance: Vec<usize> = (0..members.len()).collect();
        by_distance.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        let other = by_distance[members.len() / 2];
        Ok([members[first], members[other]])
    }
}

/// Rows of a class that are looked at for an example.
const CANDIDATES: usize = 200;

/// `steps` points from `a` to `b`, both included.
fn line(a: &[f32], b: &[f32], steps: usize) -> Vec<Vec<f32>> {
    (0..steps)
        .map(|i| i as f32 / (steps.max(2) - 1) as f32)
        .map(|t| a.iter().zip(b).map(|(a, b)| a + t * (b - a)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_starts_and_ends_at_its_ends() {
        assert_eq!(line(&[0.0, 1.0], &[2.0, 1.0], 3), [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]);
        assert_eq!(line(&[0.0], &[2.0], 1), [[0.0]]);
    }
}
