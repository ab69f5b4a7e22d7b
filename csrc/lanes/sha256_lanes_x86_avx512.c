/*
 * SHA-256 of 16 streams, alone and together with MD5.
 *
 * A step and its word of the schedule have 28 instructions, of which 12 rotate or shift, in a chain of four cycles. So
 * the two 512-bit units are always busy, and a second batch would gain nothing. MD5 of the same block, step by step
 * beside it, costs its instructions but not its waiting, and the words are transposed only once.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include "lanes/md5_lanes_x86_avx512.h"
#include "lanes/pairs_x86_avx512.h"
#include "lanes/sha256_steps.h"

#define ADD(x, y) _mm512_add_epi32(x, y)
#define XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define ROTATE(x, n) _mm512_ror_epi32(x, n)

#define BIG_SIGMA_A(x) XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define BIG_SIGMA_E(x) XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SIGMA_0(x) XOR3(ROTATE(x, 7), ROTATE(x, 18), _mm512_srli_epi32(x, 3))
#define SIGMA_1(x) XOR3(ROTATE(x, 17), ROTATE(x, 19), _mm512_srli_epi32(x, 10))
#define CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)

/* gcc adds in an order of its own; this makes it add last what is ready last. */
#define SUMMED(x) __asm__("" : "+v"(x));

#define STEP(a, b, c, d, e, f, g, h, i)                                     \
    h = ADD(ADD(h, words[(i) % 16]), _mm512_set1_epi32((int)constants[i])); \
    SUMMED(h)                                                               \
    h = ADD(h, CHOOSE(e, f, g));                                            \
    SUMMED(h)                                                               \
    h = ADD(h, BIG_SIGMA_E(e));                                             \
    SUMMED(h)                                                               \
    d = ADD(d, h);                                                          \
    h = ADD(h, ADD(MAJORITY(a, b, c), BIG_SIGMA_A(a)));

/* Compute word i + 16 of the schedule, in place of word i. */
#define EXTEND(i)                                                               \
    words[(i) % 16] = ADD(ADD(words[(i) % 16], SIGMA_0(words[((i) + 1) % 16])), \
                          ADD(words[((i) + 9) % 16], SIGMA_1(words[((i) + 14) % 16])));

/* Swap to big-endian words, as SHA-256 wants them. */
TARGET_AVX512BW static ALWAYS_INLINE void swap_bytes(__m512i swapped[16], const __m512i words[16])
{
    const __m512i order = _mm512_broadcast_i32x4(_mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        swapped[i] = _mm512_shuffle_epi8(words[i], order);
}

#define STEP_AND_BRING(a, b, c, d, e, f, g, h, i) \
    STEP(a, b, c, d, e, f, g, h, i)               \
    if ((i) % 4 == 0)                             \
        bring_lane(pairs, data, next, first_lane + (i) / 4);

#define STEP_BRING_EXTEND(a, b, c, d, e, f, g, h, i) \
    STEP_AND_BRING(a, b, c, d, e, f, g, h, i)        \
    EXTEND(i)

/* Hash one block while the next is brought. Writing out all 64 steps is no faster. */
TARGET_AVX512BW static inline void sha256_block(__m512i state[8], struct lane_pairs *pairs, const uint8_t *const *data,
                                                size_t next)
{
    const uint32_t *constants = sha256_constants;
    __m512i words[16];
    __m512i a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6],
            h = state[7];
    size_t first_lane = 0;

    take_words(words, pairs);
    swap_bytes(words, words);
    for (; first_lane < 12; first_lane += 4) {
        FORGET_MEMORY(constants);
        SHA256_SIXTEEN_STEPS(STEP_BRING_EXTEND, 0)
        constants += 16;
    }
    FORGET_MEMORY(constants);
    SHA256_SIXTEEN_STEPS(STEP_AND_BRING, 0)
    add_to_state(state, (__m512i[]){a, b, c, d, e, f, g, h}, 8);
}

TARGET_AVX512BW void sha256_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, int count,
                                             size_t blocks)
{
    (void)count;
    struct lane_pairs pairs;
    bring_lanes(&pairs, data);
    for (size_t block = 0; block < blocks; block++)
        sha256_block((__m512i *)(void *)groups->sha256, &pairs, data, next_offset(block, blocks));
}

/* Do a step of each digest. The elements of `sum` take the roles a, b, c, d in turn. */
#define BOTH_STEPS(a, b, c, d, e, f, g, h, i)                                                                  \
    STEP(a, b, c, d, e, f, g, h, i)                                                                            \
    MD5_STEP(sum[(64 - (i)) % 4], sum[(65 - (i)) % 4], sum[(66 - (i)) % 4], sum[(67 - (i)) % 4], MD5_TABLE(i), \
             md5_words[MD5_WORD(i)], sines[i], MD5_SHIFT(i))                                                   \
    if ((i) % 4 == 0)                                                                                          \
        bring_lane(pairs, data, next, (i) / 4);

#define BOTH_STEPS_EXTEND(a, b, c, d, e, f, g, h, i) \
    BOTH_STEPS(a, b, c, d, e, f, g, h, i)            \
    EXTEND(i)

TARGET_AVX512BW static inline void md5_sha256_block(__m512i md5[4], __m512i sha256[8], struct lane_pairs *pairs,
                                                    const uint8_t *const *data, size_t next)
{
    const uint32_t *constants = sha256_constants, *sines = md5_constants;
    __m512i words[16], md5_words[16];
    __m512i sum[4] = {md5[0], md5[1], md5[2], md5[3]};
    __m512i a = sha256[0], b = sha256[1], c = sha256[2], d = sha256[3], e = sha256[4], f = sha256[5], g = sha256[6],
            h = sha256[7];

    take_words(md5_words, pairs);
    swap_bytes(words, md5_words);
    FORGET_MEMORY(constants);
    FORGET_MEMORY(sines);
    SHA256_SIXTEEN_STEPS(BOTH_STEPS_EXTEND, 0)
    SHA256_SIXTEEN_STEPS(BOTH_STEPS_EXTEND, 16)
    SHA256_SIXTEEN_STEPS(BOTH_STEPS_EXTEND, 32)
    SHA256_SIXTEEN_STEPS(BOTH_STEPS, 48)
    add_to_state(md5, sum, 4);
    add_to_state(sha256, (__m512i[]){a, b, c, d, e, f, g, h}, 8);
}

TARGET_AVX512BW void md5_sha256_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, int count,
                                                 size_t blocks)
{
    (void)count;
    struct lane_pairs pairs;
    bring_lanes(&pairs, data);
    for (size_t block = 0; block < blocks; block++)
        md5_sha256_block((__m512i *)(void *)groups->md5, (__m512i *)(void *)groups->sha256, &pairs, data,
                         next_offset(block, blocks));
}
#endif
