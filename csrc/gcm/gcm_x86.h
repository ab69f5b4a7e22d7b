/*
 * The mathematics of AES-256-GCM on x86-64, a block at a time.
 *
 * GHASH. Its field is bit-reflected: in a block read as one number of 128 bits, most significant byte first, bit 127 is
 * x^0. A product of two such numbers comes out one bit too low, so the powers of H are kept multiplied by x. A product
 * of 256 bits is reduced from below in two steps of 64 bits: in this reflection the polynomial x^128 + x^7 + x^2 + x +
 * 1, without its x^128 and its 1, is the number REDUCER.
 *
 * A product of two numbers of two halves takes three products of halves (Karatsuba): those of the upper, of the lower,
 * and of the sums of both, from which the other two are taken away. On Zen 4 a product of halves takes two cycles, and
 * with four of them a message took a seventh longer.
 *
 * No table is indexed by a secret, and no branch depends on one.
 *
 * Source: NIST SP 800-38D; S. Gueron, M. Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for
 * Computing the GCM Mode", Intel, 2010.
 */
#ifndef ENGINE_GCM_GCM_X86_H
#define ENGINE_GCM_GCM_X86_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gcm/gcm_x86_state.h"

#if defined(TARGET_X86_64)
#include <immintrin.h>

#define GCM_REDUCER_HIGH 0xc200000000000000

TARGET_AESNI static inline __m128i gcm_load(const uint8_t *bytes)
{
    return _mm_loadu_si128((const void *)bytes);
}

TARGET_AESNI static inline void gcm_store(uint8_t *bytes, __m128i block)
{
    _mm_storeu_si128((void *)bytes, block);
}

TARGET_AESNI static inline __m128i gcm_reverse(__m128i block)
{
    return _mm_shuffle_epi8(block, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

/* A product of 256 bits, or a sum of such products: the products of the lower halves, of the sums of halves, and of the
 * upper halves. */
struct gcm_product {
    __m128i low, middle, high;
};

/* Let the compiler not add up later what it would keep on the stack till then. */
#define GCM_ADDED(sum) __asm__ volatile("" : "+x"((sum).low), "+x"((sum).middle), "+x"((sum).high))

TARGET_AESNI static inline __m128i gcm_sum_of_halves(__m128i x)
{
    return _mm_xor_si128(x, _mm_shuffle_epi32(x, 0x4e));
}

TARGET_AESNI static inline void gcm_add_product(struct gcm_product *sum, __m128i x, __m128i by)
{
    const __m128i middle = _mm_clmulepi64_si128(gcm_sum_of_halves(x), gcm_sum_of_halves(by), 0x00);
    sum->low = _mm_xor_si128(sum->low, _mm_clmulepi64_si128(x, by, 0x00));
    sum->middle = _mm_xor_si128(sum->middle, middle);
    sum->high = _mm_xor_si128(sum->high, _mm_clmulepi64_si128(x, by, 0x11));
    GCM_ADDED(*sum);
}

TARGET_AESNI static inline __m128i gcm_reduce_half(__m128i lower, __m128i onto)
{
    const __m128i reducer = _mm_set_epi64x((long long)GCM_REDUCER_HIGH, 0);
    return _mm_xor_si128(onto,
                         _mm_xor_si128(_mm_clmulepi64_si128(reducer, lower, 0x01), _mm_shuffle_epi32(lower, 0x4e)));
}

TARGET_AESNI static inline __m128i gcm_reduce(const struct gcm_product *product)
{
    const __m128i middle = _mm_xor_si128(product->middle, _mm_xor_si128(product->low, product->high));
    return gcm_reduce_half(gcm_reduce_half(product->low, middle), product->high);
}

TARGET_AESNI static inline __m128i gcm_multiply(__m128i x, __m128i by)
{
    struct gcm_product product = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    gcm_add_product(&product, x, by);
    return gcm_reduce(&product);
}

TARGET_AESNI static inline __m128i gcm_encrypt(const struct gcm_x86 *gcm, __m128i block)
{
    block = _mm_xor_si128(block, gcm_load(gcm->round_keys[0]));
    for (int i = 1; i < AES_ROUNDS; i++)
        block = _mm_aesenc_si128(block, gcm_load(gcm->round_keys[i]));
    return _mm_aesenclast_si128(block, gcm_load(gcm->round_keys[AES_ROUNDS]));
}

/* Return the first of the powers of H by which `count` successive blocks are multiplied. */
static inline const uint8_t *gcm_powers_for(const struct gcm_x86 *gcm, size_t count)
{
    return gcm->powers[GCM_POWERS - count];
}

TARGET_AESNI static inline __m128i gcm_hash_block(const struct gcm_x86 *gcm, __m128i hash, __m128i block)
{
    return gcm_multiply(_mm_xor_si128(hash, gcm_reverse(block)), gcm_load(gcm_powers_for(gcm, 1)));
}

/* Load at most a block; missing bytes are zeros. */
TARGET_AESNI static inline __m128i gcm_load_part(const uint8_t *data, size_t size)
{
    uint8_t block[AES_BLOCK] = {0};
    memcpy(block, data, size);
    return gcm_load(block);
}
#endif

#endif
