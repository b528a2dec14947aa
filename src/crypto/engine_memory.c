/*
 * The engine's allocator.
 *
 * A static AWS-LC refers weakly to the five functions below and takes whatever the host process happens to export
 * under these names. Defining them hidden keeps the host out of our memory. They take pages for secrets, which are
 * wiped when they are freed, as the engine asks of whoever defines them.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* src/pages.c. The engine's memory is kept in forked children: it shares state with its parent there. */
#define KEPT 0
void *coffer_pages_alloc(int kind, size_t size);
void coffer_pages_free(void *memory);
size_t coffer_pages_size(const void *memory);

HIDDEN void *OPENSSL_memory_alloc(size_t size);
HIDDEN void OPENSSL_memory_free(void *block);
HIDDEN size_t OPENSSL_memory_get_size(void *block);
HIDDEN void *OPENSSL_memory_realloc(void *block, size_t size);
HIDDEN void sdallocx(void *block, size_t size, int flags);

void *OPENSSL_memory_alloc(size_t size) { return coffer_pages_alloc(KEPT, size); }

size_t OPENSSL_memory_get_size(void *block) { return block == NULL ? 0 : coffer_pages_size(block); }

void OPENSSL_memory_free(void *block) { coffer_pages_free(block); }

/* realloc of the C library would leave the old bytes behind. */
void *OPENSSL_memory_realloc(void *block, size_t size) {
  void *moved = OPENSSL_memory_alloc(size);
  if (moved == NULL || block == NULL) {
    return moved;
  }
  size_t held = OPENSSL_memory_get_size(block);
  memcpy(moved, block, held < size ? held : size);
  OPENSSL_memory_free(block);
  return moved;
}

/* The engine's sized free for memory that it took from malloc; unused while the functions above are there. */
void sdallocx(void *block, size_t size, int flags) {
  (void)flags;
  if (block != NULL) {
    memset(block, 0, size);
    __asm__ __volatile__("" : : "r"(block) : "memory");
    free(block);
  }
}
