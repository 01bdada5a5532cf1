//! log p(x given z) of whole rows, with its slope in the same pass.

use std::mem::MaybeUninit;

use burn_flex::FlexTensor;

use super::{Kernel, contiguous, dims, owned, tensor, values};
use crate::density::log_two_pi;
use crate::gemm::Target;
use crate::likelihood::Family;
use crate::simd::vectorised;
use crate::{math, pool};

/// Partial sums of a row, added up in one order whatever the machine.
const LANES: usize = 16;

/// Inputs `x [B, X]`, `raw [K, B, R]` and for one family `log_var [1]`; result `[K, B]`.
#[derive(Debug)]
pub(crate) struct LogLikelihood {
    pub family: Family,
    /// A NaN in `x` is a value that takes no part.
    pub masked: bool,
}

impl Kernel for LogLikelihood {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, raw, log_var] = contiguous(inputs);
        let ([b, width], [k, rows, r]) = (dims::<2>(&x), dims::<3>(&raw));
        let each = if matches!(self.family, Family::LearnedGaussian { .. }) { 2 } else { 1 };
        assert!(rows == b && r == each * width, "raw outputs [{k}, {rows}, {r}] for rows [{b}, {width}]");
        let n = k * b;
        let (xs, raws) = (values(&x), values(&raw));
        let shared = self.family == Family::SharedGaussian;
        let log_var = if shared { values(&log_var)[0] } else { 0.0 };
        let (mut sums, mut slopes) = (Vec::with_capacity(n), Vec::with_capacity(if keep { n * r } else { 0 }));
        // What the shared log-variance adds to each row's slope.
        let mut spread = Vec::with_capacity(n);
        let (to_sums, to_spread) = (Target::of(&mut sums, n, 1), Target::of(&mut spread, n, 1));
        let to_slopes = Target::of(&mut slopes, if keep { n } else { 0 }, r);
        pool::ranges(n, 1, |rows| {
            vectorised!({
                for i in rows {
                    let (x, raw) = (&xs[i % b * width..][..width], &raws[i * r..][..r]);
                    // SAFETY: row i is this call's alone.
                    unsafe {
                        let slope = if keep { to_slopes.fresh(i, 0..r) } else { &mut [] };
                        let (sum, spread) = self.row(x, raw, log_var, slope, keep);
                        to_sums.fresh(i, 0..1)[0].write(sum);
                        to_spread.fresh(i, 0..1)[0].write(spread);
                    }
                }
            });
        });
        // SAFETY: every row wrote all of its values.
        unsafe {
            sums.set_len(n);
            spread.set_len(n);
            slopes.set_len(if keep { n * r } else { 0 });
        }
        let kept = match (keep, shared) {
            (false, _) => Vec::new(),
            (true, false) => vec![tensor(slopes, [k, b, r])],
            (true, true) => vec![tensor(slopes, [k, b, r]), tensor(spread, [n])],
        };
        (tensor(sums, [k, b]), kept)
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let gradient = owned(gradient);
        let g = values(&gradient);
        let mut kept = kept.into_iter();
        let raw = kept.next().filter(|_| wanted[1]).map(|slopes| {
            let mut slopes = owned(slopes);
            let r = dims::<3>(&slopes)[2];
            let rows = Target::over(slopes.storage_mut::<f32>(), g.len(), r);
            pool::ranges(g.len(), 1, |range| {
                for i in range {
                    // SAFETY: row i is this call's alone, and was written in the forward pass.
                    for v in unsafe { rows.part(i, 0..r) } {
                        *v *= g[i];
                    }
                }
            });
            slopes
        });
        let log_var = kept.next().filter(|_| wanted[2]).map(|spread| {
            let total: f64 = values(&spread).iter().zip(g).map(|(s, g)| f64::from(*s) * f64::from(*g)).sum();
            tensor(vec![total as f32], [1])
        });
        [None, raw, log_var]
    }
}

impl LogLikelihood {
    /// The sum of a row and what a shared log-variance adds to the slope.
    #[inline(always)]
    fn row(&self, x: &[f32], raw: &[f32], log_var: f32, slope: &mut [MaybeUninit<f32>], keep: bool) -> (f32, f32) {
        let constant = log_two_pi() as f32;
        match self.family {
            Family::Bernoulli => (self.sum(x, raw, slope, Bernoulli, keep), 0.0),
            Family::UnitGaussian | Family::SharedGaussian => {
                let precision = math::exp(-log_var);
                let total = self.sum(x, raw, slope, Gaussian { precision, constant: log_var + constant }, keep);
                // The sum of (x - mean)^2 / variance, less one each, halved.
                let n = if self.masked { x.iter().filter(|v| !v.is_nan()).count() } else { x.len() } as f32;
                (total, -total - 0.5 * n * (log_var + constant) - 0.5 * n)
            }
            Family::LearnedGaussian { offset, floor } => {
                let (means, spreads) = raw.split_at(x.len());
                let each = Learned { offset, floor, constant };
                let total = match (keep, self.masked) {
                    (true, false) => learned::<true, false>(x, means, spreads, slope, each),
                    (false, false) => learned::<false, false>(x, means, spreads, slope, each),
                    (true, true) => learned::<true, true>(x, means, spreads, slope, each),
                    (false, true) => learned::<false, true>(x, means, spreads, slope, each),
                };
                (total, 0.0)
            }
        }
    }

    #[inline(always)]
    fn sum<D: Density>(&self, x: &[f32], raw: &[f32], slope: &mut [MaybeUninit<f32>], each: D, keep: bool) -> f32 {
        match (keep, self.masked) {
            (true, false) => sum::<true, _>(x, raw, slope, each),
            (false, false) => sum::<false, _>(x, raw, slope, each),
            (true, true) => sum::<true, _>(x, raw, slope, Known(each)),
            (false, true) => sum::<false, _>(x, raw, slope, Known(each)),
        }
    }
}

/// log p with a mean and a number s for its log-variance, softplus(s + offset) + floor.
#[derive(Clone, Copy)]
struct Learned {
    offset: f32,
    floor: f32,
    constant: f32,
}

impl Learned {
    /// log p, and its slopes with respect to the mean and to s.
    #[inline(always)]
    fn at(self, x: f32, mean: f32, s: f32) -> [f32; 3] {
        let raised = s + self.offset;
        let e = math::exp(-raised.abs());
        let positive = if raised > 0.0 { raised } else { 0.0 };
        let log_var = positive + math::log1p(e) + self.floor;
        let share = 1.0 / (1.0 + e);
        let rising = if raised >= 0.0 { share } else { e * share };
        let slope = (x - mean) * math::exp(-log_var);
        let square = (x - mean) * slope;
        [-0.5 * (square + log_var + self.constant), slope, 0.5 * (square - 1.0) * rising]
    }
}

/// [`sum`] for a family with two parameters a value: X means, then X numbers s.
#[inline(always)]
fn learned<const KEEP: bool, const MASKED: bool>(
    x: &[f32],
    means: &[f32],
    spreads: &[f32],
    slope: &mut [MaybeUninit<f32>],
    density: Learned,
) -> f32 {
    let n = x.len();
    // A value that takes no part adds nothing, and has no slope.
    let at = |x: f32, mean, s| match density.at(x, mean, s) {
        _ if MASKED && x.is_nan() => [0.0; 3],
        all => all,
    };
    let (means, spreads) = (&means[..n], &spreads[..n]);
    let (to_means, to_spreads) = slope.split_at_mut(if KEEP { n } else { 0 });
    let mut lanes = [0f32; LANES];
    let whole = n / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let (x, means) = (&x[start..start + LANES], &means[start..start + LANES]);
        let spreads = &spreads[start..start + LANES];
        if KEEP {
            let to_means = &mut to_means[start..start + LANES];
            let to_spreads = &mut to_spreads[start..start + LANES];
            for j in 0..LANES {
                let [value, of_mean, of_spread] = at(x[j], means[j], spreads[j]);
                lanes[j] += value;
                to_means[j].write(of_mean);
                to_spreads[j].write(of_spread);
            }
        } else {
            for j in 0..LANES {
                lanes[j] += at(x[j], means[j], spreads[j])[0];
            }
        }
    }
    for i in whole..n {
        let [value, of_mean, of_spread] = at(x[i], means[i], spreads[i]);
        lanes[i - whole] += value;
        if KEEP {
            to_means[i].write(of_mean);
            to_spreads[i].write(of_spread);
        }
    }
    total(lanes)
}

/// The sum of partial sums, in their order.
#[inline(always)]
fn total(lanes: [f32; LANES]) -> f32 {
    let mut sum = 0f64;
    for lane in lanes {
        sum += f64::from(lane);
    }
    sum as f32
}

/// log p of one value and its slope. A trait, because its method is sure to be
/// inlined where the vector instructions are.
trait Density: Copy {
    fn at(self, x: f32, raw: f32) -> (f32, f32);
}

/// A density in which a NaN takes no part.
#[derive(Clone, Copy)]
struct Known<D>(D);

impl<D: Density> Density for Known<D> {
    #[inline(always)]
    fn at(self, x: f32, raw: f32) -> (f32, f32) {
        let (value, slope) = self.0.at(x, raw);
        if x.is_nan() { (0.0, 0.0) } else { (value, slope) }
    }
}

#[derive(Clone, Copy)]
struct Bernoulli;

impl Density for Bernoulli {
    #[inline(always)]
    fn at(self, x: f32, logit: f32) -> (f32, f32) {
        let e = math::exp(-logit.abs()); // in [0, 1]
        let positive = if logit > 0.0 { logit } else { 0.0 };
        let share = 1.0 / (1.0 + e);
        let p = if logit >= 0.0 { share } else { e * share };
        (x * logit - (positive + math::log1p(e)), x - p)
    }
}

/// Variance 1 / precision; `constant` is its logarithm and log(2 pi).
#[derive(Clone, Copy)]
struct Gaussian {
    precision: f32,
    constant: f32,
}

impl Density for Gaussian {
    #[inline(always)]
    fn at(self, x: f32, mean: f32) -> (f32, f32) {
        let slope = (x - mean) * self.precision;
        (-0.5 * ((x - mean) * slope + self.constant), slope)
    }
}

/// Sums log p over a row, and writes the slopes.
#[inline(always)]
fn sum<const KEEP: bool, D: Density>(x: &[f32], raw: &[f32], slope: &mut [MaybeUninit<f32>], density: D) -> f32 {
    let mut lanes = [0f32; LANES];
    let whole = x.len() / LANES * LANES;
    let raw = &raw[..x.len()];
    let slope = if KEEP { &mut slope[..x.len()] } else { slope };
    for start in (0..whole).step_by(LANES) {
        let (x, raw) = (&x[start..start + LANES], &raw[start..start + LANES]);
        if KEEP {
            let slope = &mut slope[start..start + LANES];
            for j in 0..LANES {
                let (value, d) = density.at(x[j], raw[j]);
                lanes[j] += value;
                slope[j].write(d);
            }
        } else {
            for j in 0..LANES {
                lanes[j] += density.at(x[j], raw[j]).0;
            }
        }
    }
    for i in whole..x.len() {
        let (value, d) = density.at(x[i], raw[i]);
        lanes[i - whole] += value;
        if KEEP {
            slope[i].write(d);
        }
    }
    total(lanes)
}
