/*
 * Pages for secrets: locked in memory where the system allows it, left out of core dumps, and wiped when they are freed.
 *
 * Two kinds of blocks: those of KEPT memory are still there in a forked child, which the engine needs for what it
 * shares with its parent; those of WIPED memory are zeros there.
 *
 * Blocks have one of a few sizes and are cut from chunks; a freed block goes to a list for the next that asks, so that a
 * secret costs no system call. The lists lie in a page that is zeros in every forked child: there they are empty and
 * unlocked, whatever other threads of the parent were doing. Memory is not given back to the system.
 */

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define HIDDEN __attribute__((visibility("hidden")))

/* Sizes of blocks with their prefix: 32 bytes to 16 KiB. Larger ones are no keys, and come from malloc. */
#define SMALLEST_BITS 5
#define CLASSES 10
/* Beyond the classes. */
#define FROM_MALLOC CLASSES
#define CHUNK ((size_t)64 * 1024)
#define KINDS 2
#define WIPED 1
/* Threads take and free in different lists. */
#define SHARDS 16
/* In the prefix of each block; gone where the memory was wiped. */
#define MAGIC 0x436f66666572u

HIDDEN void *coffer_pages_alloc(int kind, size_t size);
HIDDEN void coffer_pages_free(void *memory);
HIDDEN size_t coffer_pages_size(const void *memory);
/* How often there was no memory. */
HIDDEN extern _Atomic uint64_t coffer_pages_refused;
_Atomic uint64_t coffer_pages_refused;

/* In front of each block; keeps the alignment of malloc. */
struct prefix {
  size_t size;
  uint64_t mark; /* MAGIC, kind and class */
};
_Static_assert(sizeof(struct prefix) == 16, "the alignment of malloc");

struct shard {
  _Alignas(64) atomic_int taken;
  void *free[CLASSES];
  unsigned char *chunk;
  size_t left;
};

struct lists {
  struct shard shards[KINDS][SHARDS];
};

static _Atomic(struct lists *) lists;
static atomic_int without_lists;
/* The system allows no more locked memory. */
static atomic_int no_locks_left;
static atomic_uint next_shard;
/* Where this thread takes and frees, from 1; 0: not chosen yet. */
static _Thread_local unsigned shard_of_thread;

static void wipe(void *memory, size_t size) {
  memset(memory, 0, size);
  /* The compiler must believe that somebody reads the zeros. */
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

static void *map(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/* The lists; NULL where the system cannot empty them in a child (Linux before 4.14), and everything is malloc's. */
static struct lists *all_lists(void) {
#ifdef COFFER_PLAIN_MALLOC
  return NULL;
#endif
  struct lists *made = atomic_load_explicit(&lists, memory_order_acquire);
  if (made != NULL || atomic_load_explicit(&without_lists, memory_order_relaxed)) {
    return made;
  }
  made = map(sizeof *made);
  if (made == NULL) {
    return NULL;
  }
  if (madvise(made, sizeof *made, MADV_WIPEONFORK) != 0) {
    munmap(made, sizeof *made);
    atomic_store(&without_lists, 1);
    return NULL;
  }
  struct lists *none = NULL;
  if (!atomic_compare_exchange_strong(&lists, &none, made)) {
    munmap(made, sizeof *made);
    return none;
  }
  return made;
}

static struct shard *take_shard(struct lists *all, int kind) {
  if (shard_of_thread == 0) {
    shard_of_thread = 1 + atomic_fetch_add_explicit(&next_shard, 1, memory_order_relaxed) % SHARDS;
  }
  struct shard *shard = &all->shards[kind][shard_of_thread - 1];
  while (atomic_exchange_explicit(&shard->taken, 1, memory_order_acquire) != 0) {
    sched_yield();
  }
  return shard;
}

static void give_back(struct shard *shard) {
  atomic_store_explicit(&shard->taken, 0, memory_order_release);
}

/* A chunk for blocks. That it cannot be locked or marked is no failure. */
static void *make_chunk(int kind) {
  void *chunk = map(CHUNK);
  if (chunk == NULL) {
    return NULL;
  }
  (void)madvise(chunk, CHUNK, MADV_DONTDUMP);
  if (kind == WIPED) {
    (void)madvise(chunk, CHUNK, MADV_WIPEONFORK);
  }
  if (!atomic_load_explicit(&no_locks_left, memory_order_relaxed) && mlock(chunk, CHUNK) != 0) {
    atomic_store_explicit(&no_locks_left, 1, memory_order_relaxed);
  }
  return chunk;
}

/* A block of a class from the lists of this thread; NULL where there is no memory. */
static void *take_block(struct lists *all, int kind, unsigned class) {
  size_t size = (size_t)1 << (SMALLEST_BITS + class);
  struct shard *shard = take_shard(all, kind);
  unsigned char *block = shard->free[class];
  if (block != NULL) {
    /* The next in the list stands where the caller's bytes will be. */
    memcpy(&shard->free[class], block + sizeof(struct prefix), sizeof(void *));
  } else {
    if (shard->left < size) {
      /* What is left of the chunk before is too short for this class: it stays unused. */
      shard->chunk = make_chunk(kind);
      shard->left = shard->chunk == NULL ? 0 : CHUNK;
    }
    if (shard->left >= size) {
      block = shard->chunk;
      shard->chunk += size;
      shard->left -= size;
    }
  }
  give_back(shard);
  return block;
}

/* The smallest class with room for so many bytes, 17 at least; CLASSES or more where there is none. */
static unsigned class_of(size_t whole) {
  unsigned bits = 64 - (unsigned)__builtin_clzll(whole - 1);
  return bits <= SMALLEST_BITS ? 0 : bits - SMALLEST_BITS;
}

/* Memory for `size` bytes, aligned as malloc's, of undefined content; NULL where there is none. */
void *coffer_pages_alloc(int kind, size_t size) {
  if (size > SIZE_MAX / 2) {
    atomic_fetch_add_explicit(&coffer_pages_refused, 1, memory_order_relaxed);
    return NULL;
  }
  /* A size of zero has an address of its own, as with malloc. */
  size_t whole = (size == 0 ? 1 : size) + sizeof(struct prefix);
  unsigned class = class_of(whole);
  struct lists *all = class < CLASSES ? all_lists() : NULL;
  if (all == NULL) {
    class = FROM_MALLOC;
  }
  unsigned char *block = all == NULL ? malloc(whole) : take_block(all, kind, class);
  if (block == NULL) {
    atomic_fetch_add_explicit(&coffer_pages_refused, 1, memory_order_relaxed);
    return NULL;
  }
  struct prefix prefix = {size, (uint64_t)MAGIC << 8 | (uint64_t)kind << 4 | class};
  memcpy(block, &prefix, sizeof prefix);
  return block + sizeof prefix;
}

size_t coffer_pages_size(const void *memory) {
  struct prefix prefix;
  memcpy(&prefix, (const unsigned char *)memory - sizeof prefix, sizeof prefix);
  return prefix.size;
}

/* Wipes the bytes and keeps the block for the next. Nothing for a block that was wiped in a child. */
void coffer_pages_free(void *memory) {
  if (memory == NULL) {
    return;
  }
  unsigned char *block = (unsigned char *)memory - sizeof(struct prefix);
  struct prefix prefix;
  memcpy(&prefix, block, sizeof prefix);
  if (prefix.mark >> 8 != MAGIC) {
    return;
  }
  wipe(block, prefix.size + sizeof prefix);
  unsigned class = prefix.mark & 15;
  if (class == FROM_MALLOC) {
    free(block);
    return;
  }
  struct lists *all = all_lists();
  if (all == NULL) {
    return;
  }
  struct shard *shard = take_shard(all, (int)(prefix.mark >> 4 & 15));
  memcpy(block + sizeof prefix, &shard->free[class], sizeof(void *));
  shard->free[class] = block;
  give_back(shard);
}
