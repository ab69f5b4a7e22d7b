/*
 * Integers from and to bytes of a stated order, at any alignment, on any host.
 */
#ifndef ENGINE_COMMON_BYTES_H
#define ENGINE_COMMON_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint64_t load_u64_little(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline void store_u64_big(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
}

static inline void store_u32_big(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

#endif
