//! Locks that a forked child can go on with.
//!
//! Each is one word that the kernel waits on (a futex), and nothing is shared between them. `parking_lot` keeps its waiting
//! threads in a table of the whole process; a child that was forked while another thread had a part of that table in
//! hand would wait for it for ever, with locks of its own as well. A panic does not poison them.
#![forbid(unsafe_code)]

use std::sync::PoisonError;
use std::time::{Duration, Instant};

// The locks of a model checker, which tries the orders in which threads can come to them (scripts/model.sh).
#[cfg(all(test, feature = "model"))]
use shuttle::sync as primitives;
#[cfg(not(all(test, feature = "model")))]
use std::sync as primitives;

#[cfg(all(test, feature = "model"))]
pub use model::OnceCell;
#[cfg(not(all(test, feature = "model")))]
pub use once_cell::sync::OnceCell;
pub use primitives::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// Mutual exclusion.
#[derive(Debug, Default)]
pub struct Mutex<T>(primitives::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(primitives::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Many readers or one writer.
#[derive(Debug, Default)]
pub struct RwLock<T>(primitives::RwLock<T>);

impl<T> RwLock<T> {
    pub const fn new(value: T) -> Self {
        Self(primitives::RwLock::new(value))
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
pub struct Condvar(primitives::Condvar);

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

/// What is made once, at its first use, where the model checker sees who waits for it.
#[cfg(all(test, feature = "model"))]
mod model {
    use super::Mutex;

    pub struct OnceCell<T> {
        value: std::sync::OnceLock<T>,
        turn: Mutex<()>,
    }

    impl<T> OnceCell<T> {
        pub const fn new() -> Self {
            Self { value: std::sync::OnceLock::new(), turn: Mutex::new(()) }
        }

        pub fn with_value(value: T) -> Self {
            Self { value: value.into(), turn: Mutex::new(()) }
        }

        pub fn get(&self) -> Option<&T> {
            self.value.get()
        }

        /// Errors: the value, where there is one already.
        pub fn set(&self, value: T) -> Result<(), T> {
            self.value.set(value)
        }

        pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
            if let Some(value) = self.value.get() {
                return Ok(value);
            }
            let _turn = self.turn.lock();
            if self.value.get().is_none() {
                let value = make()?;
                let _ = self.value.set(value);
            }
            Ok(self.value.get().unwrap())
        }

        pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            let made: Result<&T, std::convert::Infallible> = self.get_or_try_init(|| Ok(make()));
            made.unwrap_or_else(|never| match never {})
        }
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
