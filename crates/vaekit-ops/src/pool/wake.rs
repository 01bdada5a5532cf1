//! How a thread of the pool learns of a job.
//!
//! No post is lost. A post writes the item and its turn while it holds the
//! lock. A thread counts itself among the sleepers, and then looks at the
//! turn, while it holds the same lock, which it gives up only as it falls
//! asleep. Either the thread has the lock first, and the post sees it among
//! the sleepers and wakes it; or the post has the lock first, and the thread
//! sees the turn and does not sleep. `tests/wake.rs` runs these lines in
//! every order that threads can run them in.

use super::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError};

/// One place for the newest item, which any number of threads watch.
pub struct Board<T> {
    item: Mutex<Option<T>>,
    /// Counts the posts, so that a thread sees a new one without the lock.
    turn: AtomicU64,
    sleeping: AtomicUsize,
    wake: Condvar,
}

impl<T: Clone> Board<T> {
    pub fn new() -> Self {
        Self { item: Mutex::new(None), turn: AtomicU64::new(0), sleeping: AtomicUsize::new(0), wake: Condvar::new() }
    }

    /// The number of posts so far.
    pub fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Puts up an item in place of the one before, and wakes those that sleep.
    pub fn post(&self, item: T) {
        let mut place = self.lock();
        *place = Some(item);
        self.turn.fetch_add(1, Ordering::Release);
        drop(place);
        if self.sleeping.load(Ordering::Acquire) > 0 {
            self.wake.notify_all();
        }
    }

    /// The turn and the item of the newest post, once there is one after the turn `seen`.
    ///
    /// The thread watches for as long as `watch` says, and then sleeps.
    pub fn wait(&self, seen: u64, mut watch: impl FnMut() -> bool) -> (u64, Option<T>) {
        while self.turn() == seen && watch() {}
        let mut place = self.lock();
        self.sleeping.fetch_add(1, Ordering::AcqRel);
        while self.turn() == seen {
            place = self.wake.wait(place).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleeping.fetch_sub(1, Ordering::AcqRel);
        (self.turn(), place.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.item.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
