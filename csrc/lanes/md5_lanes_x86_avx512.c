/*
 * MD5 of 16 streams, and of 32 as two batches whose steps alternate.
 *
 * One batch waits for its chain: function, addition, rotation, addition take four cycles a step, in which six
 * instructions start. A core with two 512-bit units could start eight, and the second batch fills the rest.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include "lanes/md5_lanes_x86_avx512.h"
#include "lanes/pairs_x86_avx512.h"

#define STEP(table, a, b, c, d, word, shift, i)                   \
    MD5_STEP(a, b, c, d, table, words[word], constants[i], shift) \
    if ((i) % 4 == 0)                                             \
        bring_lane(&pairs, data, next, (i) / 4);

TARGET_AVX512F void md5_lanes_x86_avx512(struct lane_group *groups, const uint8_t *const *data, int count,
                                         size_t blocks)
{
    (void)count;
    __m512i *const state = (__m512i *)(void *)groups->md5;
    const uint32_t *constants = md5_constants;
    struct lane_pairs pairs;
    __m512i words[16];

    bring_lanes(&pairs, data);
    for (size_t block = 0; block < blocks; block++) {
        const size_t next = next_offset(block, blocks);
        __m512i a = state[0], b = state[1], c = state[2], d = state[3];
        take_words(words, &pairs);
        FORGET_MEMORY(constants);
        MD5_STEPS(STEP, MD5_TABLE_F, MD5_TABLE_G, MD5_TABLE_H, MD5_TABLE_I)
        add_to_state(state, (__m512i[]){a, b, c, d}, 4);
    }
}

/* The lanes of both batches are brought alternately too. */
#define STEP_TWICE(table, a, b, c, d, word, shift, i)                            \
    MD5_STEP(a##0, b##0, c##0, d##0, table, words[0][word], constants[i], shift) \
    MD5_STEP(a##1, b##1, c##1, d##1, table, words[1][word], constants[i], shift) \
    if ((i) % 2 == 0)                                                            \
        bring_lane(&pairs[(i) / 2 % 2], data + LANES_A_GROUP * ((i) / 2 % 2), next, (i) / 4);

TARGET_AVX512F void md5_lanes_x86_avx512_twice(struct lane_group *groups, const uint8_t *const *data, int count,
                                               size_t blocks)
{
    (void)count;
    __m512i *const state0 = (__m512i *)(void *)groups[0].md5, *const state1 = (__m512i *)(void *)groups[1].md5;
    const uint32_t *constants = md5_constants;
    struct lane_pairs pairs[2];
    __m512i words[2][16];

    bring_lanes(&pairs[0], data);
    bring_lanes(&pairs[1], data + LANES_A_GROUP);
    for (size_t block = 0; block < blocks; block++) {
        const size_t next = next_offset(block, blocks);
        __m512i a0 = state0[0], b0 = state0[1], c0 = state0[2], d0 = state0[3];
        __m512i a1 = state1[0], b1 = state1[1], c1 = state1[2], d1 = state1[3];
        take_words(words[0], &pairs[0]);
        take_words(words[1], &pairs[1]);
        FORGET_MEMORY(constants);
        MD5_STEPS(STEP_TWICE, MD5_TABLE_F, MD5_TABLE_G, MD5_TABLE_H, MD5_TABLE_I)
        add_to_state(state0, (__m512i[]){a0, b0, c0, d0}, 4);
        add_to_state(state1, (__m512i[]){a1, b1, c1, d1}, 4);
    }
}
#endif
