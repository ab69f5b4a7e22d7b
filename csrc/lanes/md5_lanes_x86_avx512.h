/*
 * A block of MD5 in 16 lanes. A step is six instructions: two additions from memory off the critical path, the function in one
 * VPTERNLOGD, an addition, the rotation, an addition.
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

/* In this order: gcc sums as it likes, and would put the constant behind the function. The register that VPTERNLOGD overwrites is a copy
 * of d, which has long been there, and not of b. */
#define MD5_STEP(a, b, c, d, table, words, word, shift, i)                                        \
    a = _mm512_add_epi32(_mm512_add_epi32(a, words[word]), _mm512_set1_epi32((int)constants[i])); \
    __asm__("" : "+v"(a));                                                                        \
    a = _mm512_add_epi32(a, _mm512_ternarylogic_epi32(d, c, b, table));                           \
    a = _mm512_add_epi32(_mm512_rol_epi32(a, shift), b);

/* Makes the compiler forget what it knows of memory, so that it takes words and constants from there as operands, and does not keep
 * them in registers and spill the states. */
#define FORGET_MEMORY(constants) __asm__ volatile("" : "+r"(constants) : : "memory")

#define MD5_STEP_ALONE(table, a, b, c, d, word, shift, i) MD5_STEP(a, b, c, d, table, words, word, shift, i)

TARGET_AVX512F static inline void md5_block(__m512i state[4], const __m512i words[16])
{
    const uint32_t *constants = md5_constants;
    __m512i a = state[0], b = state[1], c = state[2], d = state[3];
    FORGET_MEMORY(constants);
    MD5_STEPS(MD5_STEP_ALONE, MD5_TABLE_F, MD5_TABLE_G, MD5_TABLE_H, MD5_TABLE_I)
    state[0] = _mm512_add_epi32(state[0], a);
    state[1] = _mm512_add_epi32(state[1], b);
    state[2] = _mm512_add_epi32(state[2], c);
    state[3] = _mm512_add_epi32(state[3], d);
}

#endif
