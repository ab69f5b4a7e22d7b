/*
 * The 64 steps of a block of MD5, RFC 1321, for vectors that hold one word of each lane.
 *
 * The including file defines a step: STEP(function, a, b, c, d, word, shift, i) is a = b + rotate(a + function(b, c, d)
 * + words[word] + md5_constants[i], shift). The order of the sum is its own; b, which the step before has just made,
 * must be added last.
 */
#ifndef ENGINE_LANES_MD5_STEPS_H
#define ENGINE_LANES_MD5_STEPS_H

#include <stdint.h>

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

/* The shifts of the four steps that repeat in a round, the first in the lowest byte. */
#define MD5_SHIFTS(i) ((i) < 16 ? 0x16110c07 : (i) < 32 ? 0x140e0905 : (i) < 48 ? 0x17100b04 : 0x150f0a06)
#define MD5_SHIFT(i) (MD5_SHIFTS(i) >> 8 * ((i) % 4) & 0xff)

/* The word of the block that a step takes. */
#define MD5_WORD(i) (((i) < 16 ? (i) : (i) < 32 ? 5 * (i) + 1 : (i) < 48 ? 3 * (i) + 5 : 7 * (i)) % 16)

#define MD5_FOUR_STEPS(STEP, function, i)                                \
    STEP(function, a, b, c, d, MD5_WORD(i), MD5_SHIFT(i), i)             \
    STEP(function, d, a, b, c, MD5_WORD(i + 1), MD5_SHIFT(i + 1), i + 1) \
    STEP(function, c, d, a, b, MD5_WORD(i + 2), MD5_SHIFT(i + 2), i + 2) \
    STEP(function, b, c, d, a, MD5_WORD(i + 3), MD5_SHIFT(i + 3), i + 3)

#define MD5_ROUND(STEP, function, i)        \
    MD5_FOUR_STEPS(STEP, function, (i))     \
    MD5_FOUR_STEPS(STEP, function, (i) + 4) \
    MD5_FOUR_STEPS(STEP, function, (i) + 8) \
    MD5_FOUR_STEPS(STEP, function, (i) + 12)

#define MD5_STEPS(STEP, F, G, H, I) \
    MD5_ROUND(STEP, F, 0)           \
    MD5_ROUND(STEP, G, 16)          \
    MD5_ROUND(STEP, H, 32)          \
    MD5_ROUND(STEP, I, 48)

#endif
