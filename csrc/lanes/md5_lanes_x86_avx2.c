/*
 * MD5 of 16 streams on processors without AVX-512: two batches of eight whose steps alternate, because one batch waits
 * half of the time for its chain of six cycles a step.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include <immintrin.h>

#include "lanes/md5_steps.h"

enum { WIDTH = 8 };

#define ADD(x, y) _mm256_add_epi32(x, y)
#define AND(x, y) _mm256_and_si256(x, y)
#define XOR(x, y) _mm256_xor_si256(x, y)
#define ROTATE(x, n) _mm256_or_si256(_mm256_slli_epi32(x, n), _mm256_srli_epi32(x, 32 - (n)))

/* In these forms b, which is ready last, is used last. */
#define F(b, c, d) XOR(AND(XOR(c, d), b), d)
#define G(b, c, d) XOR(AND(XOR(b, c), d), c)
#define H(b, c, d) XOR(XOR(c, d), b)
#define I(b, c, d) XOR(c, _mm256_or_si256(XOR(d, ones), b))

#define STEP_OF(batch, function, a, b, c, d, word, shift, i)            \
    a = ADD(ADD(a, batch[word]), _mm256_set1_epi32((int)constants[i])); \
    __asm__("" : "+x"(a));                                              \
    a = ADD(a, function(b, c, d));                                      \
    a = ADD(ROTATE(a, shift), b);

#define STEP(function, a, b, c, d, word, shift, i)                    \
    STEP_OF(words0, function, a##0, b##0, c##0, d##0, word, shift, i) \
    STEP_OF(words1, function, a##1, b##1, c##1, d##1, word, shift, i)

/* Turn half a block of each of eight lanes into vectors of one word each. */
TARGET_AVX2 static inline void transpose_half(const uint8_t *const data[WIDTH], size_t offset, __m256i words[WIDTH])
{
    __m256i row[WIDTH], pair[WIDTH], four[WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++)
        row[i] = _mm256_loadu_si256((const __m256i *)(const void *)(data[i] + offset));
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i += 2) {
        pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i += 4) {
        four[i] = _mm256_unpacklo_epi64(pair[i], pair[i + 2]);
        four[i + 1] = _mm256_unpackhi_epi64(pair[i], pair[i + 2]);
        four[i + 2] = _mm256_unpacklo_epi64(pair[i + 1], pair[i + 3]);
        four[i + 3] = _mm256_unpackhi_epi64(pair[i + 1], pair[i + 3]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH / 2; i++) {
        _mm256_store_si256(words + i, _mm256_permute2x128_si256(four[i], four[4 + i], 0x20));
        _mm256_store_si256(words + 4 + i, _mm256_permute2x128_si256(four[i], four[4 + i], 0x31));
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

TARGET_AVX2 void md5_lanes_x86_avx2(struct lane_group *groups, const uint8_t *const *data, size_t blocks)
{
    const __m256i ones = _mm256_set1_epi32(-1);
    const uint32_t *constants = md5_constants;
    __m256i words0[16], words1[16];

    for (size_t block = 0; block < blocks; block++) {
        __m256i a0 = *state_at(groups, 0, 0), b0 = *state_at(groups, 1, 0), c0 = *state_at(groups, 2, 0),
                d0 = *state_at(groups, 3, 0);
        __m256i a1 = *state_at(groups, 0, 1), b1 = *state_at(groups, 1, 1), c1 = *state_at(groups, 2, 1),
                d1 = *state_at(groups, 3, 1);
        for (size_t half = 0; half < 2; half++) {
            transpose_half(data, LANE_BLOCK * block + LANE_BLOCK / 2 * half, words0 + WIDTH * half);
            transpose_half(data + WIDTH, LANE_BLOCK * block + LANE_BLOCK / 2 * half, words1 + WIDTH * half);
        }
        /* Words and constants are operands in memory: 16 registers have no room for them. */
        __asm__ volatile("" : "+r"(constants) : : "memory");
        MD5_STEPS(STEP, F, G, H, I)
        add_to_state(groups, 0, (__m256i[]){a0, b0, c0, d0});
        add_to_state(groups, 1, (__m256i[]){a1, b1, c1, d1});
    }
}
#endif
