/*
 * Transposes the blocks of 16 lanes, so that a vector holds one word of all: element j is lane j.
 *
 * Vectors alone would take 64 shuffles for it, and both 512-bit units are busy with hashing. The core's scalar units
 * are idle: while a block is hashed they bring the next one, two words at a time, to memory where the pairs of all
 * lanes lie side by side, and one permutation makes a vector of words. A vector is loaded only when the scalar stores
 * have long reached the cache: a load that spans several stores still in flight has to wait.
 */
#ifndef ENGINE_LANES_PAIRS_X86_AVX512_H
#define ENGINE_LANES_PAIRS_X86_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "cpu/target.h"
#include "lanes/lanes.h"

enum { PAIRS = 8, LANES_AHEAD = 2 };

/* of[i][j] has words 2 i and 2 i + 1 of lane j. */
struct lane_pairs {
    _Alignas(64) uint64_t of[PAIRS][LANES_A_GROUP];
};

/* Lanes often lie a multiple of 4 KiB apart. Then the lines of 16 lanes are more than a set of the first cache
 * holds, and lines that the processor fetched early are evicted. So the lane after next is prefetched here, by the
 * first and last byte of its block; where there is no memory, that does nothing. */
static ALWAYS_INLINE void bring_lane(struct lane_pairs *pairs, const uint8_t *const *data, size_t offset, size_t lane)
{
    const uint8_t *block = data[lane] + offset;
    const size_t after = lane + LANES_AHEAD;
    const uint8_t *ahead = data[after % LANES_A_GROUP] + offset + LANE_BLOCK * (after / LANES_A_GROUP);
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + LANE_BLOCK - 1);
    __asm__("" : "+r"(block)); /* else gcc computes eight addresses and spills them */
#pragma GCC unroll 8
    for (int i = 0; i < PAIRS; i++)
        memcpy(&pairs->of[i][lane], block + sizeof(uint64_t) * (size_t)i, sizeof(uint64_t));
}

/* Bring the first block of all lanes. */
static inline void bring_lanes(struct lane_pairs *pairs, const uint8_t *const *data)
{
    for (size_t lane = 0; lane < LANES_A_GROUP; lane++)
        bring_lane(pairs, data, 0, lane);
}

/* Return the offset of the next block. After the last block there is none, and that is brought once more. */
static inline size_t next_offset(size_t block, size_t blocks)
{
    return LANE_BLOCK * (block + 1 < blocks ? block + 1 : block);
}

TARGET_AVX512F static inline __m512i word_of(const struct lane_pairs *pairs, int word)
{
    const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    const uint64_t *of = pairs->of[word / 2];
    return _mm512_permutex2var_epi32(_mm512_load_si512(of), word % 2 == 0 ? even : odd,
                                     _mm512_load_si512(of + LANES_A_GROUP / 2));
}

/* Write the words to memory, where the additions have them as operands: words and states are more than there are
 * registers. */
TARGET_AVX512F static ALWAYS_INLINE void take_words(__m512i words[16], const struct lane_pairs *pairs)
{
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        words[i] = word_of(pairs, i);
}

#endif
