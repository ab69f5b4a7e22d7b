/*
 * Steps of AES-256-GCM on registers of 512 bits: four blocks beside each other.
 */
#ifndef ENGINE_GCM_GCM_X86_AVX512_H
#define ENGINE_GCM_GCM_X86_AVX512_H

#include "cpu/features.h"
#include "gcm/gcm_x86.h"

enum {
    GCM_WIDTH = 64,
    GCM_X86_VAES_AVX512_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1 | FEATURE_AVX512F | FEATURE_AVX512BW |
                                FEATURE_AVX512VL | FEATURE_VAES | FEATURE_VPCLMULQDQ
};

struct gcm_wide_product {
    __m512i low, middle, high;
};

TARGET_VAES_AVX512 static inline __m512i gcm_wide_key(const struct gcm_x86 *gcm, int round)
{
    return _mm512_broadcast_i32x4(gcm_load(gcm->round_keys[round]));
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_reverse(__m512i blocks)
{
    return _mm512_shuffle_epi8(blocks, _mm512_set4_epi32(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f));
}

/* The next four counters, as numbers. */
TARGET_VAES_AVX512 static inline __m512i gcm_wide_counter(const struct gcm_x86 *gcm)
{
    return _mm512_add_epi32(_mm512_broadcast_i32x4(gcm_load(gcm->counter)), _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0));
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_four(void)
{
    return _mm512_set4_epi32(0, 0, 0, 4);
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_mask(const struct gcm_x86 *gcm, __m512i counter)
{
    __m512i mask = _mm512_xor_si512(gcm_wide_reverse(counter), gcm_wide_key(gcm, 0));
    for (int i = 1; i < AES_ROUNDS; i++)
        mask = _mm512_aesenc_epi128(mask, gcm_wide_key(gcm, i));
    return _mm512_aesenclast_epi128(mask, gcm_wide_key(gcm, AES_ROUNDS));
}

TARGET_VAES_AVX512 static inline struct gcm_wide_product gcm_wide_zero(void)
{
    return (struct gcm_wide_product){_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_xor(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

TARGET_VAES_AVX512 static inline void gcm_wide_add_product(struct gcm_wide_product *sum, __m512i x, __m512i by)
{
    sum->low = _mm512_xor_si512(sum->low, _mm512_clmulepi64_epi128(x, by, 0x00));
    sum->middle = gcm_wide_xor(sum->middle, _mm512_clmulepi64_epi128(x, by, 0x01), _mm512_clmulepi64_epi128(x, by, 0x10));
    sum->high = _mm512_xor_si512(sum->high, _mm512_clmulepi64_epi128(x, by, 0x11));
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_reduce_half(__m512i lower, __m512i onto)
{
    const __m512i reducer = _mm512_set1_epi64((long long)GCM_REDUCER_HIGH);
    return gcm_wide_xor(onto, _mm512_clmulepi64_epi128(reducer, lower, 0x01), _mm512_shuffle_epi32(lower, 0x4e));
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_reduce(const struct gcm_wide_product *product)
{
    return gcm_wide_reduce_half(gcm_wide_reduce_half(product->low, product->middle), product->high);
}

/* The four blocks added up. */
TARGET_VAES_AVX512 static inline __m128i gcm_wide_sum(__m512i blocks)
{
    const __m256i halves = _mm256_xor_si256(_mm512_castsi512_si256(blocks), _mm512_extracti64x4_epi64(blocks, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}

#endif
