/*
 * Steps of AES-256-GCM in registers of 512 bits: four blocks a register, four registers a step. While a step is
 * encrypted, the one before it is hashed, so that both units for vectors are busy.
 */
#ifndef ENGINE_GCM_GCM_X86_AVX512_H
#define ENGINE_GCM_GCM_X86_AVX512_H

#include "cpu/features.h"
#include "gcm/gcm_x86.h"

enum {
    GCM_WIDTH = 64,
    GCM_REGISTERS = 4,
    GCM_STEP = GCM_REGISTERS * GCM_WIDTH,
    GCM_READ_AHEAD = 2048, /* bytes: the processor itself stops at the end of a page */
    GCM_WRITE_AHEAD = 1024,
    GCM_X86_VAES_AVX512_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1 | FEATURE_AVX512F |
                                FEATURE_AVX512BW | FEATURE_AVX512VL | FEATURE_VAES | FEATURE_VPCLMULQDQ
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

/* Return the next four counters, as numbers. */
TARGET_VAES_AVX512 static inline __m512i gcm_wide_counter(const struct gcm_x86 *gcm)
{
    return _mm512_add_epi32(_mm512_broadcast_i32x4(gcm_load(gcm->counter)),
                            _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0));
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
    sum->middle =
        gcm_wide_xor(sum->middle, _mm512_clmulepi64_epi128(x, by, 0x01), _mm512_clmulepi64_epi128(x, by, 0x10));
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

/* Add up the four blocks. */
TARGET_VAES_AVX512 static inline __m128i gcm_wide_sum(__m512i blocks)
{
    const __m256i halves = _mm256_xor_si256(_mm512_castsi512_si256(blocks), _mm512_extracti64x4_epi64(blocks, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}

/* A CRC of 64 bits, computed beside: the remainder of all bytes so far, as 64 bytes, and the constants that fold it
 * over the next 64 bytes. */
struct gcm_wide_crc {
    __m512i remainder, by;
    const uint64_t *folding; /* x^(512 + 63), x^(512 - 1) */
};

/* The first product is one times the register, which is added to the first eight bytes. */
TARGET_VAES_AVX512 static inline struct gcm_wide_crc gcm_wide_begin_crc(uint64_t crc, const uint64_t *folding)
{
    return (struct gcm_wide_crc){_mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)crc)),
                                 _mm512_set_epi64(0, 1, 0, 1, 0, 1, 0, 1), folding};
}

TARGET_VAES_AVX512 static inline void gcm_wide_fold(struct gcm_wide_crc *crc, __m512i block)
{
    crc->remainder = gcm_wide_xor(_mm512_clmulepi64_epi128(crc->remainder, crc->by, 0x00),
                                  _mm512_clmulepi64_epi128(crc->remainder, crc->by, 0x11), block);
    crc->by = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)crc->folding));
}

/* Hash one register of a step. */
TARGET_VAES_AVX512 static inline void gcm_wide_hash_part(const struct gcm_x86 *gcm, struct gcm_wide_product *sum, int i,
                                                         __m128i hash, __m512i sealed)
{
    __m512i blocks = gcm_wide_reverse(sealed);
    if (i == 0)
        blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(hash));
    gcm_wide_add_product(sum, blocks, _mm512_loadu_si512(gcm->powers[4 * i]));
}

TARGET_VAES_AVX512 static inline void gcm_wide_round(__m512i *masks, __m512i key)
{
#pragma GCC unroll 16
    for (int i = 0; i < GCM_REGISTERS; i++)
        masks[i] = _mm512_aesenc_epi128(masks[i], key);
}

TARGET_VAES_AVX512 static inline __m512i gcm_wide_begin_masks(__m512i *masks, __m512i counter, __m512i key)
{
#pragma GCC unroll 16
    for (int i = 0; i < GCM_REGISTERS; i++) {
        masks[i] = _mm512_xor_si512(gcm_wide_reverse(counter), key);
        counter = _mm512_add_epi32(counter, gcm_wide_four());
    }
    return counter;
}

/* Encrypt or decrypt one step with masks that lack only the last round. `sealed` takes the ciphertext, to be hashed. */
TARGET_VAES_AVX512 static ALWAYS_INLINE void gcm_wide_end_masks(__m512i *masks, __m512i key, const bool is_sealing,
                                                                struct gcm_wide_crc *crc, const uint8_t *data,
                                                                uint8_t *out, __m512i *sealed)
{
#pragma GCC unroll 16
    for (int i = 0; i < GCM_REGISTERS; i++) {
        const __m512i block = _mm512_loadu_si512(data + GCM_WIDTH * i);
        __builtin_prefetch(data + GCM_WIDTH * i + GCM_READ_AHEAD);
        __builtin_prefetch(out + GCM_WIDTH * i + GCM_WRITE_AHEAD, 1);
        if (crc != NULL)
            gcm_wide_fold(crc, block);
        const __m512i crypted = _mm512_xor_si512(block, _mm512_aesenclast_epi128(masks[i], key));
        sealed[i] = is_sealing ? crypted : block;
        masks[i] = crypted;
    }
#pragma GCC unroll 16
    for (int i = 0; i < GCM_REGISTERS; i++)
        _mm512_storeu_si512(out + GCM_WIDTH * i, masks[i]);
}

/* Encrypt or decrypt all full steps, and fold the plaintext read into `crc` unless that is NULL. Returns how many
 * bytes they were. */
TARGET_VAES_AVX512 static ALWAYS_INLINE size_t gcm_wide_crypt_steps(struct gcm_x86 *gcm, const bool is_sealing,
                                                                    struct gcm_wide_crc *crc, const uint8_t *data,
                                                                    size_t size, uint8_t *out)
{
    __m512i counter = gcm_wide_counter(gcm), keys[AES_ROUNDS + 1], masks[GCM_REGISTERS], sealed[GCM_REGISTERS];
    __m128i hash = gcm_load(gcm->hash);
    size_t done = GCM_STEP;

    if (size < GCM_STEP)
        return 0;
#pragma GCC unroll 16
    for (int i = 0; i <= AES_ROUNDS; i++)
        keys[i] = gcm_wide_key(gcm, i);
    counter = gcm_wide_begin_masks(masks, counter, keys[0]);
#pragma GCC unroll 16
    for (int i = 1; i < AES_ROUNDS; i++)
        gcm_wide_round(masks, keys[i]);
    gcm_wide_end_masks(masks, keys[AES_ROUNDS], is_sealing, crc, data, out, sealed);
    for (; size - done >= GCM_STEP; done += GCM_STEP) {
        struct gcm_wide_product sum = gcm_wide_zero();
        counter = gcm_wide_begin_masks(masks, counter, keys[0]);
#pragma GCC unroll 16
        for (int i = 1; i < AES_ROUNDS; i++) {
            gcm_wide_round(masks, keys[i]);
            if (i % 3 == 1 && i / 3 < GCM_REGISTERS)
                gcm_wide_hash_part(gcm, &sum, i / 3, hash, sealed[i / 3]);
        }
        hash = gcm_wide_sum(gcm_wide_reduce(&sum));
        gcm_wide_end_masks(masks, keys[AES_ROUNDS], is_sealing, crc, data + done, out + done, sealed);
    }
    struct gcm_wide_product sum = gcm_wide_zero();
#pragma GCC unroll 16
    for (int i = 0; i < GCM_REGISTERS; i++)
        gcm_wide_hash_part(gcm, &sum, i, hash, sealed[i]);
    gcm_store(gcm->hash, gcm_wide_sum(gcm_wide_reduce(&sum)));
    gcm_store(gcm->counter, _mm512_castsi512_si128(counter));
    return done;
}

/* Wipe the upper sixteen registers, which nothing clears on return. */
TARGET_VAES_AVX512 static inline void gcm_wide_wipe(void)
{
    __asm__ volatile(".irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
                     "vpxord %%zmm\\register, %%zmm\\register, %%zmm\\register\n\t"
                     ".endr" ::
                         : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
                           "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

#endif
