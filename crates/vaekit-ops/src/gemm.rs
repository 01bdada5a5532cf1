//! Matrix products over slices, shared out over threads by blocks of the result.

use std::ops::Range;

use crate::pool;

/// The least width of a block, by depth. The `gemm` crate cuts depths above 512
/// otherwise in products of up to 64 x 64 than in larger ones; with wider
/// blocks bits do not depend on threads.
const BLOCK: usize = 32;
const BLOCK_IF_DEEP: usize = 80;

/// Fewer multiplications than this are done sooner than another thread starts.
const ALONE: usize = 1 << 16;

/// A matrix to be read, anywhere in a slice.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The numbers.
    pub values: &'a [f32],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Numbers from a row to the next.
    pub row_stride: usize,
    /// Numbers from a column to the next.
    pub col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `[rows, cols]`, row after row.
    ///
    /// # Panics
    /// When the slice is shorter than that.
    pub fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        let size = rows.checked_mul(cols);
        assert!(size.is_some_and(|size| values.len() >= size), "a matrix that does not fill its shape");
        Self { values, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without a copy.
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Some of its rows.
    pub fn rows(self, range: Range<usize>) -> Self {
        let start = range.start.saturating_mul(self.row_stride).min(self.values.len());
        Self { values: &self.values[start..], rows: range.len(), ..self }
    }

    /// Some of its columns.
    pub fn cols(self, range: Range<usize>) -> Self {
        self.t().rows(range).t()
    }

    /// True when every element lies in the slice.
    fn fits(&self) -> bool {
        let last = |n: usize, stride: usize| n.saturating_sub(1).checked_mul(stride);
        let end = last(self.rows, self.row_stride).zip(last(self.cols, self.col_stride));
        self.rows == 0
            || self.cols == 0
            || end.and_then(|(row, col)| row.checked_add(col)).is_some_and(|last| last < self.values.len())
    }
}

/// Rows of an array in the making, `[rows, width]`, of which several threads write different parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    start: *mut f32,
    rows: usize,
    width: usize,
}

// SAFETY: a Target is an address; the functions that write through it are
// unsafe, and their callers promise that no two threads write the same part.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// The spare capacity of an empty vector.
    ///
    /// # Panics
    /// When the vector cannot hold `rows * width` more values.
    pub fn of(vec: &mut Vec<f32>, rows: usize, width: usize) -> Self {
        let spare = vec.spare_capacity_mut();
        assert!(rows.checked_mul(width).is_some_and(|n| spare.len() >= n), "a target without room");
        Self { start: spare.as_mut_ptr().cast(), rows, width }
    }

    /// Values that are there already.
    ///
    /// # Panics
    /// When there are fewer than `rows * width`.
    pub fn over(values: &mut [f32], rows: usize, width: usize) -> Self {
        assert!(rows.checked_mul(width).is_some_and(|n| values.len() >= n), "a target without room");
        Self { start: values.as_mut_ptr(), rows, width }
    }

    /// Part of a row, to be changed.
    ///
    /// # Safety
    /// The part has been written, and nobody else uses it meanwhile.
    ///
    /// # Panics
    /// Outside the target.
    #[allow(clippy::mut_from_ref, reason = "the promise of the caller stands in for the borrow")]
    pub unsafe fn part(&self, row: usize, cols: Range<usize>) -> &mut [f32] {
        assert!(row < self.rows && cols.start <= cols.end && cols.end <= self.width);
        // SAFETY: inside the allocation by the assertion; initialised and unshared by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.width + cols.start), cols.len()) }
    }

    /// Whole rows, to be changed.
    ///
    /// # Safety
    /// The rows have been written, and nobody else uses them meanwhile.
    ///
    /// # Panics
    /// Outside the target.
    #[allow(clippy::mut_from_ref, reason = "the promise of the caller stands in for the borrow")]
    pub unsafe fn rows(&self, rows: Range<usize>) -> &mut [f32] {
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        // SAFETY: inside the allocation by the assertion; initialised and unshared by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(rows.start * self.width), rows.len() * self.width) }
    }

    /// Part of a row, to be written for the first time.
    ///
    /// # Safety
    /// Nobody else uses it meanwhile.
    ///
    /// # Panics
    /// Outside the target.
    #[allow(clippy::mut_from_ref, reason = "the promise of the caller stands in for the borrow")]
    pub unsafe fn fresh(&self, row: usize, cols: Range<usize>) -> &mut [std::mem::MaybeUninit<f32>] {
        assert!(row < self.rows && cols.start <= cols.end && cols.end <= self.width);
        // SAFETY: inside the allocation by the assertion; unshared by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.width + cols.start).cast(), cols.len()) }
    }

    /// Writes `a b` over a block of the target, or adds it there.
    ///
    /// # Safety
    /// Nobody else uses the block meanwhile; to add, it must have been written.
    ///
    /// # Panics
    /// When shapes disagree or leave their slices.
    pub unsafe fn product(&self, rows: Range<usize>, cols: Range<usize>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
        assert!(rows.end <= self.rows && cols.end <= self.width && a.fits() && b.fits());
        assert!(a.rows == rows.len() && b.cols == cols.len() && a.cols == b.rows);
        // SAFETY: by the assertions every address of the three matrices lies in
        // its allocation; the block is the caller's alone; with `read_dst`
        // false it is written without being read.
        unsafe {
            gemm::gemm(
                a.rows,
                b.cols,
                a.cols,
                self.start.add(rows.start * self.width + cols.start),
                1,
                self.width as isize,
                add,
                a.values.as_ptr(),
                a.col_stride as isize,
                a.row_stride as isize,
                b.values.as_ptr(),
                b.col_stride as isize,
                b.row_stride as isize,
                f32::from(u8::from(add)),
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// How a product is cut into blocks: along its rows or its columns, whichever is longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    rows: usize,
    cols: usize,
    by_rows: bool,
    parts: usize,
    size: usize,
}

impl Cut {
    /// The blocks of a `[rows, cols]` result with `depth` multiplications an element.
    pub fn new(rows: usize, cols: usize, depth: usize) -> Self {
        let by_rows = rows > cols;
        let long = rows.max(cols);
        let wanted = if rows * cols * depth < ALONE { 1 } else { pool::threads() };
        let block = if depth > 512 { BLOCK_IF_DEEP } else { BLOCK };
        // Beside a narrow side the `gemm` crate takes other paths for small blocks.
        let parts = if rows.min(cols) < 16 { 1 } else { wanted.min(long / block).max(1) };
        let size = long.div_ceil(parts).next_multiple_of(16);
        // The last block takes a remainder that would be too narrow for one of its own.
        let parts = long.saturating_sub(block).div_ceil(size.max(1)).max(1);
        Self { rows, cols, by_rows, parts, size }
    }

    /// The number of blocks.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Rows and columns of a block.
    pub fn block(&self, part: usize) -> (Range<usize>, Range<usize>) {
        let end = |n| if part + 1 == self.parts { n } else { (part + 1) * self.size };
        let range = |n: usize| part * self.size..end(n);
        if self.by_rows { (range(self.rows), 0..self.cols) } else { (0..self.rows, range(self.cols)) }
    }
}

/// `a b`, row-major.
///
/// # Panics
/// When the shapes disagree.
pub fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let mut out = Vec::with_capacity(a.rows * b.cols);
    let target = Target::of(&mut out, a.rows, b.cols);
    let cut = Cut::new(a.rows, b.cols, a.cols);
    pool::run(cut.parts(), |i| {
        let (rows, cols) = cut.block(i);
        // SAFETY: blocks of a cut do not overlap.
        unsafe { target.product(rows.clone(), cols.clone(), a.rows(rows), b.cols(cols), false) }
    });
    // SAFETY: the blocks of the cut cover the target, so every value is written.
    unsafe { out.set_len(a.rows * b.cols) };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "does not fill its shape")]
    fn a_size_that_wraps_is_no_matrix() {
        Matrix::new(&[0.0; 4], 1 << 33, 1 << 31);
    }

    #[test]
    fn strides_that_wrap_do_not_fit() {
        let odd = Matrix { values: &[0.0; 4], rows: 3, cols: 1, row_stride: usize::MAX / 2 + 1, col_stride: 1 };
        assert!(!odd.fits());
    }
    use proptest::prelude::*;

    fn wave(n: usize, phase: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7 + phase).sin()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn products_agree_with_sums_in_f64_and_do_not_depend_on_threads(
            m in 0usize..150, k in 0usize..150, n in 0usize..150, ta: bool, tb: bool,
        ) {
            let (a, b) = (wave(m * k, 0.1), wave(k * n, 0.5));
            let a = if ta { Matrix::new(&a, k, m).t() } else { Matrix::new(&a, m, k) };
            let b = if tb { Matrix::new(&b, n, k).t() } else { Matrix::new(&b, k, n) };
            let got = pool::with_threads(1, || product(a, b));
            for threads in [2, 3, 5] {
                let other = pool::with_threads(threads, || product(a, b));
                prop_assert!(got.iter().zip(&other).all(|(x, y)| x.to_bits() == y.to_bits()), "{threads} threads");
            }
            for (i, got) in got.iter().enumerate() {
                let (row, col) = (i / n, i % n);
                let at = |x: Matrix<'_>, r: usize, c: usize| f64::from(x.values[r * x.row_stride + c * x.col_stride]);
                let want: f64 = (0..k).map(|j| at(a, row, j) * at(b, j, col)).sum();
                prop_assert!((f64::from(*got) - want).abs() < 1e-5 * (1.0 + k as f64).sqrt(), "{got} is not {want}");
            }
        }
    }

    #[test]
    fn large_products_do_not_depend_on_threads() {
        for (m, k, n) in [(128, 784, 400), (400, 128, 784), (6272, 16, 32), (1000, 513, 40), (33, 1025, 300)] {
            let (a, b) = (wave(m * k, 0.1), wave(k * n, 0.5));
            // As forward and backward passes have them: neither, either or both of them transposed.
            let lefts = [Matrix::new(&a, m, k), Matrix::new(&a, k, m).t()];
            let rights = [Matrix::new(&b, k, n), Matrix::new(&b, n, k).t()];
            for (a, b) in lefts.iter().flat_map(|a| rights.iter().map(move |b| (*a, *b))) {
                let at = |threads| pool::with_threads(threads, || product(a, b));
                let one = at(1);
                for threads in [2, 3, 5, 8] {
                    let same = one.iter().zip(at(threads)).all(|(x, y)| x.to_bits() == y.to_bits());
                    assert!(same, "{m} {k} {n} {threads}");
                }
            }
        }
    }
}
