/*
 * MD5 as a plain struct, for our own rows: any function that takes whole blocks can carry it on.
 */
#ifndef ENGINE_MD5_MD5_H
#define ENGINE_MD5_MD5_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/target.h"

enum { MD5_BLOCK = 64 };

struct md5 {
    uint32_t h[4];
    uint64_t size;           /* bytes taken so far */
    uint8_t held[MD5_BLOCK]; /* the last size % MD5_BLOCK of them, not yet hashed */
};

/* Carry the state over whole blocks. */
typedef void md5_blocks(uint32_t h[4], const uint8_t *data, size_t blocks);

void md5_begin(struct md5 *md5);
void md5_update(struct md5 *md5, md5_blocks *blocks, const uint8_t *data, size_t size);
void md5_finish(struct md5 *md5, md5_blocks *blocks, uint8_t *out);

#if defined(TARGET_X86_64)
md5_blocks md5_blocks_x86_avx512vl, md5_blocks_x86_bmi;
#endif

#endif
