//! Nearest-pixel resizing of `[N, H, W, C]`.

use burn_flex::FlexTensor;

use super::{Kernel, contiguous, dims, tensor, values};
use crate::pool;
use crate::resize::source;
use crate::simd::add;

/// Input `x [N, h, w, C]`; result `[N, height, width, C]`.
#[derive(Debug)]
pub(crate) struct Resize {
    pub height: usize,
    pub width: usize,
}

impl Resize {
    /// Calls `pair` with the offsets of each large pixel and of the small one that it shows.
    #[inline(always)]
    fn pairs(&self, [h, w, c]: [usize; 3], mut pair: impl FnMut(usize, usize)) {
        for i in 0..self.height {
            for j in 0..self.width {
                let small = source(i, h, self.height) * w + source(j, w, self.width);
                pair((i * self.width + j) * c, small * c);
            }
        }
    }
}

impl Kernel for Resize {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, ..] = contiguous(inputs);
        let [n, h, w, c] = dims::<4>(&x);
        let xs = values(&x);
        let mut y = vec![0f32; n * self.height * self.width * c];
        pool::each_row(&mut y, self.height * self.width * c, |i, y| {
            let image = &xs[i * h * w * c..][..h * w * c];
            self.pairs([h, w, c], |to, from| y[to..to + c].copy_from_slice(&image[from..from + c]));
        });
        // The backward pass needs the small size alone; the input is kept for that without a copy.
        (tensor(y, [n, self.height, self.width, c]), if keep { vec![x] } else { Vec::new() })
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, _wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [n, h, w, c] = dims::<4>(&kept[0]);
        let [gradient, ..] = contiguous([gradient, kept[0].clone(), kept[0].clone()]);
        let g = values(&gradient);
        let mut dx = vec![0f32; n * h * w * c];
        pool::each_row(&mut dx, h * w * c, |i, dx| {
            let g = &g[i * self.height * self.width * c..][..self.height * self.width * c];
            self.pairs([h, w, c], |from, to| {
                add(&mut dx[to..to + c], &g[from..from + c]);
            });
        });
        [Some(tensor(dx, [n, h, w, c])), None, None]
    }
}
