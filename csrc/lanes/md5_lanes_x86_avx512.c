/*
 * MD5 of 16 streams, and of 32 as two batches whose steps alternate.
 *
 * One batch is held up by its chain: function, addition, rotation, addition, four cycles a step, in which six instructions are started;
 * a core with two 512-bit units could start eight. The second batch fills the rest.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include "lanes/md5_lanes_x86_avx512.h"
#include "lanes/transpose_x86_avx512.h"

TARGET_AVX512F void md5_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, size_t blocks)
{
    __m512i *const state = (__m512i *)(void *)groups->md5;
    __m512i words[16];
    for (size_t block = 0; block < blocks; block++) {
        transpose_block(data, LANE_BLOCK * block, words);
        md5_block(state, words);
    }
}

#define STEP_TWICE(table, a, b, c, d, word, shift, i)               \
    MD5_STEP(a##0, b##0, c##0, d##0, table, words0, word, shift, i) \
    MD5_STEP(a##1, b##1, c##1, d##1, table, words1, word, shift, i)

TARGET_AVX512F void md5_lanes_x86_avx512_twice(struct lane_group *groups, const uint8_t *const *data, size_t blocks)
{
    __m512i *const state0 = (__m512i *)(void *)groups[0].md5, *const state1 = (__m512i *)(void *)groups[1].md5;
    const uint32_t *constants = md5_constants;
    __m512i words0[16], words1[16];
    __m512i a0 = state0[0], b0 = state0[1], c0 = state0[2], d0 = state0[3];
    __m512i a1 = state1[0], b1 = state1[1], c1 = state1[2], d1 = state1[3];

    for (size_t block = 0; block < blocks; block++) {
        transpose_block(data, LANE_BLOCK * block, words0);
        transpose_block(data + LANES_A_GROUP, LANE_BLOCK * block, words1);
        FORGET_MEMORY(constants);
        MD5_STEPS(STEP_TWICE, MD5_TABLE_F, MD5_TABLE_G, MD5_TABLE_H, MD5_TABLE_I)
        state0[0] = a0 = _mm512_add_epi32(a0, state0[0]);
        state0[1] = b0 = _mm512_add_epi32(b0, state0[1]);
        state0[2] = c0 = _mm512_add_epi32(c0, state0[2]);
        state0[3] = d0 = _mm512_add_epi32(d0, state0[3]);
        state1[0] = a1 = _mm512_add_epi32(a1, state1[0]);
        state1[1] = b1 = _mm512_add_epi32(b1, state1[1]);
        state1[2] = c1 = _mm512_add_epi32(c1, state1[2]);
        state1[3] = d1 = _mm512_add_epi32(d1, state1[3]);
    }
}
#endif
