//! act(x w + b) in one pass over the result, and its gradients.

use std::mem::MaybeUninit;
use std::ops::Range;

use burn_flex::FlexTensor;

use super::{Kernel, contiguous, dims, owned, tensor, values};
use crate::activation::Activation;
use crate::gemm::{Cut, Matrix, Target};
use crate::pool;
use crate::simd::{add, vectorised};

/// Inputs `x [N, I]`, `w [I, O]`, `b [O]`.
#[derive(Debug)]
pub(crate) struct Linear {
    pub act: Option<Activation>,
}

impl Kernel for Linear {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, w, b] = contiguous(inputs);
        let ([n, i], [_, o]) = (dims::<2>(&x), dims::<2>(&w));
        assert_eq!((dims::<2>(&w), dims::<1>(&b)), ([i, o], [o]), "weight and bias of a linear layer for {i} inputs");
        let (xs, ws, bias) = (Matrix::new(values(&x), n, i), Matrix::new(values(&w), i, o), values(&b));
        let from_input = keep && self.act.is_some_and(Activation::slope_needs_input);
        let mut y = Vec::with_capacity(n * o);
        let mut before = Vec::with_capacity(if from_input { n * o } else { 0 });
        let target = Target::of(&mut y, n, o);
        let kept = from_input.then(|| Target::of(&mut before, n, o));
        let cut = Cut::new(n, o, i);
        pool::run(cut.parts(), |part| {
            let (rows, cols) = cut.block(part);
            // SAFETY: blocks of a cut do not overlap, and `part` reads what `product` wrote.
            unsafe {
                target.product(rows.clone(), cols.clone(), xs.rows(rows.clone()), ws.cols(cols.clone()), false);
                vectorised!({
                    for row in rows {
                        let y = target.part(row, cols.clone());
                        let z = kept.as_ref().map(|kept| kept.fresh(row, cols.clone()));
                        finish(y, &bias[cols.clone()], z, self.act);
                    }
                });
            }
        });
        // SAFETY: the blocks of the cut cover both targets, and every row of a block was written.
        unsafe {
            y.set_len(n * o);
            before.set_len(if from_input { n * o } else { 0 });
        }
        let y = tensor(y, [n, o]);
        let kept = match (keep, self.act) {
            (false, _) => Vec::new(),
            (true, None) => vec![x, w],
            (true, Some(_)) if from_input => vec![x, w, tensor(before, [n, o])],
            (true, Some(_)) => vec![x, w, y.clone()],
        };
        (y, kept)
    }

    fn backward(&self, mut kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let mut gradient = owned(gradient);
        let [n, o] = dims::<2>(&gradient);
        if let (Some(act), Some(reference)) = (self.act, kept.get(2)) {
            gradient = through_activation(act, reference, gradient);
        }
        let w = kept.swap_remove(1);
        let x = kept.swap_remove(0);
        let i = dims::<2>(&x)[1];
        let g = Matrix::new(values(&gradient), n, o);
        let xs = Matrix::new(values(&x), n, i);
        let ws = Matrix::new(values(&w), i, o);
        // The three results share one region, so that nobody waits in between.
        let room = |wanted: bool, size: usize| Vec::with_capacity(if wanted { size } else { 0 });
        let mut dx = room(wanted[0], n * i);
        let mut dw = room(wanted[1], i * o);
        let mut db = room(wanted[2], o);
        let targets = [
            wanted[0].then(|| (Target::of(&mut dx, n, i), Cut::new(n, i, o))),
            wanted[1].then(|| (Target::of(&mut dw, i, o), Cut::new(i, o, n))),
        ];
        let bias = wanted[2].then(|| Target::of(&mut db, 1, o));
        // A share of the columns for each thread, so that the parts come out even.
        let share = o.div_ceil(pool::threads()).next_multiple_of(64).max(64);
        let sums = if wanted[2] { o.div_ceil(share) } else { 0 };
        let [for_x, for_w] = targets.map(|t| t.map_or(0, |(_, cut)| cut.parts()));
        pool::run(sums + for_x + for_w, |part| {
            // SAFETY: each part is a block of its own, and blocks of a cut do not overlap.
            unsafe {
                match (&bias, targets) {
                    (Some(target), _) if part < sums => {
                        let cols = part * share..o.min((part + 1) * share);
                        column_sums(g, cols.clone(), target.fresh(0, cols));
                    }
                    (_, [Some((target, cut)), _]) if part < sums + for_x => {
                        let (rows, cols) = cut.block(part - sums);
                        target.product(rows.clone(), cols.clone(), g.rows(rows), ws.t().cols(cols), false);
                    }
                    (_, [_, Some((target, cut))]) => {
                        let (rows, cols) = cut.block(part - sums - for_x);
                        target.product(rows.clone(), cols.clone(), xs.t().rows(rows), g.cols(cols), false);
                    }
                    _ => unreachable!("parts are counted from what is wanted"),
                }
            }
        });
        // SAFETY: the cuts cover their targets, and `column_sums` fills its own.
        unsafe {
            dx.set_len(if wanted[0] { n * i } else { 0 });
            dw.set_len(if wanted[1] { i * o } else { 0 });
            db.set_len(if wanted[2] { o } else { 0 });
        }
        [
            wanted[0].then(|| tensor(dx, [n, i])),
            wanted[1].then(|| tensor(dw, [i, o])),
            wanted[2].then(|| tensor(db, [o])),
        ]
    }
}

/// Adds the bias to a row, keeps the sum in `z` if there is one, and applies the activation.
#[inline(always)]
fn finish(y: &mut [f32], bias: &[f32], z: Option<&mut [MaybeUninit<f32>]>, act: Option<Activation>) {
    add(y, bias);
    if let Some(z) = z {
        for (z, y) in z.iter_mut().zip(&*y) {
            z.write(*y);
        }
    }
    if let Some(act) = act {
        act.each(y);
    }
}

/// Multiplies a gradient by the slope of the activation, whose input or output is `reference`.
pub(crate) fn through_activation(act: Activation, reference: &FlexTensor, mut gradient: FlexTensor) -> FlexTensor {
    let reference = values(reference);
    let n = reference.len();
    let g = Target::over(gradient.storage_mut::<f32>(), 1, n);
    pool::ranges(n, 4096, |range| {
        // SAFETY: ranges do not overlap.
        let g = unsafe { g.part(0, range.clone()) };
        act.scale_by_slope(g, &reference[range]);
    });
    gradient
}

/// Sums some columns over the rows, in their order.
fn column_sums(rows: Matrix<'_>, cols: Range<usize>, sums: &mut [MaybeUninit<f32>]) {
    sums.iter_mut().for_each(|s| _ = s.write(0.0));
    // SAFETY: just written.
    let sums = unsafe { sums.assume_init_mut() };
    vectorised!({
        for row in 0..rows.rows {
            add(sums, &rows.values[row * rows.cols..][cols.clone()]);
        }
    });
}
