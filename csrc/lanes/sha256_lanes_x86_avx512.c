/*
 * SHA-256 of 16 streams, alone and together with MD5.
 *
 * A step and its word of the schedule are 28 instructions, of which 12 rotate or shift, for a chain of five or six cycles: two 512-bit
 * units are busy all the time, and a second batch would gain nothing. MD5 of the same block costs its instructions but not its waiting,
 * and the words are turned round once.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include "lanes/md5_lanes_x86_avx512.h"
#include "lanes/sha256_steps.h"
#include "lanes/transpose_x86_avx512.h"

#define ADD(x, y) _mm512_add_epi32(x, y)
#define XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define ROTATE(x, n) _mm512_ror_epi32(x, n)

#define BIG_SIGMA_A(x) XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define BIG_SIGMA_E(x) XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SIGMA_0(x) XOR3(ROTATE(x, 7), ROTATE(x, 18), _mm512_srli_epi32(x, 3))
#define SIGMA_1(x) XOR3(ROTATE(x, 17), ROTATE(x, 19), _mm512_srli_epi32(x, 10))
#define CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)

#define EXTEND(i)                                                               \
    words[(i) % 16] = ADD(ADD(words[(i) % 16], SIGMA_0(words[((i) + 1) % 16])), \
                          ADD(words[((i) + 9) % 16], SIGMA_1(words[((i) + 14) % 16])));

#define STEP(a, b, c, d, e, f, g, h, i)                                     \
    h = ADD(ADD(h, words[(i) % 16]), _mm512_set1_epi32((int)constants[i])); \
    h = ADD(h, ADD(CHOOSE(e, f, g), BIG_SIGMA_E(e)));                       \
    d = ADD(d, h);                                                          \
    h = ADD(h, ADD(MAJORITY(a, b, c), BIG_SIGMA_A(a)));

/* One block, of words that are big-endian already. */
TARGET_AVX512BW static inline void sha256_block(__m512i state[8], __m512i words[16])
{
    const uint32_t *constants = sha256_constants;
    __m512i a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    FORGET_MEMORY(constants);
    SHA256_STEPS(STEP, EXTEND)
    state[0] = ADD(state[0], a);
    state[1] = ADD(state[1], b);
    state[2] = ADD(state[2], c);
    state[3] = ADD(state[3], d);
    state[4] = ADD(state[4], e);
    state[5] = ADD(state[5], f);
    state[6] = ADD(state[6], g);
    state[7] = ADD(state[7], h);
}

TARGET_AVX512BW static inline void swap_bytes(__m512i words[16])
{
    const __m512i order = _mm512_broadcast_i32x4(_mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        words[i] = _mm512_shuffle_epi8(words[i], order);
}

TARGET_AVX512BW void sha256_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, size_t blocks)
{
    __m512i *const state = (__m512i *)(void *)groups->sha256;
    __m512i words[16];
    for (size_t block = 0; block < blocks; block++) {
        transpose_block(data, LANE_BLOCK * block, words);
        swap_bytes(words);
        sha256_block(state, words);
    }
}

TARGET_AVX512BW void md5_sha256_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, size_t blocks)
{
    __m512i *const md5 = (__m512i *)(void *)groups->md5, *const sha256 = (__m512i *)(void *)groups->sha256;
    __m512i words[16];
    for (size_t block = 0; block < blocks; block++) {
        transpose_block(data, LANE_BLOCK * block, words);
        md5_block(md5, words);
        swap_bytes(words);
        sha256_block(sha256, words);
    }
}
#endif
