//! The time of day, in seconds since 1970 UTC: asked in one place, so that tests can set it.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Where a module takes the time from: the system, or a number that a test has set.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    set: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// A clock that stands still until somebody changes `seconds`.
    pub fn set_to(seconds: Arc<AtomicU64>) -> Self {
        Self { set: Some(seconds) }
    }

    /// A clock that stands at the seconds that a variable tells; `None` where it tells none.
    pub fn from_variable(text: &OsStr) -> Option<Self> {
        let seconds: u64 = text.to_str()?.trim().parse().ok()?;
        Some(Self::set_to(Arc::new(AtomicU64::new(seconds))))
    }

    /// Seconds since 1970 UTC. The system's coarse clock answers from memory: no system call, a few nanoseconds.
    pub fn now(&self) -> u64 {
        match &self.set {
            Some(seconds) => seconds.load(Ordering::Relaxed),
            None => u64::try_from(clock_gettime(ClockId::RealtimeCoarse).tv_sec).unwrap_or(0),
        }
    }
}

/// Two clocks are equal where they always tell the same time.
impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        match (&self.set, &other.set) {
            (None, None) => true,
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }
}

impl Eq for Clock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_tells_the_time_of_the_system() {
        let system = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(Clock::default().now().abs_diff(system) <= 1);
    }

    #[test]
    fn a_set_clock_tells_what_it_was_set_to() {
        let seconds = Arc::new(AtomicU64::new(7));
        let clock = Clock::set_to(Arc::clone(&seconds));
        assert_eq!(clock.now(), 7);
        seconds.store(9, Ordering::Relaxed);
        assert_eq!(clock.now(), 9);
        assert_eq!(
            Clock::from_variable(OsStr::new("1700000000")).map(|clock| clock.now()),
            Some(1_700_000_000)
        );
        assert_eq!(Clock::from_variable(OsStr::new("noon")), None);
    }
}
