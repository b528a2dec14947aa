//! Locks that a forked child can go on with.
//!
//! Each is one word that the kernel waits on (a futex), and nothing is shared between them. `parking_lot` keeps its waiting
//! threads in a table of the whole process; a child that was forked while another thread had a part of that table in
//! hand would wait for it for ever, with locks of its own as well. A panic does not poison them.
#![forbid(unsafe_code)]

use std::sync::PoisonError;
use std::time::{Duration, Instant};

pub use std::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// Mutual exclusion.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Many readers or one writer.
#[derive(Debug, Default)]
pub struct RwLock<T>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub const fn new(value: T) -> Self {
        Self(std::sync::RwLock::new(value))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waiting for something that another thread does under a [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Condvar::wait`], but no longer than this.
    pub fn wait_for<'a, T>(&self, guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
        self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// One thread at a time, and the others wait no longer than they want to.
#[derive(Debug, Default)]
pub struct Turn {
    taken: Mutex<bool>,
    given_back: Condvar,
}

/// The proof that it is this thread's turn; dropping it gives the turn back.
#[derive(Debug)]
pub struct TurnGuard<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn.
    pub fn take(&self) -> TurnGuard<'_> {
        let mut taken = self.taken.lock();
        while *taken {
            taken = self.given_back.wait(taken);
        }
        *taken = true;
        TurnGuard(self)
    }

    /// As [`Turn::take`]; `None` if the turn did not come within this time.
    pub fn take_within(&self, limit: Duration) -> Option<TurnGuard<'_>> {
        let start = Instant::now();
        let mut taken = self.taken.lock();
        while *taken {
            let left = limit.checked_sub(start.elapsed()).filter(|left| !left.is_zero())?;
            taken = self.given_back.wait_for(taken, left);
        }
        *taken = true;
        Some(TurnGuard(self))
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock() = false;
        self.0.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_one_threads_and_waiting_for_it_ends() {
        let turn = Turn::default();
        let guard = turn.take();
        assert!(turn.take_within(Duration::from_millis(20)).is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turn.take_within(Duration::from_secs(60)).is_some());
            drop(guard);
            assert!(waiting.join().unwrap());
        });
        assert!(turn.take_within(Duration::ZERO).is_some());
    }

    #[test]
    fn a_panic_poisons_nothing() {
        let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guards = (mutex.lock(), lock.write());
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!((*mutex.lock(), *lock.read()), (1, 1));
    }
}
