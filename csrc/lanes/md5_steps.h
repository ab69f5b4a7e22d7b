/*
 * The 64 steps of a block of MD5, RFC 1321, for vectors that hold one word of each lane.
 *
 * A file that includes this says how a step is made: STEP(function, a, b, c, d, word, shift, i) is a = b + rotate(a + function(b, c, d) +
 * words[word] + md5_constants[i], shift). The order of the sum is the file's: b, which the step before has just made, must come last.
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

#define MD5_FOUR_STEPS(STEP, function, word, i, s0, s1, s2, s3) \
    STEP(function, a, b, c, d, word(i), s0, i)                  \
    STEP(function, d, a, b, c, word(i + 1), s1, i + 1)          \
    STEP(function, c, d, a, b, word(i + 2), s2, i + 2)          \
    STEP(function, b, c, d, a, word(i + 3), s3, i + 3)

#define MD5_ROUND(STEP, function, word, i, s0, s1, s2, s3)        \
    MD5_FOUR_STEPS(STEP, function, word, (i), s0, s1, s2, s3)     \
    MD5_FOUR_STEPS(STEP, function, word, (i) + 4, s0, s1, s2, s3) \
    MD5_FOUR_STEPS(STEP, function, word, (i) + 8, s0, s1, s2, s3) \
    MD5_FOUR_STEPS(STEP, function, word, (i) + 12, s0, s1, s2, s3)

/* Which word of the block a step takes. */
#define MD5_WORD_F(i) ((i) % 16)
#define MD5_WORD_G(i) ((5 * (i) + 1) % 16)
#define MD5_WORD_H(i) ((3 * (i) + 5) % 16)
#define MD5_WORD_I(i) (7 * (i) % 16)

#define MD5_STEPS(STEP, F, G, H, I)                   \
    MD5_ROUND(STEP, F, MD5_WORD_F, 0, 7, 12, 17, 22)  \
    MD5_ROUND(STEP, G, MD5_WORD_G, 16, 5, 9, 14, 20)  \
    MD5_ROUND(STEP, H, MD5_WORD_H, 32, 4, 11, 16, 23) \
    MD5_ROUND(STEP, I, MD5_WORD_I, 48, 6, 10, 15, 21)

#endif
