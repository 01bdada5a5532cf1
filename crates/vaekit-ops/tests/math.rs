//! Accuracy, special values and reproducibility of the vector math functions.
#![allow(clippy::print_stdout, reason = "with --nocapture a sweep tells its largest error")]

use pulp::Arch;
use vaekit_ops::math::{erf, exp, ln, log1p, sigmoid, softplus, tanh};

/// Distance between the bit patterns tested by the sweeps. It is odd, so that all low bits vary, and larger in
/// unoptimised builds, where the functions are slow.
const STRIDE: usize = if cfg!(debug_assertions) { 10_007 } else { 61 };

/// Number of inputs evaluated at a time.
const BLOCK: usize = 4096;

/// Applies `f` to every element in the widest vector code that the machine has.
fn map_vector(f: impl Fn(f32) -> f32, values: &mut [f32]) {
    // Once only, and inlined by force: else it may stay a function of its own, without the vector instructions.
    let once = vec![()];
    Arch::new().dispatch(
        #[inline(always)]
        || {
            drop(once);
            for v in values.iter_mut() {
                *v = f(*v);
            }
        },
    );
}

/// Error of `got` in units in the last place of `want`. Results beyond the largest finite value count as `2^128`.
fn ulp_error(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let limit = 2f64.powi(128);
    let want = want.clamp(-limit, limit);
    let got = f64::from(got).clamp(-limit, limit);
    let exponent = (((want.to_bits() >> 52) & 0x7ff) as i64 - 1023).clamp(-126, 127);
    let unit = f64::from_bits(((exponent - 23 + 1023) as u64) << 52);
    (got - want).abs() / unit
}

/// Largest error, with its input, over every `stride`-th bit pattern.
fn sweep(f: impl Fn(f32) -> f32 + Copy, reference: impl Fn(f64) -> f64, stride: usize) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    let mut inputs = Vec::with_capacity(BLOCK);
    let mut outputs = Vec::with_capacity(BLOCK);
    let mut patterns = (0..=u32::MAX).step_by(stride).peekable();
    while patterns.peek().is_some() {
        inputs.clear();
        inputs.extend(patterns.by_ref().take(BLOCK).map(f32::from_bits));
        outputs.clone_from(&inputs);
        map_vector(f, &mut outputs);
        for (&x, &y) in inputs.iter().zip(&outputs) {
            let error = ulp_error(y, reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    worst
}

fn softplus_reference(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
}

fn sigmoid_reference(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// Sweeps one function and checks its error against the bound of 2 ulp.
///
/// The environment variable `ULP_STRIDE` replaces the stride; 1 tests every input.
fn check(name: &str, f: impl Fn(f32) -> f32 + Copy, reference: impl Fn(f64) -> f64) {
    let stride = std::env::var("ULP_STRIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(STRIDE);
    let (error, x) = sweep(f, reference, stride);
    println!("{name}: largest error {error:.4} ulp at {x:e} (0x{:08x}), stride {stride}", x.to_bits());
    assert!(error <= 2.0, "{name}: {error} ulp at {x:e}");
}

#[test]
fn exp_is_accurate() {
    check("exp", exp, f64::exp);
}

#[test]
fn log1p_is_accurate() {
    check("log1p", log1p, f64::ln_1p);
}

#[test]
fn ln_is_accurate() {
    check("ln", ln, f64::ln);
}

#[test]
fn softplus_is_accurate() {
    check("softplus", softplus, softplus_reference);
}

#[test]
fn sigmoid_is_accurate() {
    check("sigmoid", sigmoid, sigmoid_reference);
}

#[test]
fn tanh_is_accurate() {
    check("tanh", tanh, f64::tanh);
}

#[test]
fn erf_is_accurate() {
    check("erf", erf, libm::erf);
}

/// Special values, compared bit for bit except for NaN.
#[test]
fn special_values() {
    const INF: f32 = f32::INFINITY;
    const TINY: f32 = f32::from_bits(1);
    type Function = fn(f32) -> f32;
    type Case = (&'static str, Function, &'static [(f32, f32)]);
    let cases: [Case; 7] = [
        ("exp", |x| exp(x), &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (f32::MAX, INF), (f32::MIN, 0.0)]),
        ("exp", |x| exp(x), &[(88.72284, INF), (-103.972, TINY), (-103.973, 0.0), (TINY, 1.0), (-TINY, 1.0)]),
        ("log1p", |x| log1p(x), &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-1.0, -INF), (TINY, TINY), (-TINY, -TINY)]),
        ("ln", |x| ln(x), &[(1.0, 0.0), (INF, INF), (0.0, -INF), (-0.0, -INF)]),
        ("softplus", |x| softplus(x), &[(INF, INF), (-INF, 0.0), (f32::MAX, f32::MAX), (f32::MIN, 0.0)]),
        ("sigmoid", |x| sigmoid(x), &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (f32::MIN, 0.0)]),
        ("sigmoid", |x| sigmoid(x), &[(-103.972, TINY), (-103.973, 0.0), (f32::MAX, 1.0)]),
    ];
    for (name, f, values) in cases {
        for &(x, want) in values {
            let got = f(x);
            assert_eq!(got.to_bits(), want.to_bits(), "{name}({x:e}) is {got:e}, not {want:e}");
        }
    }
    let odd: [(&str, Function); 2] = [("tanh", |x| tanh(x)), ("erf", |x| erf(x))];
    for (name, f) in odd {
        for (x, want) in [(0.0f32, 0.0f32), (INF, 1.0), (f32::MAX, 1.0)] {
            assert_eq!(f(x).to_bits(), want.to_bits(), "{name}({x:e})");
            assert_eq!(f(-x).to_bits(), (-want).to_bits(), "{name}({:e})", -x);
        }
    }
    for x in [f32::from_bits(0xbf80_0001), -2.0, f32::MIN, -INF] {
        assert!(log1p(x).is_nan(), "log1p({x:e})");
    }
    for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
        let x = f32::from_bits(bits);
        for y in [exp(x), log1p(x), softplus(x), sigmoid(x), tanh(x), erf(x)] {
            assert!(y.is_nan(), "0x{bits:08x}");
        }
    }
}

/// Compares the vector path with one scalar evaluation at a time, bit for bit except for NaN.
fn agree(name: &str, f: impl Fn(f32) -> f32 + Copy) {
    // An odd length leaves a tail after the vector part of the loop.
    let inputs: Vec<f32> = (0..200_003u32).map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761))).collect();
    let mut outputs = inputs.clone();
    map_vector(f, &mut outputs);
    for (&x, &y) in inputs.iter().zip(&outputs) {
        let scalar = f(std::hint::black_box(x));
        let same = scalar.to_bits() == y.to_bits() || (scalar.is_nan() && y.is_nan());
        assert!(same, "{name}({x:e}): scalar {scalar:e}, vector {y:e}");
    }
}

#[test]
fn vector_and_scalar_paths_agree() {
    agree("exp", exp);
    agree("log1p", log1p);
    agree("softplus", softplus);
    agree("sigmoid", sigmoid);
    agree("tanh", tanh);
    agree("erf", erf);
}
