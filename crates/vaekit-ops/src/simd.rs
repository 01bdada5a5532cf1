//! Code compiled for several instruction sets, the best of which is chosen when it runs.

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
