//! log p of each column of a row of numbers and one-hot blocks, without gradients: for scores, which draw many samples a row.
//!
//! The definition with gradients is the likelihood's own, in Burn's operations; its tests hold the two together.

use burn::tensor::Tensor;

use crate::simd::vectorised;
use crate::{fused, math, pool, to_vec};

/// A density: Student's t.
#[derive(Clone, Copy, Debug)]
pub struct Student {
    /// Scale = floor + e^raw.
    pub floor: f32,
    /// Degrees of freedom.
    pub freedom: f32,
    /// log of the density at 0, for scale 1.
    pub constant: f32,
}

/// A logistic distribution, cut into cells.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Scale = floor + e^raw.
    pub floor: f32,
    /// Width of a cell.
    pub step: f32,
    /// Values up to the first have all that lies below as well, those from the second on all that lies above.
    pub ends: [f32; 2],
}

/// The columns of a row: densities, then cut logistics, then the coordinates of one-hot blocks.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The first numbers.
    pub students: Vec<Student>,
    /// The numbers after them.
    pub cuts: Vec<Cut>,
    /// Place among the coordinates of all blocks, and size.
    pub blocks: Vec<(usize, usize)>,
    /// Numbers that count only where a coordinate of the blocks is 1: the number, and the coordinate.
    pub gates: Vec<(usize, usize)>,
    /// Raw scales are held between these before e^.
    pub raw_scale: (f32, f32),
    /// Logits are held between this and its negative.
    pub logit: f32,
}

/// True where [`log_prob_each`] can compute: on the central processor, with nothing recorded.
pub fn runs_here(x: &Tensor<2>, raw: &Tensor<3>) -> bool {
    fused::runs_here(raw) && fused::runs_here(x) && !raw.device().is_autodiff() && !x.device().is_autodiff()
}

/// log p of each number, then of each block.
///
/// # Shapes
/// - `x`: `[B, N + S]`, with N numbers and S coordinates of blocks
/// - `raw`: `[K, B, 2 N + S]`: locations, raw scales, logits
/// - result: `[K, B, E]`, with an event a number and an event a block
///
/// # Panics
/// When the shapes disagree: they are the caller's invariant.
pub fn log_prob_each(columns: &Columns, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
    let ([k, b, r], [rows, width]) = (raw.dims(), x.dims());
    let n = columns.students.len() + columns.cuts.len();
    let events = n + columns.blocks.len();
    assert!(rows == b && r == width + n, "raw outputs [{k}, {b}, {r}] for rows [{rows}, {width}]");
    let device = raw.device();
    let (x, raw) = (to_vec(x.clone()), to_vec(raw.clone()));
    let mut out = vec![0f32; k * b * events];
    pool::each_row(&mut out, events, |i, out| {
        vectorised!(columns.row(&x[i % b * width..][..width], &raw[i * r..][..r], out));
    });
    crate::from_vec(out, [k, b, events], &device)
}

impl Columns {
    #[inline(always)]
    fn row(&self, x: &[f32], raw: &[f32], out: &mut [f32]) {
        let (d, g) = (self.students.len(), self.cuts.len());
        let n = d + g;
        let (location, rest) = raw.split_at(n);
        let (spread, logits) = rest.split_at(n);
        let (low, high) = self.raw_scale;
        for i in 0..d {
            let s = self.students[i];
            let scale = math::exp(spread[i].clamp(low, high)) + s.floor;
            let z = (x[i] - location[i]) / scale;
            out[i] = s.constant - 0.5 * (s.freedom + 1.0) * math::log1p(z * z / s.freedom) - math::ln(scale);
        }
        for i in 0..g {
            let (c, at) = (self.cuts[i], d + i);
            let scale = math::exp(spread[at].clamp(low, high)) + c.floor;
            let (from, half) = ((x[at] - location[at]) / scale, 0.5 * c.step / scale);
            let upper = -math::softplus(-(from + half));
            let lower = -math::softplus(from - half);
            let middle = math::ln(1.0 - math::exp(-2.0 * half));
            let inside = upper + lower + middle;
            let inside = if x[at] <= c.ends[0] { upper } else { inside };
            out[at] = if x[at] >= c.ends[1] { lower } else { inside };
        }
        for i in 0..self.gates.len() {
            let (number, coordinate) = self.gates[i];
            out[number] *= x[n + coordinate];
        }
        for i in 0..self.blocks.len() {
            let (at, size) = self.blocks[i];
            let (mut sum, mut own) = (0.0, 0.0);
            for j in at..at + size {
                let logit = logits[j].clamp(-self.logit, self.logit);
                sum += math::exp(logit);
                own += x[n + j] * logit;
            }
            out[n + i] = own - math::ln(sum);
        }
    }
}
