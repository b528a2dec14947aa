//! What the engine needs before and after a fork (`engine_locks.c`): that no other thread holds one of its locks, which
//! would stay taken in the child. For the handlers of `pthread_atfork`; all three are async-signal-safe.

unsafe extern "C" {
    fn coffer_engine_before_fork();
    fn coffer_engine_after_fork_in_parent();
    fn coffer_engine_after_fork_in_child();
}

/// Waits until no thread is inside a lock of the engine, one second at most, and keeps new ones out.
pub fn before() {
    // SAFETY: takes nothing; touches atomics and thread-local numbers only.
    unsafe { coffer_engine_before_fork() }
}

/// Lets the threads of the parent go on.
pub fn after_in_parent() {
    // SAFETY: as above.
    unsafe { coffer_engine_after_fork_in_parent() }
}

/// Forgets the threads that the child does not have.
pub fn after_in_child() {
    // SAFETY: as above.
    unsafe { coffer_engine_after_fork_in_child() }
}
