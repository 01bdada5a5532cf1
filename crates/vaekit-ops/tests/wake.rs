//! The pool's wake protocol under loom: each order in which the threads can run.

mod sync {
    pub use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub use loom::sync::{Condvar, Mutex, MutexGuard};
    pub use std::sync::PoisonError;
}
#[path = "../src/pool/wake.rs"]
mod wake;

use loom::sync::Arc;
use loom::thread;
use wake::Board;

/// Loom reports a thread that sleeps for ever as a deadlock.
#[test]
fn each_waiting_thread_sees_the_last_post() {
    // All orders of two threads; of three, those with up to three switches that no thread asked for.
    for (helpers, switches) in [(1, None), (2, Some(3))] {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = switches;
        model.check(move || {
            let board = Arc::new(Board::new());
            let threads: Vec<_> = (0..helpers)
                .map(|_| {
                    let board = Arc::clone(&board);
                    thread::spawn(move || {
                        let mut seen = 0;
                        while seen < 2 {
                            let (turn, item) = board.wait(seen, || false);
                            assert!(turn > seen);
                            assert_eq!(item, Some(turn), "an item belongs to its turn");
                            seen = turn;
                        }
                    })
                })
                .collect();
            board.post(1);
            board.post(2);
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
