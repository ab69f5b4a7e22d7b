/*
 * A block of MD5 in 16 lanes. A step has six instructions: two additions from memory off the critical path, the
 * function in one VPTERNLOGD, an addition, the rotation, an addition.
 */
#ifndef ENGINE_LANES_MD5_LANES_X86_AVX512_H
#define ENGINE_LANES_MD5_LANES_X86_AVX512_H

#include <immintrin.h>

#include "cpu/target.h"
#include "lanes/md5_steps.h"

/* Truth tables for VPTERNLOGD: bit 4 d + 2 c + b is the function's value. */
#define MD5_TABLE_F 0xd8 /* b ? c : d */
#define MD5_TABLE_G 0xac /* d ? b : c */
#define MD5_TABLE_H 0x96 /* b ^ c ^ d */
#define MD5_TABLE_I 0x63 /* c ^ (b | ~d) */
#define MD5_TABLE(i) ((i) < 16 ? MD5_TABLE_F : (i) < 32 ? MD5_TABLE_G : (i) < 48 ? MD5_TABLE_H : MD5_TABLE_I)

/* The order is forced: gcc adds in an order of its own, and would put the constant behind the function. VPTERNLOGD
 * overwrites a copy of d, which was ready long before, and not of b. */
#define MD5_STEP(a, b, c, d, table, word, constant, shift)                               \
    a = _mm512_add_epi32(_mm512_add_epi32(a, word), _mm512_set1_epi32((int)(constant))); \
    __asm__("" : "+v"(a));                                                               \
    a = _mm512_add_epi32(a, _mm512_ternarylogic_epi32(d, c, b, table));                  \
    a = _mm512_add_epi32(_mm512_rol_epi32(a, shift), b);

/* Make the compiler forget what it knows of memory, so that words and constants are operands in memory, instead of
 * taking registers and spilling the states. */
#define FORGET_MEMORY(constants) __asm__ volatile("" : "+r"(constants) : : "memory")

TARGET_AVX512F static ALWAYS_INLINE void add_to_state(__m512i *state, const __m512i *sum, int count)
{
#pragma GCC unroll 8
    for (int i = 0; i < count; i++)
        state[i] = _mm512_add_epi32(state[i], sum[i]);
}

#endif
