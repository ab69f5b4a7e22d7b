/*
 * One block of each of 16 lanes, turned round so that a vector holds one word of all: vector i has word i, element j is lane j.
 */
#ifndef ENGINE_LANES_TRANSPOSE_X86_AVX512_H
#define ENGINE_LANES_TRANSPOSE_X86_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "cpu/target.h"

/* Four vectors of 4 x 4 words each: turn the words round within each quarter. */
TARGET_AVX512F static inline void transpose_quarters(__m512i row[4])
{
    const __m512i low01 = _mm512_unpacklo_epi32(row[0], row[1]), high01 = _mm512_unpackhi_epi32(row[0], row[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(row[2], row[3]), high23 = _mm512_unpackhi_epi32(row[2], row[3]);
    row[0] = _mm512_unpacklo_epi64(low01, low23);
    row[1] = _mm512_unpackhi_epi64(low01, low23);
    row[2] = _mm512_unpacklo_epi64(high01, high23);
    row[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* The same for the quarters of four vectors. */
TARGET_AVX512F static inline void transpose_by_quarters(__m512i *a, __m512i *b, __m512i *c, __m512i *d)
{
    const __m512i low_ab = _mm512_shuffle_i32x4(*a, *b, 0x44), high_ab = _mm512_shuffle_i32x4(*a, *b, 0xee);
    const __m512i low_cd = _mm512_shuffle_i32x4(*c, *d, 0x44), high_cd = _mm512_shuffle_i32x4(*c, *d, 0xee);
    *a = _mm512_shuffle_i32x4(low_ab, low_cd, 0x88);
    *b = _mm512_shuffle_i32x4(low_ab, low_cd, 0xdd);
    *c = _mm512_shuffle_i32x4(high_ab, high_cd, 0x88);
    *d = _mm512_shuffle_i32x4(high_ab, high_cd, 0xdd);
}

/* Into memory, where the additions take the words from: 16 vectors and two states are more than there are registers. */
TARGET_AVX512F static inline void transpose_block(const uint8_t *const data[16], size_t offset, __m512i words[16])
{
    __m512i row[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        row[i] = _mm512_loadu_si512(data[i] + offset);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 4)
        transpose_quarters(row + i);
#pragma GCC unroll 16
    for (int i = 0; i < 4; i++)
        transpose_by_quarters(&row[i], &row[4 + i], &row[8 + i], &row[12 + i]);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(words + i, row[i]);
}

#endif
