/*
 * SHA-256 as a plain struct, for our own rows: any function that takes whole blocks can carry it on.
 */
#ifndef ENGINE_SHA256_SHA256_H
#define ENGINE_SHA256_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/target.h"

enum { SHA256_BLOCK = 64 };

struct sha256 {
    uint32_t h[8];
    uint64_t size;              /* bytes taken so far */
    uint8_t held[SHA256_BLOCK]; /* the last size % SHA256_BLOCK of them, not yet hashed */
};

/* Carry the state over whole blocks. */
typedef void sha256_blocks(uint32_t h[8], const uint8_t *data, size_t blocks);

void sha256_begin(struct sha256 *sha256);
void sha256_update(struct sha256 *sha256, sha256_blocks *blocks, const uint8_t *data, size_t size);
void sha256_finish(struct sha256 *sha256, sha256_blocks *blocks, uint8_t *out);

#if defined(TARGET_X86_64)
sha256_blocks sha256_blocks_x86_sha;
#endif

#endif
