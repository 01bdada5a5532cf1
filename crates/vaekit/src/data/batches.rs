//! Mini-batches.

use serde::{Deserialize, Serialize};
use vaekit_ops::{Device, Tensor, from_vec, pool};

use crate::Result;
use crate::rng::{Purpose, Rng};

use super::{Dataset, FittedTransform};

/// Rows on the device, with all that a model may condition on.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[B, X]`
    pub x: Tensor<2>,
    /// `[B]`, where the data has classes.
    pub label: Option<Vec<u32>>,
    /// `[B, X]`, 1 where a value is known and 0 where it is missing; none when all are known.
    pub mask: Option<Tensor<2>>,
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
}

/// A batch in host memory, converted but not yet on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// `[B, X]`, row-major.
    pub x: Vec<f32>,
    pub label: Option<Vec<u32>>,
    pub mask: Option<Vec<f32>>,
    pub row_ids: Vec<u64>,
}

impl HostBatch {
    /// Moves the batch to a device.
    pub fn to_device(self, device: &Device) -> Batch {
        let rows = self.row_ids.len();
        let shape = [rows, self.x.len() / rows.max(1)];
        Batch {
            x: from_vec(self.x, shape, device),
            label: self.label,
            mask: self.mask.map(|m| from_vec(m, shape, device)),
            row_ids: self.row_ids,
        }
    }
}

/// Whether grey values become 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binarize {
    None,
    /// A draw from Bernoulli(x), anew every epoch (Burda et al. 2016).
    Dynamic,
    /// 1 where x is at least one half.
    Threshold,
}

/// How stored rows become model values.
#[derive(Clone, Debug)]
pub struct Preparation {
    pub transform: FittedTransform,
    pub binarize: Binarize,
    pub rng: Rng,
}

impl Preparation {
    /// Converts rows. The draw of a dynamic binarisation belongs to
    /// (seed, `epoch`, row); epoch 0 is the one for evaluation.
    pub fn prepare(&self, data: &Dataset, rows: &[u32], epoch: u64) -> HostBatch {
        let width = data.spec.width();
        let mut x = vec![0.0; rows.len() * width];
        pool::each_row(&mut x, width, |i, x| {
            let row = rows[i];
            data.copy_row(row as usize, x);
            self.transform.apply(x);
            match self.binarize {
                Binarize::None => {}
                Binarize::Threshold => x.iter_mut().for_each(|v| *v = f32::from(*v >= 0.5)),
                Binarize::Dynamic => {
                    let draws = self.rng.at(epoch).uniform(Purpose::Binarize, &[u64::from(row)], width);
                    x.iter_mut().zip(draws).for_each(|(v, u)| *v = f32::from(u < *v));
                }
            }
        });
        let label = data.labels.as_ref().map(|l| rows.iter().map(|&r| l.ids[r as usize]).collect());
        HostBatch { x, label, mask: None, row_ids: rows.iter().map(|&r| u64::from(r)).collect() }
    }
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
            if each(i, self.preparation.prepare(self.data, rows, self.epoch))? == Step::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Continue,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::super::{DataSpec, Kind, Rows, Shape, Transform};
    use super::*;

    fn grey() -> (Dataset, Preparation) {
        let shape = Shape::Image { channels: 1, height: 2, width: 2 };
        let bytes = (0..40).map(|i| (i * 6) as u8).collect();
        let data = Dataset::new("g", DataSpec { shape, kind: Kind::Byte }, Rows::U8(bytes), None).unwrap();
        let transform = Transform::Unit.fit(&data, &[0]).unwrap();
        (data, Preparation { transform, binarize: Binarize::Dynamic, rng: Rng::new(5) })
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
        let in_pair = prep.prepare(&data, &[4, 7], 1);
        assert_eq!(in_pair.x[4..], prep.prepare(&data, &[7], 1).x[..]);
        let epochs: Vec<_> = (1..20).map(|e| prep.prepare(&data, &[7], e).x).collect();
        assert!(epochs.iter().any(|x| x != &epochs[0]));
        assert!(epochs.iter().flatten().all(|&v| v == 0.0 || v == 1.0));
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
