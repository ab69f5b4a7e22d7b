/*
 * MD5 on x86-64. It is one chain of dependencies, 64 steps a block, and all that can be won is latency: what does not depend on the word
 * made last is added up before it arrives.
 *
 * Source: RFC 1321 3.4.
 */
#include "md5/md5.h"

#if defined(TARGET_X86_64)
#include "common/bytes.h"

#define ROTATED(x, by) ((x) << (by) | (x) >> (32 - (by)))

/* b is the word made last. */
#define STEP(a, b, function, i, by, constant) \
    do {                                      \
        a += (constant) + word[i];            \
        function;                             \
        a = ROTATED(a, by) + (b);             \
    } while (0)
#define F(a, b, c, d, i, by, constant) STEP(a, b, a += d ^ (b & (c ^ d)), i, by, constant)
#define G(a, b, c, d, i, by, constant) STEP(a, b, a += c & ~d; a += b & d, i, by, constant)
#define H(a, b, c, d, i, by, constant) STEP(a, b, a += (c ^ d) ^ b, i, by, constant)
#define I(a, b, c, d, i, by, constant) STEP(a, b, a += c ^ (b | ~d), i, by, constant)

TARGET_BMI void md5_blocks_x86_bmi(uint32_t h[4], const uint8_t *data, size_t blocks)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (; blocks > 0; blocks--, data += MD5_BLOCK) {
        const uint32_t before[4] = {a, b, c, d};
        uint32_t word[16];
        memcpy(word, data, sizeof word);
        F(a, b, c, d, 0, 7, 0xd76aa478); F(d, a, b, c, 1, 12, 0xe8c7b756); F(c, d, a, b, 2, 17, 0x242070db); F(b, c, d, a, 3, 22, 0xc1bdceee);
        F(a, b, c, d, 4, 7, 0xf57c0faf); F(d, a, b, c, 5, 12, 0x4787c62a); F(c, d, a, b, 6, 17, 0xa8304613); F(b, c, d, a, 7, 22, 0xfd469501);
        F(a, b, c, d, 8, 7, 0x698098d8); F(d, a, b, c, 9, 12, 0x8b44f7af); F(c, d, a, b, 10, 17, 0xffff5bb1); F(b, c, d, a, 11, 22, 0x895cd7be);
        F(a, b, c, d, 12, 7, 0x6b901122); F(d, a, b, c, 13, 12, 0xfd987193); F(c, d, a, b, 14, 17, 0xa679438e); F(b, c, d, a, 15, 22, 0x49b40821);
        G(a, b, c, d, 1, 5, 0xf61e2562); G(d, a, b, c, 6, 9, 0xc040b340); G(c, d, a, b, 11, 14, 0x265e5a51); G(b, c, d, a, 0, 20, 0xe9b6c7aa);
        G(a, b, c, d, 5, 5, 0xd62f105d); G(d, a, b, c, 10, 9, 0x02441453); G(c, d, a, b, 15, 14, 0xd8a1e681); G(b, c, d, a, 4, 20, 0xe7d3fbc8);
        G(a, b, c, d, 9, 5, 0x21e1cde6); G(d, a, b, c, 14, 9, 0xc33707d6); G(c, d, a, b, 3, 14, 0xf4d50d87); G(b, c, d, a, 8, 20, 0x455a14ed);
        G(a, b, c, d, 13, 5, 0xa9e3e905); G(d, a, b, c, 2, 9, 0xfcefa3f8); G(c, d, a, b, 7, 14, 0x676f02d9); G(b, c, d, a, 12, 20, 0x8d2a4c8a);
        H(a, b, c, d, 5, 4, 0xfffa3942); H(d, a, b, c, 8, 11, 0x8771f681); H(c, d, a, b, 11, 16, 0x6d9d6122); H(b, c, d, a, 14, 23, 0xfde5380c);
        H(a, b, c, d, 1, 4, 0xa4beea44); H(d, a, b, c, 4, 11, 0x4bdecfa9); H(c, d, a, b, 7, 16, 0xf6bb4b60); H(b, c, d, a, 10, 23, 0xbebfbc70);
        H(a, b, c, d, 13, 4, 0x289b7ec6); H(d, a, b, c, 0, 11, 0xeaa127fa); H(c, d, a, b, 3, 16, 0xd4ef3085); H(b, c, d, a, 6, 23, 0x04881d05);
        H(a, b, c, d, 9, 4, 0xd9d4d039); H(d, a, b, c, 12, 11, 0xe6db99e5); H(c, d, a, b, 15, 16, 0x1fa27cf8); H(b, c, d, a, 2, 23, 0xc4ac5665);
        I(a, b, c, d, 0, 6, 0xf4292244); I(d, a, b, c, 7, 10, 0x432aff97); I(c, d, a, b, 14, 15, 0xab9423a7); I(b, c, d, a, 5, 21, 0xfc93a039);
        I(a, b, c, d, 12, 6, 0x655b59c3); I(d, a, b, c, 3, 10, 0x8f0ccc92); I(c, d, a, b, 10, 15, 0xffeff47d); I(b, c, d, a, 1, 21, 0x85845dd1);
        I(a, b, c, d, 8, 6, 0x6fa87e4f); I(d, a, b, c, 15, 10, 0xfe2ce6e0); I(c, d, a, b, 6, 15, 0xa3014314); I(b, c, d, a, 13, 21, 0x4e0811a1);
        I(a, b, c, d, 4, 6, 0xf7537e82); I(d, a, b, c, 11, 10, 0xbd3af235); I(c, d, a, b, 2, 15, 0x2ad7d2bb); I(b, c, d, a, 9, 21, 0xeb86d391);
        a += before[0];
        b += before[1];
        c += before[2];
        d += before[3];
    }
    h[0] = a;
    h[1] = b;
    h[2] = c;
    h[3] = d;
}
#endif
