//! Convolution and its transpose on `[N, H, W, C]`, tile by tile.

use std::ops::Range;

use burn_flex::FlexTensor;

use super::linear::through_activation;
use super::patches::{first, with_scratch};
use super::{Kernel, contiguous, dims, owned, tensor, values};
use crate::activation::Activation;
use crate::conv::Geometry;
use crate::gemm::{Matrix, Target};
use crate::pool;
use crate::simd::{add, vectorised};

/// Inputs `x [N, H, W, C]`, `w [K K C, O]`, `b [O]`; result `[N, h, w, O]`.
#[derive(Debug)]
pub(crate) struct Conv {
    pub geometry: Geometry,
    pub act: Option<Activation>,
}

/// Inputs `x [N, h, w, I]`, `w [I, K K C]`, `b [C]`; result `[N, H, W, C]`.
#[derive(Debug)]
pub(crate) struct ConvTransposed {
    pub geometry: Geometry,
    pub act: Option<Activation>,
}

/// `b` and the activation over pixels, `[.., C]`; what went into the activation is kept where its slope needs it.
#[inline(always)]
fn finish(values: &mut [f32], bias: &[f32], before: Option<&mut [f32]>, act: Option<Activation>) {
    for pixel in values.chunks_exact_mut(bias.len().max(1)) {
        add(pixel, bias);
    }
    if let Some(before) = before {
        before.copy_from_slice(values);
    }
    if let Some(act) = act {
        act.each(values);
    }
}

/// What a backward pass keeps of an activation: its input, its output, or nothing.
fn reference(act: Option<Activation>, before: Vec<f32>, y: &FlexTensor, shape: [usize; 4]) -> Option<FlexTensor> {
    act.map(|act| if act.slope_needs_input() { tensor(before, shape) } else { y.clone() })
}

/// Sums over pixels, `[.., C]`, group by group.
fn sum_over_pixels(g: &[f32], images: usize, channels: usize) -> Vec<f32> {
    let size = g.len() / images.max(1);
    let groups = Geometry::groups(images);
    let parts = pool::map(groups.len(), |i| {
        let mut sums = vec![0f32; channels];
        vectorised!({
            for pixel in g[groups[i].start * size..groups[i].end * size].chunks_exact(channels.max(1)) {
                add(&mut sums, pixel);
            }
        });
        sums
    });
    total(parts, channels)
}

/// The sum of equally long vectors, in their order.
fn total(parts: Vec<Vec<f32>>, n: usize) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_else(|| vec![0.0; n]);
    let rest: Vec<Vec<f32>> = parts.collect();
    let target = Target::over(&mut sum, 1, n);
    pool::ranges(n, 1024, |range| {
        // SAFETY: ranges do not overlap.
        let sum = unsafe { target.part(0, range.clone()) };
        for part in &rest {
            add(sum, &part[range.clone()]);
        }
    });
    sum
}

/// Writes over a block, or adds to it.
fn multiply(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    let (rows, cols) = (a.rows, b.cols);
    // SAFETY: the target is borrowed for this call alone, and holds values already.
    unsafe { Target::over(out, rows, cols).product(0..rows, 0..cols, a, b, add) };
}

impl Kernel for Conv {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, w, b] = contiguous(inputs);
        let geometry = &self.geometry;
        let ([n, ..], [_, o], (sh, sw)) = (dims::<4>(&x), dims::<2>(&w), geometry.small());
        assert_eq!(dims::<4>(&x)[1..], [geometry.height, geometry.width, geometry.channels], "images of a convolution");
        assert_eq!((dims::<2>(&w), dims::<1>(&b)), ([geometry.patch(), o], [o]), "weight and bias of a convolution");
        let (patches, patch, image) = (geometry.patches(), geometry.patch(), geometry.large());
        let (xs, ws, bias) = (values(&x), Matrix::new(values(&w), patch, o), values(&b));
        let needs_before = keep && self.act.is_some_and(Activation::slope_needs_input);
        let mut y = Vec::with_capacity(n * patches * o);
        let mut before = vec![0f32; if needs_before { n * patches * o } else { 0 }];
        let to_y = Target::of(&mut y, n * patches, o);
        let to_before = Target::over(&mut before, if needs_before { n } else { 0 }, patches * o);
        let groups = Geometry::groups(n);
        let work = |group: Range<usize>, scratch: &mut Vec<f32>| {
            for tile in geometry.tiles(group) {
                let columns = first(scratch, tile.len() * patches * patch);
                geometry.gather_all(&xs[tile.start * image..tile.end * image], columns);
                let columns = Matrix::new(columns, tile.len() * patches, patch);
                let rows = tile.start * patches..tile.end * patches;
                // SAFETY: images belong to one group each, the product writes
                // the rows that are read after it, and the other target holds zeros.
                unsafe {
                    to_y.product(rows.clone(), 0..o, columns, ws, false);
                    let y = to_y.rows(rows);
                    let before = if needs_before { Some(to_before.rows(tile)) } else { None };
                    vectorised!(finish(y, bias, before, self.act));
                }
            }
        };
        pool::run(groups.len(), |i| with_scratch(|scratch| work(groups[i].clone(), scratch)));
        // SAFETY: the groups cover all images, and each product wrote all rows of its tile.
        unsafe { y.set_len(n * patches * o) };
        let y = tensor(y, [n, sh, sw, o]);
        let reference = if keep { reference(self.act, before, &y, [n, sh, sw, o]) } else { None };
        let kept = if keep { [x, w].into_iter().chain(reference).collect() } else { Vec::new() };
        (y, kept)
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let geometry = &self.geometry;
        let gradient = sloped(self.act, &kept, gradient);
        let [n, _, _, o] = dims::<4>(&gradient);
        let (patches, patch, image) = (geometry.patches(), geometry.patch(), geometry.large());
        let (xs, g) = (values(&kept[0]), values(&gradient));
        let ws = Matrix::new(values(&kept[1]), patch, o);
        let mut dx = vec![0f32; if wanted[0] { n * image } else { 0 }];
        let to_x = Target::over(&mut dx, if wanted[0] { n } else { 0 }, image);
        let groups = Geometry::groups(n);
        let work = |group: Range<usize>, scratch: &mut Vec<f32>| {
            let mut dw = vec![0f32; if wanted[1] { patch * o } else { 0 }];
            for tile in geometry.tiles(group) {
                let rows = tile.len() * patches;
                let g = Matrix::new(&g[tile.start * patches * o..], rows, o);
                let columns = first(scratch, rows * patch);
                if wanted[1] {
                    geometry.gather_all(&xs[tile.start * image..tile.end * image], columns);
                    multiply(&mut dw, Matrix::new(columns, rows, patch).t(), g, true);
                }
                if wanted[0] {
                    multiply(columns, g, ws.t(), false);
                    // SAFETY: images belong to one group each, and the target holds zeros already.
                    geometry.scatter_all(columns, unsafe { to_x.rows(tile) });
                }
            }
            dw
        };
        let parts = pool::map(groups.len(), |i| with_scratch(|scratch| work(groups[i].clone(), scratch)));
        let (h, w, c) = (geometry.height, geometry.width, geometry.channels);
        [
            wanted[0].then(|| tensor(dx, [n, h, w, c])),
            wanted[1].then(|| tensor(total(parts, patch * o), [patch, o])),
            wanted[2].then(|| tensor(sum_over_pixels(g, n, o), [o])),
        ]
    }
}

impl Kernel for ConvTransposed {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, w, b] = contiguous(inputs);
        let geometry = &self.geometry;
        let [n, _, _, i] = dims::<4>(&x);
        let channels = geometry.channels;
        assert_eq!(dims::<4>(&x)[1..3], <[usize; 2]>::from(geometry.small()), "images of a transposed convolution");
        let shapes = (dims::<2>(&w), dims::<1>(&b));
        assert_eq!(shapes, ([i, geometry.patch()], [channels]), "weight and bias of a transposed convolution");
        let (patches, patch, image) = (geometry.patches(), geometry.patch(), geometry.large());
        let (xs, ws, bias) = (values(&x), Matrix::new(values(&w), i, patch), values(&b));
        let needs_before = keep && self.act.is_some_and(Activation::slope_needs_input);
        let mut y = vec![0f32; n * image];
        let mut before = vec![0f32; if needs_before { y.len() } else { 0 }];
        let to_y = Target::over(&mut y, n, image);
        let to_before = Target::over(&mut before, if needs_before { n } else { 0 }, image);
        let groups = Geometry::groups(n);
        let work = |group: Range<usize>, scratch: &mut Vec<f32>| {
            for tile in geometry.tiles(group) {
                let rows = tile.len() * patches;
                let columns = first(scratch, rows * patch);
                multiply(columns, Matrix::new(&xs[tile.start * patches * i..], rows, i), ws, false);
                // SAFETY: images belong to one group each, and the target holds zeros already.
                let y = unsafe { to_y.rows(tile.clone()) };
                geometry.scatter_all(columns, y);
                // SAFETY: as above.
                let before = needs_before.then(|| unsafe { to_before.rows(tile) });
                vectorised!(finish(y, bias, before, self.act));
            }
        };
        pool::run(groups.len(), |i| with_scratch(|scratch| work(groups[i].clone(), scratch)));
        let shape = [n, geometry.height, geometry.width, geometry.channels];
        let y = tensor(y, shape);
        let reference = if keep { reference(self.act, before, &y, shape) } else { None };
        let kept = if keep { [x, w].into_iter().chain(reference).collect() } else { Vec::new() };
        (y, kept)
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let geometry = &self.geometry;
        let gradient = sloped(self.act, &kept, gradient);
        let [n, sh, sw, i] = dims::<4>(&kept[0]);
        let (patches, patch, image) = (geometry.patches(), geometry.patch(), geometry.large());
        let (xs, g) = (values(&kept[0]), values(&gradient));
        let ws = Matrix::new(values(&kept[1]), i, patch);
        let mut dx = vec![0f32; if wanted[0] { n * patches * i } else { 0 }];
        let to_x = Target::over(&mut dx, if wanted[0] { n } else { 0 }, patches * i);
        let groups = Geometry::groups(n);
        let work = |group: Range<usize>, scratch: &mut Vec<f32>| {
            let mut dw = vec![0f32; if wanted[1] { i * patch } else { 0 }];
            for tile in geometry.tiles(group) {
                let rows = tile.len() * patches;
                let columns = first(scratch, rows * patch);
                geometry.gather_all(&g[tile.start * image..tile.end * image], columns);
                let columns = Matrix::new(columns, rows, patch);
                if wanted[1] {
                    multiply(&mut dw, Matrix::new(&xs[tile.start * patches * i..], rows, i).t(), columns, true);
                }
                if wanted[0] {
                    // SAFETY: images belong to one group each, and the target holds values already.
                    multiply(unsafe { to_x.rows(tile) }, columns, ws.t(), false);
                }
            }
            dw
        };
        let parts = pool::map(groups.len(), |i| with_scratch(|scratch| work(groups[i].clone(), scratch)));
        [
            wanted[0].then(|| tensor(dx, [n, sh, sw, i])),
            wanted[1].then(|| tensor(total(parts, i * patch), [i, patch])),
            wanted[2].then(|| tensor(sum_over_pixels(g, n, geometry.channels), [geometry.channels])),
        ]
    }
}

/// The gradient before the activation; `kept` holds two tensors, then the activation's reference.
fn sloped(act: Option<Activation>, kept: &[FlexTensor], gradient: FlexTensor) -> FlexTensor {
    let gradient = owned(gradient);
    match (act, kept.get(2)) {
        (Some(act), Some(reference)) => through_activation(act, reference, gradient),
        _ => gradient,
    }
}
