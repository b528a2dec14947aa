/*
 * The engine's locks across a fork.
 *
 * The engine takes a few process-wide reader-writer locks for moments, among them one for each random number, and in a
 * forked child it takes the same ones for writing. A lock that another thread held at the moment of the fork stays taken
 * in the child for ever. So a fork waits until no thread holds one: the shared library is linked with --wrap for the three
 * functions below (build.rs), which count the threads that are inside.
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define HIDDEN __attribute__((visibility("hidden")))
/* Threads count in different cache lines. */
#define SHARDS 16
/* A fork waits so many pauses of 50 microseconds at most: whatever goes wrong, it takes place. */
#define PAUSES 20000

/* Weak: programs that are linked without --wrap call none of the functions that need them. */
__attribute__((weak)) int __real_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
__attribute__((weak)) int __real_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
__attribute__((weak)) int __real_pthread_rwlock_unlock(pthread_rwlock_t *lock);

HIDDEN int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
HIDDEN int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
HIDDEN int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock);
HIDDEN void coffer_engine_before_fork(void);
HIDDEN void coffer_engine_after_fork_in_parent(void);
HIDDEN void coffer_engine_after_fork_in_child(void);

/* Forks that are under way in this process. */
static atomic_int forking;
static atomic_uint next_shard;
static struct {
  _Alignas(64) atomic_int threads;
} inside[SHARDS];
/* Locks that this thread holds or waits for. */
static _Thread_local int held;
/* Where this thread counts, from 1; 0: nowhere yet. */
static _Thread_local unsigned shard;

static void pause_shortly(void) {
  struct timespec time = {0, 50000};
  nanosleep(&time, NULL);
}

static void enter(void) {
  if (held++ > 0) {
    return;
  }
  if (shard == 0) {
    shard = 1 + atomic_fetch_add_explicit(&next_shard, 1, memory_order_relaxed) % SHARDS;
  }
  for (;;) {
    atomic_fetch_add(&inside[shard - 1].threads, 1);
    if (atomic_load(&forking) == 0) {
      return;
    }
    atomic_fetch_sub(&inside[shard - 1].threads, 1);
    while (atomic_load(&forking) != 0) {
      pause_shortly();
    }
  }
}

static void leave(void) {
  if (--held == 0) {
    atomic_fetch_sub(&inside[shard - 1].threads, 1);
  }
}

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
  enter();
  int result = __real_pthread_rwlock_rdlock(lock);
  if (result != 0) {
    leave();
  }
  return result;
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
  enter();
  int result = __real_pthread_rwlock_wrlock(lock);
  if (result != 0) {
    leave();
  }
  return result;
}

int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock) {
  int result = __real_pthread_rwlock_unlock(lock);
  leave();
  return result;
}

/* Keeps the threads out and waits for those that are in. A signal handler may fork a thread that is in itself. */
void coffer_engine_before_fork(void) {
  atomic_fetch_add(&forking, 1);
  for (int pauses = 0; pauses < PAUSES; pauses++) {
    int threads = held > 0 ? -1 : 0;
    for (int i = 0; i < SHARDS; i++) {
      threads += atomic_load(&inside[i].threads);
    }
    if (threads <= 0) {
      return;
    }
    if (pauses < 100) {
      sched_yield();
    } else {
      pause_shortly();
    }
  }
}

void coffer_engine_after_fork_in_parent(void) { atomic_fetch_sub(&forking, 1); }

/* The forking thread is the only one of the child. */
void coffer_engine_after_fork_in_child(void) {
  atomic_store(&forking, 0);
  for (int i = 0; i < SHARDS; i++) {
    atomic_store(&inside[i].threads, 0);
  }
  if (held > 0) {
    atomic_store(&inside[shard - 1].threads, 1);
  }
}
