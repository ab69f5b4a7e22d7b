/*
 * Decodes without tables, and without branches on the characters: neither the cache nor the time reveals anything of
 * the key.
 */
#include "keys/base64.h"

#include <openssl/crypto.h>

#include "engine.h"

enum { TEXT_SIZE = (ENGINE_KEY_SIZE + 2) / 3 * 4, DIGITS = TEXT_SIZE - 1 /* one "=" is last */ };

_Static_assert(ENGINE_KEY_SIZE % 3 == 2, "the last group has three digits");

/* Return all ones if low <= c <= high, else zero. */
static uint32_t mask_within(uint32_t c, uint32_t low, uint32_t high)
{
    return (((c - low) | (high - c)) >> 31) - 1;
}

/* Return the value of a digit; for any other character, more than 63. */
static uint32_t value_of(uint32_t c)
{
    const uint32_t upper = mask_within(c, 'A', 'Z'), lower = mask_within(c, 'a', 'z'),
                   number = mask_within(c, '0', '9');
    const uint32_t plus = mask_within(c, '+', '+'), slash = mask_within(c, '/', '/');
    const uint32_t none = ~(upper | lower | number | plus | slash);
    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (number & (c - '0' + 52)) | (plus & 62) | (slash & 63) |
           (none & 64);
}

bool base64_decode_key(const char *text, size_t size, uint8_t *out)
{
    uint32_t bits = 0, wrong = 0;
    size_t made = 0;

    if (size != TEXT_SIZE || text[DIGITS] != '=')
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        const uint32_t value = value_of((uint8_t)text[i]);
        wrong |= value >> 6;
        bits = bits << 6 | (value & 63);
        if (i % 4 != 0)
            out[made++] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    wrong |= bits & 3; /* the two bits left over must be zero */
    bits = 0;
    if (wrong != 0)
        OPENSSL_cleanse(out, ENGINE_KEY_SIZE);
    return wrong == 0;
}
