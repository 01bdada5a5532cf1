//! Mini-batches.

use std::sync::OnceLock;

use vaekit_ops::{Device, Tensor, from_vec, pool, to_vec};

use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

use super::{Binarize, Column, Dataset, Encoding, columns};

/// Rows on the device, with all that a model may condition on.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[B, X]`
    pub x: Tensor<2>,
    /// `[B, X]`, 1 where a value is known and 0 where it is missing; none for a model of complete rows.
    pub mask: Option<Tensor<2>>,
    /// `[B, X]`, 1 where the encoder is shown a value, in training that hides some; none where it sees all that is known. The
    /// likelihood is of every known value all the same, so that the model learns to tell what it was not shown.
    pub seen: Option<Tensor<2>>,
    /// `[B, C]`, what a conditional model is told of each row.
    pub given: Option<Tensor<2>>,
    /// The row of each example in its data set: the address of its noise.
    pub row_ids: Vec<u64>,
}

impl Batch {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.row_ids.len()
    }

    /// True for no rows.
    pub fn is_empty(&self) -> bool {
        self.row_ids.is_empty()
    }

    /// Known values of all rows together.
    pub fn known(&self) -> f64 {
        match &self.mask {
            Some(mask) => to_vec(mask.clone()).into_iter().map(f64::from).sum(),
            None => self.x.dims().into_iter().product::<usize>() as f64,
        }
    }
}

/// A batch in host memory, converted but not yet on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// `[B, X]`, row-major.
    pub x: Vec<f32>,
    /// `[B, X]`, as in [`Batch`].
    pub mask: Option<Vec<f32>>,
    /// `[B, X]`, as in [`Batch`].
    pub seen: Option<Vec<f32>>,
    /// `[B, C]`, as in [`Batch`].
    pub given: Option<Vec<f32>>,
    /// As in [`Batch`].
    pub row_ids: Vec<u64>,
}

impl HostBatch {
    /// The values of `x`, with a NaN for each that is missing: `[B, X]`.
    pub fn with_gaps(&self) -> Vec<f32> {
        match &self.mask {
            Some(mask) => self.x.iter().zip(mask).map(|(v, m)| if *m == 0.0 { f32::NAN } else { *v }).collect(),
            None => self.x.clone(),
        }
    }

    /// By how much the nats of a density in model values exceed those in the file's units, for each row: the sum of the
    /// log scales of its known values.
    pub fn log_volumes(&self, encoding: &Encoding) -> Vec<f64> {
        let rows = self.row_ids.len();
        let width = self.x.len() / rows.max(1);
        if !encoding.columns.is_empty() {
            let known = |at: usize| self.mask.as_ref().is_none_or(|mask| mask[at] > 0.0);
            let row = |row: usize| {
                let known = |i: usize| known(row * width + i);
                columns::log_volume(&encoding.columns, &self.x[row * width..][..width], known)
            };
            return (0..rows).map(row).collect();
        }
        let logs: Vec<f64> = encoding.scale.iter().map(|s| f64::from(*s).ln()).collect();
        let of = |i: usize| if logs.len() == 1 { logs[0] } else { logs[i] };
        match &self.mask {
            None => vec![(0..width).map(of).sum(); rows],
            Some(mask) => {
                let row = |mask: &[f32]| mask.iter().enumerate().map(|(i, m)| f64::from(*m) * of(i)).sum();
                mask.chunks(width.max(1)).map(row).collect()
            }
        }
    }

    /// Moves the batch to a device.
    pub fn to_device(self, device: &Device) -> Batch {
        let rows = self.row_ids.len();
        let tensor = |values: Vec<f32>| {
            let shape = [rows, values.len() / rows.max(1)];
            from_vec(values, shape, device)
        };
        Batch {
            x: tensor(self.x),
            mask: self.mask.map(tensor),
            seen: self.seen.map(tensor),
            given: self.given.map(tensor),
            row_ids: self.row_ids,
        }
    }
}

/// How stored rows become model values.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// How typed rows become numbers.
    pub encoding: Encoding,
    /// Randomness of a dynamic binarisation, and of what is hidden.
    pub rng: Rng,
    /// Share of the rows of a training pass of which a random part is hidden, as if it were missing.
    pub hide: f32,
}

impl Preparation {
    /// Encodes rows. The draw of a dynamic binarisation belongs to
    /// (seed, `epoch`, row). Epoch 0 is the one for evaluation, and the same whatever the seed, so that runs of several
    /// seeds are judged by the same pixels. A missing value is 0 in `x` and in `mask`.
    ///
    /// # Errors
    /// Missing values where the model is one of complete rows, or rows without what a conditional model is told.
    pub fn prepare(&self, data: &Dataset, rows: &[u32], epoch: u64) -> Result<HostBatch> {
        let encoding = &self.encoding;
        let (width, schema) = (encoding.width(data.schema()), data.schema());
        if let Some(row) = rows.iter().find(|row| **row as usize >= data.len()) {
            let last = data.len() - 1;
            return Err(Error::data(&data.name, format!("found row {row}, expected one from 0 to {last}")));
        }
        let described: Vec<&Column> =
            if encoding.columns.is_empty() { Vec::new() } else { schema.modelled().collect() };
        let (places, _) = columns::places(&encoding.columns);
        let unread: OnceLock<Error> = OnceLock::new();
        let read = |row: u32, out: &mut [f32]| {
            if let Err(e) = data.copy_row(row as usize, out) {
                unread.get_or_init(|| e);
            }
        };
        let mut x = vec![0.0; rows.len() * width];
        pool::each_row(&mut x, width, |i, x| {
            let row = rows[i];
            if encoding.columns.is_empty() {
                read(row, x);
                encoding.apply(x);
            } else {
                let mut stored = vec![0.0; data.width()];
                read(row, &mut stored);
                columns::encode(&encoding.columns, &described, &places, &stored, x);
            }
            match encoding.binarize {
                Binarize::None => {}
                Binarize::Threshold => {
                    x.iter_mut().filter(|v| !v.is_nan()).for_each(|v| *v = f32::from(*v >= 0.5));
                }
                Binarize::Dynamic => {
                    let rng = if epoch == 0 { Rng::new(0) } else { self.rng };
                    let draws = rng.at(epoch).uniform(Purpose::Binarize, &[u64::from(row)], width);
                    let drawn = |v: f32, u| if v.is_nan() { v } else { f32::from(u < v) };
                    x.iter_mut().zip(draws).for_each(|(v, u)| *v = drawn(*v, u));
                }
            }
        });
        if let Some(e) = unread.into_inner() {
            return Err(e);
        }
        let hides = epoch > 0 && self.hide > 0.0 && encoding.masked;
        let mut seen = hides.then(|| self.seen(width, &places, rows, epoch));
        // A model of typed columns takes rows with gaps even where training saw none: a gap is the mean to its encoder then.
        let open = !encoding.columns.is_empty() && x.iter().any(|v| v.is_nan());
        let mask = if encoding.masked || open { Some(take_mask(&mut x)) } else { None };
        if let (Some(seen), Some(mask)) = (&mut seen, &mask) {
            seen.iter_mut().zip(mask).for_each(|(seen, known)| *seen *= known);
        }
        if mask.is_none()
            && data.has_missing()
            && let Some(at) = x.iter().position(|v| v.is_nan())
        {
            let (row, column) = (data.name_of(rows[at / width]), encoding.value_name(schema, at % width));
            let problem = "missing value, but the model was trained on complete rows";
            let problem = format!("{row}, {column}: {problem}; fill it in, or train on data with missing values");
            return Err(Error::data(&data.name, problem));
        }
        let given = encoding.given(data, rows)?;
        Ok(HostBatch { x, mask, seen, given, row_ids: rows.iter().map(|&r| u64::from(r)).collect() })
    }
}

impl Preparation {
    /// 1 for each coordinate that the encoder is shown: of a share of the rows, some columns drawn at random are not. The draw
    /// belongs to (seed, epoch, row).
    fn seen(&self, width: usize, places: &[columns::Place], rows: &[u32], epoch: u64) -> Vec<f32> {
        let rng = self.rng.at(epoch);
        let columns = if places.is_empty() { width } else { places.len() };
        let mut seen = vec![1f32; rows.len() * width];
        pool::each_row(&mut seen, width, |i, seen| {
            let draws = rng.uniform(Purpose::Hide, &[u64::from(rows[i])], columns + 2);
            if draws[0] >= self.hide {
                return;
            }
            let hidden = |column: usize| draws[column + 2] < draws[1];
            match places.is_empty() {
                true => seen.iter_mut().enumerate().filter(|(c, _)| hidden(*c)).for_each(|(_, v)| *v = 0.0),
                false => places.iter().enumerate().filter(|(c, _)| hidden(*c)).for_each(|(_, place)| {
                    place.number.iter().for_each(|at| seen[*at] = 0.0);
                    place.blocks.iter().for_each(|(at, size)| seen[*at..at + size].fill(0.0));
                }),
            }
        });
        seen
    }
}

/// 1 for each known value and 0 for each NaN, which becomes 0.
fn take_mask(x: &mut [f32]) -> Vec<f32> {
    let mut take = |v: &mut f32| match v.is_nan() {
        true => {
            *v = 0.0;
            0.0
        }
        false => 1.0,
    };
    x.iter_mut().map(&mut take).collect()
}

/// The batches of one pass over some rows.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    data: &'a Dataset,
    preparation: &'a Preparation,
    rows: Vec<u32>,
    batch: usize,
    epoch: u64,
}

impl<'a> Batches<'a> {
    /// A training pass: rows in the order that belongs to (seed, epoch).
    pub fn shuffled(data: &'a Dataset, preparation: &'a Preparation, rows: &[u32], batch: usize, epoch: u64) -> Self {
        let order = preparation.rng.at(epoch).permutation(Purpose::Shuffle, rows.len());
        let rows = order.into_iter().map(|i| rows[i as usize]).collect();
        Self { data, preparation, rows, batch, epoch }
    }

    /// An evaluation pass: rows as given, binarised by the draw of epoch 0.
    pub fn in_order(data: &'a Dataset, preparation: &'a Preparation, rows: &[u32], batch: usize) -> Self {
        Self { data, preparation, rows: rows.to_vec(), batch, epoch: 0 }
    }

    /// How the rows become numbers.
    pub fn encoding(&self) -> &Encoding {
        &self.preparation.encoding
    }

    /// Number of batches; the last may be smaller.
    pub fn count(&self) -> usize {
        self.rows.len().div_ceil(self.batch)
    }

    /// Calls `each` with every batch from number `start` on.
    ///
    /// # Errors
    /// The first error of `each`, which ends the pass.
    pub fn for_each(&self, start: usize, mut each: impl FnMut(usize, HostBatch) -> Result<Step>) -> Result<()> {
        for (i, rows) in self.rows.chunks(self.batch).enumerate().skip(start) {
            if each(i, self.preparation.prepare(self.data, rows, self.epoch)?)? == Step::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on with the next batch.
    Continue,
    /// End the pass here.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Rows, Schema, Transform};
    use super::*;

    fn grey() -> (Dataset, Preparation) {
        let bytes = (0..40).map(|i| (i * 6) as u8).collect();
        let data = Dataset::new("g", Schema::images([1, 2, 2], Kind::Byte), Rows::U8(bytes)).unwrap();
        let encoding = Encoding::fit(Transform::Unit, &data, &[0]).unwrap();
        (
            data,
            Preparation { encoding: Encoding { binarize: Binarize::Dynamic, ..encoding }, rng: Rng::new(5), hide: 0.0 },
        )
    }

    #[test]
    fn a_missing_value_is_nought_in_x_and_in_the_mask_and_only_a_masked_model_takes_it() {
        let data = Dataset::from_rows("t", &["a", "b"], vec![1.0, f32::NAN, 3.0, 5.0]).unwrap();
        let encoding = Encoding::fit(Transform::Standardize, &data, &[0, 1]).unwrap();
        let prep = Preparation { encoding, rng: Rng::new(0), hide: 0.0 };
        let batch = prep.prepare(&data, &[0, 1], 1).unwrap();
        assert_eq!((batch.x, batch.mask.unwrap()), (vec![-1.0, 0.0, 1.0, 0.0], vec![1.0, 0.0, 1.0, 1.0]));
        let complete = Preparation { encoding: Encoding::none(), ..prep };
        assert!(complete.prepare(&data, &[1], 1).is_ok());
        let error = complete.prepare(&data, &[1, 0], 1).unwrap_err().to_string();
        assert!(error.contains("row 0") && error.contains("'b'"), "{error}");
    }

    fn collect(batches: &Batches<'_>, start: usize) -> Vec<HostBatch> {
        let mut all = Vec::new();
        batches
            .for_each(start, |_, b| {
                all.push(b);
                Ok(Step::Continue)
            })
            .unwrap();
        all
    }

    #[test]
    fn a_pass_can_be_joined_in_the_middle() {
        let (data, prep) = grey();
        let rows: Vec<u32> = (0..10).collect();
        let batches = Batches::shuffled(&data, &prep, &rows, 3, 2);
        let whole = collect(&batches, 0);
        assert_eq!(whole.len(), 4);
        assert_eq!(whole[3].row_ids.len(), 1);
        assert_eq!(collect(&batches, 2), whole[2..]);
    }

    #[test]
    fn binarisation_belongs_to_epoch_and_row_and_not_to_the_batch() {
        let (data, prep) = grey();
        let in_pair = prep.prepare(&data, &[4, 7], 1).unwrap();
        assert_eq!(in_pair.x[4..], prep.prepare(&data, &[7], 1).unwrap().x[..]);
        let epochs: Vec<_> = (1..20).map(|e| prep.prepare(&data, &[7], e).unwrap().x).collect();
        assert!(epochs.iter().any(|x| x != &epochs[0]));
        // Runs of other seeds are judged by the same pixels, and trained on others.
        let other = Preparation { rng: Rng::new(6), ..prep.clone() };
        let rows: Vec<u32> = (0..10).collect();
        let of = |prep: &Preparation, epoch| prep.prepare(&data, &rows, epoch).unwrap().x;
        assert_eq!(of(&other, 0), of(&prep, 0));
        assert_ne!(of(&other, 1), of(&prep, 1));
        assert!(epochs.iter().flatten().all(|&v| v == 0.0 || v == 1.0));
    }

    #[test]
    fn what_is_hidden_belongs_to_epoch_and_row_and_the_likelihood_is_of_it_all_the_same() {
        let data = Dataset::from_rows("t", &["a", "b", "c"], vec![1.0, f32::NAN, 3.0, 5.0, 6.0, 8.0]).unwrap();
        let encoding = Encoding::fit(Transform::Standardize, &data, &[0, 1]).unwrap();
        let prep = Preparation { encoding, rng: Rng::new(2), hide: 1.0 };
        let epochs: Vec<HostBatch> = (1..40).map(|epoch| prep.prepare(&data, &[0, 1], epoch).unwrap()).collect();
        for (epoch, batch) in epochs.iter().enumerate() {
            let (mask, seen) = (batch.mask.as_ref().unwrap(), batch.seen.as_ref().unwrap());
            assert_eq!(mask, &[1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
            assert!(seen.iter().zip(mask).all(|(seen, known)| seen <= known), "epoch {epoch}");
            let alone = prep.prepare(&data, &[1], epoch as u64 + 1).unwrap();
            assert_eq!(alone.seen.unwrap(), seen[3..]);
        }
        let hidden = epochs.iter().flat_map(|b| b.seen.as_ref().unwrap()[3..].to_vec()).filter(|s| *s == 0.0).count();
        assert!((20..100).contains(&hidden), "{hidden} of 117 cells are hidden");
        // Nothing is hidden in evaluation.
        assert!(prep.prepare(&data, &[0, 1], 0).unwrap().seen.is_none());
    }

    #[test]
    fn stopping_a_pass_does_not_hang() {
        let (data, prep) = grey();
        let rows: Vec<u32> = (0..10).collect();
        let batches = Batches::in_order(&data, &prep, &rows, 1);
        let mut seen = 0;
        batches
            .for_each(0, |_, _| {
                seen += 1;
                Ok(if seen == 2 { Step::Stop } else { Step::Continue })
            })
            .unwrap();
        assert_eq!(seen, 2);
    }
}
