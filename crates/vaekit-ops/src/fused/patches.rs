//! Images as patches and back: what turns a convolution into a matrix product.

use std::cell::Cell;
use std::ops::Range;

use crate::conv::Geometry;
use crate::simd::{add, copy, vectorised};

thread_local! {
    /// Where a thread makes patches; kept, because clearing it anew costs as much as filling it.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with the thread's array for patches, whatever it holds.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Vec<f32>) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = f(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// The first `n` values, grown if need be.
pub(crate) fn first(scratch: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if scratch.len() < n {
        scratch.resize(n, 0.0);
    }
    &mut scratch[..n]
}

/// A group of images is handled by one thread at a time; their number is the
/// same on every machine, because gradients of weights are summed over groups.
const GROUPS: usize = 16;

/// Values of patches that are made at once: they stay in a second-level cache.
const TILE: usize = 1 << 17;

impl Geometry {
    /// Values of an image on the large side, `channels` of them a pixel.
    pub(crate) fn large(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Values of a patch.
    pub(crate) fn patch(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Patches of an image: pixels of the small side.
    pub(crate) fn patches(&self) -> usize {
        let (height, width) = self.small();
        height * width
    }

    /// The groups of `n` images.
    pub(crate) fn groups(n: usize) -> Vec<Range<usize>> {
        let size = n.div_ceil(GROUPS).max(1);
        (0..n).step_by(size).map(|start| start..(start + size).min(n)).collect()
    }

    /// Pieces of a group whose patches are made at once.
    pub(crate) fn tiles(&self, group: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let size = (TILE / (self.patches() * self.patch()).max(1)).max(1);
        group.clone().step_by(size).map(move |start| start..(start + size).min(group.end))
    }

    /// Calls `run` for each stretch of pixels that a patch row shares with the
    /// image: (offset in the patches, offset in the image, length), and with no
    /// image offset where the patch row lies outside.
    #[inline(always)]
    fn stretches(&self, mut run: impl FnMut(usize, Option<usize>, usize)) {
        let (small_height, small_width) = self.small();
        let (k, c) = (self.kernel, self.channels);
        for oy in 0..small_height {
            for ox in 0..small_width {
                let at = (oy * small_width + ox) * self.patch();
                // Columns of the kernel that fall inside the image.
                let left = (ox * self.stride) as isize - self.padding as isize;
                let first = (-left).clamp(0, k as isize) as usize;
                let last = (self.width as isize - left).clamp(first as isize, k as isize) as usize;
                for ky in 0..k {
                    let at = at + ky * k * c;
                    let y = (oy * self.stride + ky) as isize - self.padding as isize;
                    if y < 0 || y >= self.height as isize {
                        run(at, None, k * c);
                        continue;
                    }
                    if first > 0 {
                        run(at, None, first * c);
                    }
                    if last > first {
                        let from = (y as usize * self.width) as isize + left + first as isize;
                        run(at + first * c, Some(from as usize * c), (last - first) * c);
                    }
                    if last < k {
                        run(at + last * c, None, (k - last) * c);
                    }
                }
            }
        }
    }

    /// The patches of some images, `[images, patches, patch]`.
    pub(crate) fn gather_all(&self, images: &[f32], patches: &mut [f32]) {
        let (image, size) = (self.large(), self.patches() * self.patch());
        vectorised!({
            for i in 0..images.len() / image.max(1) {
                self.gather(&images[i * image..][..image], &mut patches[i * size..][..size]);
            }
        });
    }

    /// Adds the patches of some images to them.
    pub(crate) fn scatter_all(&self, patches: &[f32], images: &mut [f32]) {
        let (image, size) = (self.large(), self.patches() * self.patch());
        vectorised!({
            for i in 0..images.len() / image.max(1) {
                self.scatter(&patches[i * size..][..size], &mut images[i * image..][..image]);
            }
        });
    }

    /// The patches of an image, `[patches, patch]`, zero where they leave it.
    #[inline(always)]
    fn gather(&self, image: &[f32], patches: &mut [f32]) {
        self.stretches(|to, from, len| match from {
            Some(from) => copy(&mut patches[to..to + len], &image[from..from + len]),
            None => patches[to..to + len].fill(0.0),
        });
    }

    /// Adds patches to the image that they come from: the adjoint of [`gather`](Self::gather).
    #[inline(always)]
    fn scatter(&self, patches: &[f32], image: &mut [f32]) {
        self.stretches(|from, to, len| {
            if let Some(to) = to {
                add(&mut image[to..to + len], &patches[from..from + len]);
            }
        });
    }
}
