//! A few threads that share out the parts of an operation.
//!
//! A training step has some twenty parallel regions of a fraction of a
//! millisecond each, so a thread that sleeps in between costs more than it
//! gives. The threads of this pool watch for work for a while before they
//! sleep. What a part computes depends on its number alone, never on the
//! thread that takes it: results are the same for any number of threads.

use std::any::Any;
use std::cell::Cell;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::gemm::Target;
use wake::Board;

/// What `wake` is built on; its test of every interleaving names others.
mod sync {
    pub use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
}
mod wake;

/// How long an idle thread watches before it sleeps: longer than what lies
/// between two regions of a step, shorter than anyone would notice.
const WATCH: Duration = Duration::from_micros(300);

/// The number asked for; 0 means one for each core.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What [`with_threads`] grants on this thread.
    static GRANTED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Sets the number of threads for the whole process.
pub fn set_threads(n: usize) {
    THREADS.store(n, Ordering::Relaxed);
}

/// The number of threads that a region started here may use.
pub fn threads() -> usize {
    GRANTED.get().unwrap_or_else(|| match THREADS.load(Ordering::Relaxed) {
        0 => cores(),
        n => n,
    })
}

/// The system is asked once: its answer costs several files.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

/// Calls `f` with regions of this thread limited to `n` threads.
pub fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            GRANTED.set(self.0);
        }
    }
    let _restore = Restore(GRANTED.replace(Some(n.max(1))));
    f()
}

/// Calls `work` with each number below `parts`, on several threads at once, and returns when all are done.
///
/// Inside a part, and while another thread has the pool, parts run one after another.
///
/// # Panics
/// When a part panics, after the others are done.
pub fn run(parts: usize, work: impl Fn(usize) + Sync) {
    // More threads than cores would only wait for each other.
    let helpers = threads().min(parts).saturating_sub(1).min(cores().saturating_sub(1).max(1));
    let region = if helpers == 0 { None } else { Pool::get(helpers).enter() };
    match region {
        Some((pool, guard)) => pool.share(parts, helpers, &work, guard),
        None => (0..parts).for_each(work),
    }
}

/// Calls `work` with ranges that cover `0..n`, each a multiple of `step` long but for the last.
///
/// Only for work on elements that do not touch each other: how long the ranges are is not fixed.
pub fn ranges(n: usize, step: usize, work: impl Fn(std::ops::Range<usize>) + Sync) {
    // Two for each thread: one that is held up delays the rest by half.
    let size = n.div_ceil(2 * threads()).next_multiple_of(step.max(1)).max(1);
    run(n.div_ceil(size), |i| work(i * size..((i + 1) * size).min(n)));
}

/// The value of `work` for each number below `parts`, in order.
pub fn map<T: Send>(parts: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let values: Vec<Mutex<Option<T>>> = (0..parts).map(|_| Mutex::new(None)).collect();
    run(parts, |i| *lock(&values[i]) = Some(work(i)));
    values.into_iter().filter_map(|v| v.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Calls `work` with the number and the values of each row of `[rows, width]`.
pub fn each_row(values: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let rows = values.len() / width.max(1);
    let target = Target::over(values, rows, width);
    ranges(rows, 1, |range| {
        for row in range {
            // SAFETY: each row is in one range.
            work(row, unsafe { target.part(row, 0..width) });
        }
    });
}

/// A region under way.
struct Job {
    /// Valid until `done` is `parts`, and called only for a number below that.
    work: *const (dyn Fn(usize) + Sync),
    parts: usize,
    /// Threads that may take part, by their place in the pool.
    helpers: usize,
    next: AtomicUsize,
    done: AtomicUsize,
    /// What the first part that panicked had to say.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: the closure behind `work` is Sync, and the pointer is used only as `Job::take_parts` says.
unsafe impl Send for Job {}
// SAFETY: as above; the other fields are atomics or never change.
unsafe impl Sync for Job {}

impl Job {
    /// Takes parts until none is left.
    fn take_parts(&self) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= self.parts {
                return;
            }
            // SAFETY: `share` keeps the closure alive until `done` reaches
            // `parts`, which cannot be before this part adds itself below.
            let work = unsafe { &*self.work };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(part))) {
                lock(&self.panic).get_or_insert(panic);
            }
            self.done.fetch_add(1, Ordering::Release);
        }
    }
}

struct Pool {
    /// Held by the thread whose region it is.
    busy: Mutex<()>,
    board: Board<Arc<Job>>,
    started: AtomicUsize,
}

impl Pool {
    /// The pool, with at least so many threads.
    fn get(helpers: usize) -> &'static Self {
        static POOL: OnceLock<Pool> = OnceLock::new();
        let pool =
            POOL.get_or_init(|| Self { busy: Mutex::new(()), board: Board::new(), started: AtomicUsize::new(0) });
        while pool.started.load(Ordering::Relaxed) < helpers {
            let place = pool.started.fetch_add(1, Ordering::Relaxed);
            let turn = pool.board.turn();
            // Without the thread there is less help and the same result.
            let _ = std::thread::Builder::new().name(format!("vaekit-{place}")).spawn(move || pool.serve(place, turn));
        }
        pool
    }

    /// Takes the pool, unless a region is under way.
    fn enter(&'static self) -> Option<(&'static Self, MutexGuard<'static, ()>)> {
        match self.busy.try_lock() {
            Ok(guard) => Some((self, guard)),
            Err(std::sync::TryLockError::Poisoned(e)) => Some((self, e.into_inner())),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    fn share(&self, parts: usize, helpers: usize, work: &(dyn Fn(usize) + Sync), guard: MutexGuard<'_, ()>) {
        // SAFETY: only the lifetime is dropped. This function returns after
        // `done` has reached `parts`, and nothing calls `work` afterwards.
        let work: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
        let job = Arc::new(Job {
            work,
            parts,
            helpers,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            panic: Mutex::new(None),
        });
        self.board.post(Arc::clone(&job));
        job.take_parts();
        let mut looks = 0u32;
        while job.done.load(Ordering::Acquire) < parts {
            looks += 1;
            // A helper may be off its core: then let it have this one.
            if looks < 2_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        drop(guard);
        let panic = lock(&job.panic).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// The life of a helper.
    fn serve(&self, place: usize, mut seen: u64) {
        loop {
            let start = Instant::now();
            let mut looks = 0u32;
            let (turn, job) = self.board.wait(seen, || {
                std::hint::spin_loop();
                looks += 1;
                if !looks.is_multiple_of(64) {
                    return true;
                }
                // On a busy machine somebody else has a use for this core.
                std::thread::yield_now();
                start.elapsed() <= WATCH
            });
            seen = turn;
            if let Some(job) = job.filter(|job| place < job.helpers) {
                job.take_parts();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_runs_once_at_any_number_of_threads() {
        for threads in [1, 2, 3, 7] {
            for parts in [0, 1, 2, 5, 100] {
                let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                with_threads(threads, || run(parts, |i| _ = counts[i].fetch_add(1, Ordering::Relaxed)));
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1), "{parts} parts, {threads} threads");
            }
        }
    }

    #[test]
    fn regions_inside_parts_and_beside_others_run_too() {
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        with_threads(3, || run(3, |_| run(4, |_| _ = total.fetch_add(1, Ordering::Relaxed))));
                    }
                });
            }
        });
        assert_eq!(total.load(Ordering::Relaxed), 4 * 200 * 12);
    }

    /// Two parts that wait for each other, for a while: true when different threads ran them.
    fn two_threads_meet() -> bool {
        let here = AtomicUsize::new(0);
        let ids = Mutex::new(Vec::new());
        with_threads(2, || {
            run(2, |_| {
                lock(&ids).push(std::thread::current().id());
                here.fetch_add(1, Ordering::SeqCst);
                let start = Instant::now();
                while here.load(Ordering::SeqCst) < 2 && start.elapsed() < Duration::from_millis(200) {
                    std::thread::yield_now();
                }
            });
        });
        let ids = lock(&ids);
        ids[0] != ids[1]
    }

    #[test]
    fn a_helper_takes_part_and_comes_back_from_its_sleep() {
        // Another test may have the pool, and then parts run one after another: try again.
        for _ in 0..2 {
            assert!((0..50).any(|_| two_threads_meet()));
            std::thread::sleep(10 * WATCH);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let caught = catch_unwind(|| with_threads(2, || run(8, |i| assert_ne!(i, 5, "part five"))));
        let told = caught.unwrap_err().downcast::<String>().unwrap();
        assert!(told.contains("part five"), "{told}");
        let total = AtomicUsize::new(0);
        with_threads(2, || run(8, |_| _ = total.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(total.load(Ordering::Relaxed), 8);
    }

    #[test]
    fn ranges_cover_everything_once() {
        for n in [0, 1, 15, 16, 17, 1000] {
            let seen: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
            ranges(n, 16, |range| seen[range].iter().for_each(|c| _ = c.fetch_add(1, Ordering::Relaxed)));
            assert!(seen.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        }
    }
}
