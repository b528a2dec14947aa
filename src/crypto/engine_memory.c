/*
 * The engine's allocator.
 *
 * A static AWS-LC refers weakly to the five functions below and takes whatever the host process happens to export
 * under these names. Defining them hidden keeps the host out of our memory. They wipe what they free, which the
 * engine asks of whoever defines them.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Room for the size in front of each block; keeps the alignment of malloc. */
#define PREFIX 16

HIDDEN void *OPENSSL_memory_alloc(size_t size);
HIDDEN void OPENSSL_memory_free(void *block);
HIDDEN size_t OPENSSL_memory_get_size(void *block);
HIDDEN void *OPENSSL_memory_realloc(void *block, size_t size);
HIDDEN void sdallocx(void *block, size_t size, int flags);

static void wipe(void *memory, size_t size) {
  memset(memory, 0, size);
  /* The compiler must believe that somebody reads the zeros. */
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

void *OPENSSL_memory_alloc(size_t size) {
  if (size > SIZE_MAX - PREFIX) {
    return NULL;
  }
  unsigned char *memory = malloc(size + PREFIX);
  if (memory == NULL) {
    return NULL;
  }
  memcpy(memory, &size, sizeof size);
  return memory + PREFIX;
}

size_t OPENSSL_memory_get_size(void *block) {
  size_t size = 0;
  if (block != NULL) {
    memcpy(&size, (unsigned char *)block - PREFIX, sizeof size);
  }
  return size;
}

void OPENSSL_memory_free(void *block) {
  if (block == NULL) {
    return;
  }
  unsigned char *memory = (unsigned char *)block - PREFIX;
  wipe(memory, OPENSSL_memory_get_size(block) + PREFIX);
  free(memory);
}

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
    wipe(block, size);
    free(block);
  }
}
