/* Stands between the library and the C library (LD_PRELOAD): it notes which step of a commit a process is in, on a page
 * that its parent can read after its death, does something to the process at one of them, and can make system calls lie,
 * to prove that the campaigns notice. The library itself is the one that is shipped. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the structure `Page` in shim.rs. */
struct page {
  atomic_int step;   /* where the process is */
  atomic_int at;     /* the step at which something happens to it; 0: none */
  atomic_int after;  /* so many times later */
  atomic_int action; /* what happens */
  atomic_int lie;    /* which calls lie */
  atomic_int orphan; /* the process that ACTION_FORK has left behind */
};

/* As STEPS in shim.rs. */
enum {
  OUTSIDE, LOCK, READ, CUT, WRITE, SYNC, POINTER, COUNT, SYNC_COUNT, NEW, WRITE_NEW, SYNC_NEW, NAME, SYNC_FOLDER, MARK,
  UNLOCK, ANSWER
};
enum { ACTION_KILL = 1, ACTION_STOP, ACTION_FORK, ACTION_RAW_FORK, ACTION_TEAR };
enum { LIE_LOCK = 1, LIE_COUNT = 2, LIE_WRITE = 4, LIE_LINK = 8, LIE_WIPE = 16 };

/* The layout of a token file (docs/token-format.md). */
enum { POINTERS = 512, POINTERS_END = 576, COUNTS = 1024, HEADER = 2048 };

static struct page own;
static struct page *page = &own;

void coffer_shim_use(struct page *shared) { page = shared; }

static void leave_an_orphan_and_die(int raw) {
  pid_t child = raw ? (pid_t)syscall(SYS_fork) : fork();
  if (child == 0) {
    /* It must not keep the output of the test open, nor outlive it for long. */
    close(0);
    close(1);
    close(2);
    alarm(120);
    for (;;) {
      pause();
    }
  }
  atomic_store(&page->orphan, child);
  kill(getpid(), SIGKILL);
}

/* Set when the write that follows is to be the last thing that the process does, and half of it. */
static atomic_int tears;

static void at(int step) {
  atomic_store(&page->step, step);
  if (step == OUTSIDE || atomic_load(&page->at) != step || atomic_fetch_sub(&page->after, 1) != 0) {
    return;
  }
  switch (atomic_load(&page->action)) {
  case ACTION_KILL:
    kill(getpid(), SIGKILL);
    break;
  case ACTION_STOP:
    kill(getpid(), SIGSTOP);
    break;
  case ACTION_FORK:
    leave_an_orphan_and_die(0);
    break;
  case ACTION_RAW_FORK:
    leave_an_orphan_and_die(1);
    break;
  case ACTION_TEAR:
    atomic_store(&tears, 1);
    break;
  }
}

static int lies(int kind) { return atomic_load(&page->lie) & kind; }
static int now(void) { return atomic_load(&page->step); }

/* Whether the descriptor is a lock file of writers: those of sessions are none of a commit's steps. */
static int is_writers_lock(int descriptor) {
  char link[64], path[4096];
  char digits[16];
  int length = 0, rest = descriptor;
  do {
    digits[length++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  strcpy(link, "/proc/self/fd/");
  char *end = link + strlen(link);
  while (length > 0) {
    *end++ = digits[--length];
  }
  *end = 0;
  ssize_t size = readlink(link, path, sizeof path - 1);
  return size > 5 && memcmp(path + size - 5, ".lock", 5) == 0;
}

#define REAL(name) static __typeof__(name) *real; if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int flock(int descriptor, int operation) {
  REAL(flock);
  if (!is_writers_lock(descriptor)) {
    return lies(LIE_LOCK) ? 0 : real(descriptor, operation);
  }
  at(operation & LOCK_UN ? UNLOCK : LOCK);
  int result = lies(LIE_LOCK) ? 0 : real(descriptor, operation);
  if (result == 0) {
    at(operation & LOCK_UN ? ANSWER : READ);
  }
  return result;
}

int ftruncate64(int descriptor, off64_t length) {
  REAL(ftruncate64);
  at(CUT);
  return real(descriptor, length);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  REAL(pwrite64);
  if (offset == 0) {
    at(WRITE_NEW);
  } else if (offset >= HEADER) {
    at(WRITE);
    if (atomic_load(&tears)) {
      (void)!real(descriptor, bytes, count / 2, offset);
      kill(getpid(), SIGKILL);
    }
    if (lies(LIE_WRITE) && count > 64) {
      return (ssize_t)count;
    }
  } else if (offset >= COUNTS) {
    at(COUNT);
    if (lies(LIE_COUNT)) {
      return (ssize_t)count;
    }
  } else if (offset >= POINTERS && offset < POINTERS_END) {
    at(now() == SYNC_FOLDER ? MARK : POINTER);
  }
  return real(descriptor, bytes, count, offset);
}

int fdatasync(int descriptor) {
  REAL(fdatasync);
  at(now() == COUNT ? SYNC_COUNT : SYNC);
  return real(descriptor);
}

int fsync(int descriptor) {
  REAL(fsync);
  at(now() == WRITE_NEW ? SYNC_NEW : SYNC_FOLDER);
  return real(descriptor);
}

int open64(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  if (real == NULL) {
    real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
  }
  mode_t mode = 0;
  if (flags & O_CREAT) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, flags);
    mode = __builtin_va_arg(arguments, mode_t);
    __builtin_va_end(arguments);
  }
  size_t length = strlen(path);
  if ((flags & O_EXCL) && length > 4 && strcmp(path + length - 4, ".new") == 0) {
    at(NEW);
  }
  return real(path, flags, mode);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  at(NAME);
  return real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  REAL(linkat);
  if (lies(LIE_LINK)) {
    unlinkat(to_folder, to, 0);
  }
  return real(from_folder, from, to_folder, to, flags);
}

/* Fresh bytes of the system with every random number would hide that two processes share a generator. */
ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
  REAL(getrandom);
  if (lies(LIE_WIPE)) {
    memset(bytes, 0, count);
    return (ssize_t)count;
  }
  return real(bytes, count, flags);
}

int madvise(void *address, size_t length, int advice) {
  REAL(madvise);
  if (advice == MADV_WIPEONFORK && lies(LIE_WIPE)) {
    return 0;
  }
  return real(address, length, advice);
}
