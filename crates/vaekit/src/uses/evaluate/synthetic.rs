//! Drawn rows of a table judged beside real ones.

use std::collections::HashMap;

use crate::data::{Column, Dataset, Kind, columns};
use crate::eval::synthetic::{Lesson, Rows, associations, learned_from, nearer, shape, told_apart, trend};
use crate::model::Model;
use crate::{Error, Result};

use super::super::Observation;

/// Rows that are drawn and compared at most.
const JUDGED: usize = 5_000;

/// How real drawn rows are.
#[derive(Clone, Debug)]
pub struct Synthetic {
    /// The columns.
    pub columns: Vec<Column>,
    /// Real rows as they are stored, `[N, W]`.
    pub real: Vec<f32>,
    /// Drawn rows, `[M, W]`.
    pub drawn: Vec<f32>,
    /// Of each column, 1 less the distance of its marginals.
    pub shapes: Vec<f64>,
    /// How alike pairs of columns go together, 1 is best.
    pub trend: f64,
    /// How columns go together, `[W, W]`: in real rows, and in drawn ones.
    pub together: [Vec<f64>; 2],
    /// 2 (1 - AUROC) of a network that tells real from drawn rows, at most 1.
    pub two_sample: f64,
    /// The first category; the accuracy on test rows of telling it from the other columns, learned from drawn rows and from
    /// training rows. None without a category.
    pub useful: Option<(String, [f64; 2])>,
    /// The share of drawn rows that lie nearer to a training row than to a test row, of as many; 0.5 is best.
    pub nearer: f64,
    /// The share of drawn rows that equal a training row, and of test rows that do.
    pub copies: [f64; 2],
}

impl Model {
    /// Draws as many rows as there are test rows, and compares both. What is missing in real rows is missing nowhere in drawn
    /// ones, and takes no part.
    ///
    /// # Errors
    /// Pictures, or fewer than 20 rows.
    pub fn synthetic(&self, data: &Dataset, train: &[u32], test: &[u32]) -> Result<Synthetic> {
        if self.schema().is_image() {
            return Err(Error::unsupported("synthetic", "compares rows of tables; use --quality for pictures"));
        }
        if test.len() < 20 {
            let problem = format!("{} rows are too few to compare with; at least 20", test.len());
            return Err(Error::data("synthetic", problem));
        }
        let all = train;
        let (train, test) = (self.some(train, JUDGED), self.some(test, JUDGED));
        // A small test part is compared with more draws than it has rows, which steadies the figures.
        let n = test.len().clamp(1_000, JUDGED);
        let drawing = self.drawing(Some((data, &train, self.usual_source())), n, Observation::Draw, self.rng())?;
        let drawn = self.rows_of(&drawing)?.values;
        let stored = |rows: &[u32]| -> Result<Vec<f32>> {
            let mut values = Vec::with_capacity(rows.len() * data.width());
            rows.iter().try_for_each(|row| data.extend_with_row(*row as usize, &mut values))?;
            Ok(values)
        };
        let columns: Vec<Column> = self.schema().modelled().cloned().collect();
        let (real, taught) = (stored(&test)?, stored(&train)?);
        let rows = |values| Rows { columns: &columns, values };
        let shapes = (0..columns.len()).map(|c| shape(&rows(&real), &rows(&drawn), c)).collect();
        let trend = trend(&rows(&real), &rows(&drawn));
        let together = [associations(&rows(&real), &rows(&real)), associations(&rows(&real), &rows(&drawn))];
        let x = |values: &[f32]| -> Vec<f32> {
            let n = values.len() / columns.len().max(1);
            let mut x = vec![0.0; n * self.x_width()];
            self.encoding().encode(self.schema(), values, &mut x);
            x.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
            x
        };
        let (real_x, drawn_x, taught_x) = (x(&real), x(&drawn), x(&taught));
        let width = self.x_width();
        // The network learns from training rows: test rows are too few to learn from.
        let two_sample = (2.0 * (1.0 - told_apart(&taught_x, &drawn_x, width, self.rng()))).min(1.0);
        let some = &drawn_x[..drawn_x.len().min(1_000 * width)];
        let nearer = nearer(some, &taught_x, &real_x, width);
        let useful = self.useful(&[&drawn, &taught, &real], &[&drawn_x, &taught_x, &real_x], &columns);
        let key = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        let of_rows = |values: &[f32]| values.chunks(columns.len().max(1)).map(key).collect::<Vec<_>>();
        // Of few rows it is known whether they are among the training rows, of which there may be many.
        let mut is_known: HashMap<Vec<u32>, bool> =
            [&drawn, &real].into_iter().flat_map(|values| of_rows(values)).map(|row| (row, false)).collect();
        data.for_each_row(all, |_, row| {
            if let Some(known) = is_known.get_mut(&key(row)) {
                *known = true;
            }
            Ok(())
        })?;
        let share = |values: &[f32]| {
            let all = of_rows(values);
            all.iter().filter(|row| is_known.get(*row) == Some(&true)).count() as f64 / all.len().max(1) as f64
        };
        let copies = [share(&drawn), share(&real)];
        Ok(Synthetic { shapes, trend, together, two_sample, useful, nearer, copies, real, drawn, columns })
    }

    /// How well the first category is told from the other columns on real rows, learned from drawn and from training rows.
    /// Of each set, in this order and last the test rows: rows as they are stored, and as coordinates.
    fn useful(&self, stored: &[&[f32]; 3], x: &[&[f32]; 3], columns: &[Column]) -> Option<(String, [f64; 2])> {
        let at = columns.iter().position(|column| column.kind.has_levels() || column.kind == Kind::Binary)?;
        let levels = columns[at].levels.len().max(2);
        let (w, width) = (columns.len(), self.x_width());
        let (places, _) = columns::places(&self.encoding().columns);
        let own = |i: usize| {
            places.get(at).is_some_and(|p| {
                p.number == Some(i) || p.blocks.iter().any(|(from, size)| (*from..from + size).contains(&i))
            })
        };
        let lesson = |set: usize| -> (Vec<f32>, Vec<usize>) {
            let rows = stored[set].chunks(w).zip(x[set].chunks(width)).filter(|(row, _)| !row[at].is_nan());
            let (mut all, mut level) = (Vec::new(), Vec::new());
            for (row, x) in rows {
                level.push((row[at] as usize).min(levels - 1));
                all.extend(x.iter().enumerate().map(|(i, v)| if own(i) { 0.0 } else { *v }));
            }
            (all, level)
        };
        let sets = [lesson(0), lesson(1), lesson(2)];
        if sets.iter().any(|(_, level)| level.is_empty()) {
            return None;
        }
        let [drawn, taught, test] = sets.each_ref().map(|(x, level)| Lesson { x, level });
        let of = |lesson: &Lesson<'_>| learned_from(lesson, &test, levels, self.rng());
        Some((columns[at].name.clone(), [of(&drawn), of(&taught)]))
    }
}
