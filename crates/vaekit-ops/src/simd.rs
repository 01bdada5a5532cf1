//! Code compiled for several instruction sets, the best of which is chosen when it runs.
#![allow(clippy::manual_memcpy, clippy::needless_range_loop, reason = "loops by index, as `add` explains")]

/// Makes the closure of [`vectorised`] one that can be called once only: the
/// adapter that would make it fit otherwise is a function that need not be inlined.
pub(crate) struct Once;

/// Runs an expression compiled for AVX-512, for AVX2 and FMA, for NEON or for
/// neither, whichever the processor has.
///
/// Only what is inlined profits: loops written out, methods marked
/// `#[inline(always)]`, and no iterator adapters that take a closure.
macro_rules! vectorised {
    ($body:expr) => {{
        let once = $crate::simd::Once;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let _once = once;
                $body
            },
        )
    }};
}
pub(crate) use vectorised;

/// Adds `from` to `to`, as far as both go.
///
/// By index, like every loop of kernels that runs for single rows or pixels:
/// making a zipped iterator is a call of its own in code of another instruction set.
#[inline(always)]
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    let n = to.len().min(from.len());
    let (to, from) = (&mut to[..n], &from[..n]);
    for i in 0..n {
        to[i] += from[i];
    }
}

/// Copies `from` over `to`, as far as both go, without a call for short stretches.
#[inline(always)]
pub(crate) fn copy(to: &mut [f32], from: &[f32]) {
    let n = to.len().min(from.len());
    let (to, from) = (&mut to[..n], &from[..n]);
    if n >= 32 {
        to.copy_from_slice(from);
    } else {
        for i in 0..n {
            to[i] = from[i];
        }
    }
}
