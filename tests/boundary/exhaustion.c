/* Stands between the library and the C library (LD_PRELOAD): a thread can be told that there is no more memory after so
 * many allocations. The library itself is the one that is shipped. */

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* So many more allocations succeed; negative: all. */
static _Thread_local long left __attribute__((tls_model("initial-exec"))) = -1;
static _Thread_local long refused __attribute__((tls_model("initial-exec")));
/* Pages for secrets cannot be had: the library takes them from malloc, so that each of them can fail. */
static int without_pages;

void coffer_test_memory(long allocations) {
  left = allocations;
  refused = 0;
}

/* There is memory again. Answers how many allocations were refused. */
long coffer_test_memory_again(void) {
  left = -1;
  return refused;
}

void coffer_test_without_pages(void) { without_pages = 1; }

static int refuse(void) {
  if (left < 0) {
    return 0;
  }
  if (left > 0) {
    left--;
    return 0;
  }
  refused++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return refuse() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return refuse() ? NULL : __libc_calloc(count, size); }

void *realloc(void *block, size_t size) { return refuse() ? NULL : __libc_realloc(block, size); }

void *memalign(size_t alignment, size_t size) { return refuse() ? NULL : __libc_memalign(alignment, size); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **place, size_t alignment, size_t size) {
  void *block = memalign(alignment, size);
  if (block == NULL) {
    return ENOMEM;
  }
  *place = block;
  return 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
  if (refuse()) {
    return MAP_FAILED;
  }
  return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

int madvise(void *address, size_t length, int advice) {
  if (advice == MADV_WIPEONFORK && without_pages) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_madvise, address, length, advice);
}
