/*
 * What MD5 and SHA-256 have in common: they take blocks of 64 bytes, hold an incomplete block back, and end with a
 * padded one.
 */
#ifndef ENGINE_COMMON_HELD_H
#define ENGINE_COMMON_HELD_H

#include <stddef.h>
#include <stdint.h>

enum { HELD_BLOCK = 64 };

/* Carry the state `h` over `blocks` whole blocks. */
typedef void hash_blocks(uint32_t *h, const uint8_t *data, size_t blocks);

/* Take bytes. `*size` counts all bytes taken; the last `*size` % HELD_BLOCK of them are in `held`. */
void held_update(uint32_t *h, uint64_t *size, uint8_t *held, hash_blocks *blocks, const uint8_t *data,
                 size_t data_size);

/* Pad the end with a bit, zeros, and the length in bits as the eight bytes `length`. */
void held_finish(uint32_t *h, uint64_t size, uint8_t *held, hash_blocks *blocks, const uint8_t *length);

#endif
