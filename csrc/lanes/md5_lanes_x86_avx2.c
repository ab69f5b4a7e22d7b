/*
 * MD5 of 16 streams on processors without AVX-512: two batches of eight whose steps alternate, because one batch waits
 * half of the time for its chain of six cycles a step.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include <immintrin.h>

#include "lanes/md5_steps.h"

/* Lanes often lie a multiple of 4 KiB apart, and the lines of 16 are more than a set of the first cache holds; what the
 * processor fetched early is evicted. So it is fetched here; where there is no memory, that does nothing. */
enum { WIDTH = 8, BLOCKS_AHEAD = 3 };

#define ADD(x, y) _mm256_add_epi32(x, y)
#define AND(x, y) _mm256_and_si256(x, y)
#define XOR(x, y) _mm256_xor_si256(x, y)
#define ROTATE(x, n) _mm256_or_si256(_mm256_slli_epi32(x, n), _mm256_srli_epi32(x, 32 - (n)))

/* In these forms b, which is ready last, is used last. The terms of G have no bit in common, so they can be added, and
 * the one without b early. */
#define F(b, c, d) XOR(AND(XOR(c, d), b), d)
#define G(b, c, d) AND(b, d)
#define IS_G(i) ((i) / 16 == 1)
#define REST_OF_G(c, d) _mm256_andnot_si256(d, c)
#define H(b, c, d) XOR(XOR(c, d), b)
#define I(b, c, d) XOR(c, _mm256_or_si256(XOR(d, ones), b))

#define STEP_OF(batch, function, a, b, c, d, word, shift, i)            \
    a = ADD(ADD(a, batch[word]), _mm256_set1_epi32((int)constants[i])); \
    if (IS_G(i))                                                        \
        a = ADD(a, REST_OF_G(c, d));                                    \
    __asm__("" : "+x"(a));                                              \
    a = ADD(a, function(b, c, d));                                      \
    a = ADD(ROTATE(a, shift), b);

#define STEP(function, a, b, c, d, word, shift, i)                    \
    STEP_OF(words0, function, a##0, b##0, c##0, d##0, word, shift, i) \
    STEP_OF(words1, function, a##1, b##1, c##1, d##1, word, shift, i) \
    if ((i) % 4 == 0)                                                 \
        __builtin_prefetch(data[(i) / 4] + LANE_BLOCK * (block + BLOCKS_AHEAD));

/* Bring 16 bytes of two lanes. */
TARGET_AVX2 static inline __m256i two_of(const uint8_t *low, const uint8_t *high)
{
    const __m128i lows = _mm_loadu_si128((const void *)low), highs = _mm_loadu_si128((const void *)high);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(lows), highs, 1);
}

/* Turn a quarter of a block of each of eight lanes into vectors of one word each. Lanes i and 4 + i are brought
 * together, so that no word has to cross the middle of a vector. */
TARGET_AVX2 static inline void transpose_quarter(const uint8_t *const data[WIDTH], size_t offset, __m256i words[4])
{
    __m256i lanes[4], pairs[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        lanes[i] = two_of(data[i] + offset, data[4 + i] + offset);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(lanes[i], lanes[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(lanes[i], lanes[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 2; i++) {
        _mm256_store_si256(words + 2 * i, _mm256_unpacklo_epi64(pairs[i], pairs[2 + i]));
        _mm256_store_si256(words + 2 * i + 1, _mm256_unpackhi_epi64(pairs[i], pairs[2 + i]));
    }
}

/* Return the place of one word's vector of a batch. The lanes of both batches lie side by side. */
TARGET_AVX2 static inline __m256i *state_at(struct lane_group *group, int word, int batch)
{
    return (__m256i *)(void *)&group->md5[word][WIDTH * batch];
}

TARGET_AVX2 static inline void add_to_state(struct lane_group *group, int batch, __m256i sum[4])
{
#pragma GCC unroll 16
    for (int i = 0; i < 4; i++)
        *state_at(group, i, batch) = ADD(*state_at(group, i, batch), sum[i]);
}

TARGET_AVX2 void md5_lanes_x86_avx2(struct lane_group *groups, const uint8_t *const *data, int count, size_t blocks)
{
    (void)count;
    const __m256i ones = _mm256_set1_epi32(-1);
    const uint32_t *constants = md5_constants;
    __m256i words0[16], words1[16];

    for (size_t block = 0; block < blocks; block++) {
        __m256i a0 = *state_at(groups, 0, 0), b0 = *state_at(groups, 1, 0), c0 = *state_at(groups, 2, 0),
                d0 = *state_at(groups, 3, 0);
        __m256i a1 = *state_at(groups, 0, 1), b1 = *state_at(groups, 1, 1), c1 = *state_at(groups, 2, 1),
                d1 = *state_at(groups, 3, 1);
        for (size_t word = 0; word < 16; word += 4) {
            transpose_quarter(data, LANE_BLOCK * block + 4 * word, words0 + word);
            transpose_quarter(data + WIDTH, LANE_BLOCK * block + 4 * word, words1 + word);
        }
        /* Words and constants are operands in memory: 16 registers have no room for them. */
        __asm__ volatile("" : "+r"(constants) : : "memory");
        MD5_STEPS(STEP, F, G, H, I)
        add_to_state(groups, 0, (__m256i[]){a0, b0, c0, d0});
        add_to_state(groups, 1, (__m256i[]){a1, b1, c1, d1});
    }
}
#endif
