//! Branch-free f32 elementary functions that the compiler can vectorise.
//!
//! Every function takes and returns one `f32` and consists of arithmetic, `f32::mul_add`, bit conversions, integer
//! operations and selects of the form `if c { a } else { b }` whose two sides are both plain values. There are no calls
//! into the C math library, no tables and no data-dependent jumps, and all functions are `#[inline(always)]`. A loop
//! such as `for v in slice { *v = exp(*v) }` therefore becomes vector code when it is compiled with a vector
//! instruction set that has fused multiply-add, for instance inside `pulp::Arch::new().dispatch(|| ...)`. Without such
//! an instruction set the functions are correct but slow, because each `mul_add` is then a function call.
//!
//! Accuracy: for every `f32` input the result is within 2 units in the last place of the true value. This includes
//! subnormal inputs and results, where a unit is 2^-149. The largest errors over all 2^32 inputs are stated with each
//! function. NaN gives NaN, infinities and overflow give the limits, and the odd functions and `log1p` keep the sign of
//! zero.
//!
//! Reproducibility: fused operations are written out as `mul_add` and nothing depends on contraction or reassociation,
//! so apart from the payload of a NaN the same bits come out of scalar code and of every vector instruction set.
//!
//! The polynomial coefficients are printed by `reference/fit_math.py`.

use std::f32::consts::LOG2_E;

/// `ln 2` is `LN_2_HI + LN_2_LO`. The high part has so few bits that its product with an exponent is exact.
const LN_2_HI: f32 = 0.69314575;
const LN_2_LO: f32 = 1.4286068e-6;

/// Adding `1.5 * 2^23` rounds a small value to an integer, which is then in the low bits of the sum.
const ROUND: f32 = 12582912.0;

/// `e^x` is infinite from here on, and zero from `EXP_MIN` downwards.
const EXP_MAX: f32 = 89.0;
const EXP_MIN: f32 = -104.0;

/// `(e^r - 1 - r) / r^2` on `[-ln(2)/2, ln(2)/2]`.
/// Largest relative error of the result: 0.053 * 2^-24.
const EXP: [f32; 5] = [0.49999994, 0.16666517, 0.041668102, 0.0083691925, 0.0013838903];

/// Values of `1 + x` are scaled by a power of two into `[LOG1P_LOW, 2 * LOG1P_LOW)`.
const LOG1P_LOW: f32 = 0.75;

/// From this exponent on, `1 + x` is taken as rounded.
const LOG1P_LARGE: i32 = 32;

/// `(log(1+f) - f + f^2/2) / f^3` on `[-1/4, 1/2]`.
/// Largest relative error of the result: 0.15 * 2^-24.
const LOG1P: [f32; 8] =
    [0.3333345, -0.24999544, 0.19989827, -0.16667826, 0.14532447, -0.13006784, 0.09830053, -0.03965955];

/// `tanh` is a polynomial below this magnitude, and an expression in `e^(2|x|)` above.
const TANH_SPLIT: f32 = 0.625;

/// `tanh` rounds to 1 from here on.
const TANH_ONE: f32 = 10.0;

/// `(tanh(x)/x - 1) / x^2` in `x^2`, for `x` in `[0, 0.625]`.
/// Largest relative error of the result: 0.076 * 2^-24.
const TANH: [f32; 5] = [-0.3333328, 0.13331406, -0.053736515, 0.020628167, -0.0056922967];

/// `erf` is an odd polynomial below this magnitude, and one minus an exponential above.
const ERF_SPLIT: f32 = 0.875;

/// `erf` rounds to 1 from here on.
const ERF_ONE: f32 = 4.0;

/// `erf(x)/x - 1` in `x^2`, for `x` in `[0, 0.875]`.
/// Largest relative error of the result: 0.24 * 2^-24.
const ERF_SMALL: [f32; 6] = [0.12837915, -0.37612504, 0.11281922, -0.026770486, 0.004998928, -0.00060204905];

/// `log(1 - erf(x))` for `x` in `[0.875, 4]`.
/// Largest relative error of the result: 0.032 * 2^-24.
const ERF_LARGE: [f32; 7] =
    [-0.00013357685, -1.1279361, -0.6367372, -0.10432751, 0.022420216, -0.0030922906, 0.00020099593];

/// Evaluates a polynomial, with the coefficients in order of rising powers, by fused Horner steps.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    let mut sum = coefficients[N - 1];
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, c);
    }
    sum
}

/// `2^n` for `n` in `-126..=127`; any other `n` gives an unspecified value.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// Splits `e^x` into `(p, n)` with `e^x = p * 2^n` and `p` in about `[0.7, 1.42]`, for `x` in `[EXP_MIN, EXP_MAX]`.
///
/// `n` is `x / ln 2` rounded, and `p` is `e^r = 1 + r + r^2 P(r)` with `r = x - n ln 2`. For NaN, `p` is NaN.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, i32) {
    let shifted = x.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LO, n.mul_add(-LN_2_HI, x));
    let p = (r * r).mul_add(polynomial(&EXP, r), r) + 1.0;
    (p, shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32)
}

/// `e^x` for `x` in `[EXP_MIN, EXP_MAX]`, where the result may overflow or be subnormal.
///
/// The scale `2^n` is applied as two factors, each of which is a normal number. The first product is exact.
#[inline(always)]
fn exp_wide(x: f32) -> f32 {
    let (p, n) = exp_parts(x);
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `e^x` for `x` in `[-80, 80]`, where neither the result nor the scale `2^n` is extreme.
#[inline(always)]
fn exp_narrow(x: f32) -> f32 {
    let (p, n) = exp_parts(x);
    p * power_of_two(n)
}

/// `e^-|x|` for every `x`.
#[inline(always)]
fn exp_neg_abs(x: f32) -> f32 {
    let y = -x.abs();
    exp_wide(if y < EXP_MIN { EXP_MIN } else { y })
}

/// `log(1 + f) + k ln 2` for `f` in `[LOG1P_LOW - 1, 2 LOG1P_LOW - 1]` and an integer `k`.
///
/// Computed as `f - f^2/2 + f^3 P(f)`, to which the two parts of `k ln 2` are added, the small part first.
#[inline(always)]
fn log_parts(f: f32, k: f32) -> f32 {
    let q = polynomial(&LOG1P, f).mul_add(f, -0.5);
    k.mul_add(LN_2_HI, (f * f).mul_add(q, k * LN_2_LO) + f)
}

/// `e^x`. Largest error: 1.02 ulp.
///
/// `x` is limited to the range in which the result is neither zero nor infinite, with a margin, and is then reduced by
/// a multiple of `ln 2`; see `exp_parts`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let y = if x > EXP_MAX { EXP_MAX } else { x };
    exp_wide(if y < EXP_MIN { EXP_MIN } else { y })
}

/// `log(1 + x)`. Largest error: 0.98 ulp. Gives -inf at -1 and NaN below.
///
/// `1 + x = 2^k (1 + f)`, so the result is `log(1 + f) + k ln 2`; see `log_parts`. `k` comes from the exponent of the
/// rounded sum `1 + x`, but `f = x 2^-k + (2^-k - 1)` is computed from `x` itself with one rounding, and equals `x` for
/// small `x`. For large `k`, where `2^-k` may be subnormal, `f` is computed from the rounded sum.
#[inline(always)]
pub fn log1p(x: f32) -> f32 {
    let sum = (1.0 + x).to_bits();
    let k = (sum.wrapping_sub(LOG1P_LOW.to_bits()) as i32) >> 23;
    let scale = power_of_two(k.wrapping_neg());
    let scaled_sum = f32::from_bits(sum.wrapping_sub((k as u32) << 23));
    let near = x.mul_add(scale, scale - 1.0);
    let far = scaled_sum - 1.0;
    let y = log_parts(if k < LOG1P_LARGE { near } else { far }, k as f32);
    // Only zeros and infinities equal their double.
    let y = if x + x == x { x } else { y };
    let outside = if x == -1.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > -1.0 { y } else { outside }
}

/// `log(x)`. Gives -inf at 0 and NaN below.
///
/// `x = 2^k (1 + f)` as in [`log1p`], with `f` exact. A subnormal number is multiplied by 2^25 first.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let small = x < f32::MIN_POSITIVE;
    let bits = if small { x * 33_554_432.0 } else { x }.to_bits();
    let k = (bits.wrapping_sub(LOG1P_LOW.to_bits()) as i32) >> 23;
    let f = f32::from_bits(bits.wrapping_sub((k as u32) << 23)) - 1.0;
    let y = log_parts(f, (k - if small { 25 } else { 0 }) as f32);
    let y = if x == f32::INFINITY { x } else { y };
    let outside = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { y } else { outside }
}

/// `log(1 + e^x)`. Largest error: 1.87 ulp.
///
/// Computed as `max(x, 0) + log(1 + e)` with `e = e^-|x|`. As `1 + e` lies in `[1, 2]`, its reduction needs only the
/// exponents 0 and 1, and is exact.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let e = exp_neg_abs(x);
    let upper = e > 2.0 * LOG1P_LOW - 1.0;
    let f = if upper { e.mul_add(0.5, -0.5) } else { e };
    let k = if upper { 1.0 } else { 0.0 };
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + log_parts(f, k)
}

/// `1 / (1 + e^-x)`. Largest error: 1.66 ulp.
///
/// With `e = e^-|x|` and `q = e / (1 + e)`, the result is `q` for negative `x` and `1 - q` for positive `x`. The former
/// is computed as `e - e q`, which has the same value, but multiplies the rounding errors of `q` by `e`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp_neg_abs(x);
    let q = e / (1.0 + e);
    let limit = if x < 0.0 { e } else { 1.0 };
    limit.mul_add(-q, limit)
}

/// `tanh(x)`. Largest error: 1.34 ulp.
///
/// With `a = |x|`, computed as `a + a^3 P(a^2)` for small `a` and as `1 - 2 / (e^(2a) + 1)` for large `a`. The sign of
/// `x` is then restored.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let t = a * a;
    let small = (a * t).mul_add(polynomial(&TANH, t), a);
    let limited = if a > TANH_ONE { TANH_ONE } else { a };
    let large = 1.0 - 2.0 / (exp_narrow(limited + limited) + 1.0);
    (if a < TANH_SPLIT { small } else { large }).copysign(x)
}

/// The error function. Largest error: 1.16 ulp.
///
/// With `a = |x|`, computed as `a + a P(a^2)` for small `a` and as `1 - e^Q(a)` for large `a`, where `Q` approximates
/// `log(1 - erf(a))`. The sign of `x` is then restored.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let a = x.abs();
    let small = a.mul_add(polynomial(&ERF_SMALL, a * a), a);
    let limited = if a > ERF_ONE { ERF_ONE } else { a };
    let large = 1.0 - exp_narrow(polynomial(&ERF_LARGE, limited));
    (if a < ERF_SPLIT { small } else { large }).copysign(x)
}
