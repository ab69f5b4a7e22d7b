/*
 * Memory for secrets, and for the plaintext that stands by: pages of their own, which core dumps leave out where the system allows it.
 */
#ifndef ENGINE_KEYS_PAGES_H
#define ENGINE_KEYS_PAGES_H

#include <stddef.h>

/* Of what is taken, this much from its start on is for keys: kept out of swap too, and wiped at the end. */
enum { KEY_ROOM = 4096 };

/* Zeroed memory, or NULL if there is none. */
void *secret_pages_take(size_t size);

/* Wipe the keys and give back to the system; NULL is allowed. `size` as it was taken. */
void secret_pages_give_back(void *pages, size_t size);

#endif
