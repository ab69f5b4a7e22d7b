/*
 * Integers from and to bytes of a stated order, at any alignment, on any host.
 */
#ifndef ENGINE_COMMON_BYTES_H
#define ENGINE_COMMON_BYTES_H

#include <stddef.h>
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

/* Load `size` bytes, at most eight. */
static inline uint64_t load_big(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline void store_little(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++, value >>= 8)
        bytes[i] = (uint8_t)value;
}

static inline void store_big(uint8_t *bytes, uint64_t value, size_t size)
{
    for (; size > 0; value >>= 8)
        bytes[--size] = (uint8_t)value;
}

#endif
