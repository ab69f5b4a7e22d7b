/*
 * Memory for secrets, and for the plaintext beside them, in pages of its own, which core dumps leave out where the
 * system allows it.
 */
#ifndef ENGINE_KEYS_PAGES_H
#define ENGINE_KEYS_PAGES_H

#include <stddef.h>

/* The first bytes of each mapping are for keys: they are kept out of swap, and wiped at the end. */
enum { KEY_ROOM = 4096 };

/* Map zeroed memory; NULL if there is none. */
void *secret_pages_take(size_t size);

/* Wipe the keys and unmap; NULL is allowed. `size` is the one that was taken. */
void secret_pages_give_back(void *pages, size_t size);

#endif
