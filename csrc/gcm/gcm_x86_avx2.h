/*
 * Steps of AES-256-GCM in registers of 256 bits, two blocks each: sixteen blocks a step, with one reduction for all of
 * them. Where there is no AVX-512 there are only sixteen registers; so keys and powers of H are read as they are
 * needed, and a step that is hashed is read again.
 */
#ifndef ENGINE_GCM_GCM_X86_AVX2_H
#define ENGINE_GCM_GCM_X86_AVX2_H

#include "cpu/features.h"
#include "gcm/gcm_x86.h"

enum {
    GCM_PAIR = 32,
    GCM_PAIRS = 8,
    GCM_PAIRS_STEP = GCM_PAIRS * GCM_PAIR,
    GCM_X86_VAES_AVX2_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1 | FEATURE_AVX2 |
                              FEATURE_VAES | FEATURE_VPCLMULQDQ
};

_Static_assert(GCM_PAIRS_STEP == GCM_POWERS * AES_BLOCK, "a power of H for each block of a step");

struct gcm_pair_product {
    __m256i low, middle, high;
};

TARGET_VAES_AVX2 static inline __m256i gcm_pair_load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const void *)bytes);
}

TARGET_VAES_AVX2 static inline __m256i gcm_pair_key(const struct gcm_x86 *gcm, int round)
{
    return _mm256_broadcastsi128_si256(gcm_load(gcm->round_keys[round]));
}

TARGET_VAES_AVX2 static inline __m256i gcm_pair_reverse(__m256i blocks)
{
    return _mm256_shuffle_epi8(blocks,
                               _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f)));
}

/* Add up the two blocks. */
TARGET_VAES_AVX2 static inline __m128i gcm_pair_sum(__m256i blocks)
{
    return _mm_xor_si128(_mm256_castsi256_si128(blocks), _mm256_extracti128_si256(blocks, 1));
}

TARGET_VAES_AVX2 static inline __m256i gcm_pair_sum_of_halves(__m256i x)
{
    return _mm256_xor_si256(x, _mm256_shuffle_epi32(x, 0x4e));
}

TARGET_VAES_AVX2 static inline void gcm_pair_add_product(struct gcm_pair_product *sum, __m256i x, __m256i by)
{
    const __m256i middle = _mm256_clmulepi64_epi128(gcm_pair_sum_of_halves(x), gcm_pair_sum_of_halves(by), 0x00);
    sum->low = _mm256_xor_si256(sum->low, _mm256_clmulepi64_epi128(x, by, 0x00));
    sum->middle = _mm256_xor_si256(sum->middle, middle);
    sum->high = _mm256_xor_si256(sum->high, _mm256_clmulepi64_epi128(x, by, 0x11));
    GCM_ADDED(*sum);
}

TARGET_VAES_AVX2 static inline __m128i gcm_pair_reduce(const struct gcm_pair_product *sum)
{
    const struct gcm_product product = {gcm_pair_sum(sum->low), gcm_pair_sum(sum->middle), gcm_pair_sum(sum->high)};
    return gcm_reduce(&product);
}

/* Hash one register of a step. */
TARGET_VAES_AVX2 static inline void gcm_pair_hash_part(const struct gcm_x86 *gcm, struct gcm_pair_product *sum, int i,
                                                       const uint8_t *sealed)
{
    __m256i blocks = gcm_pair_reverse(gcm_pair_load(sealed + GCM_PAIR * i));
    if (i == 0)
        blocks = _mm256_xor_si256(blocks, _mm256_zextsi128_si256(gcm_load(gcm->hash)));
    gcm_pair_add_product(sum, blocks, gcm_pair_load(gcm->powers[2 * i]));
}

TARGET_VAES_AVX2 static inline struct gcm_pair_product gcm_pair_zero(void)
{
    return (struct gcm_pair_product){_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
}

TARGET_VAES_AVX2 static ALWAYS_INLINE void gcm_pair_begin_masks(struct gcm_x86 *gcm, __m256i *masks)
{
    const __m256i key = gcm_pair_key(gcm, 0), two = _mm256_setr_epi32(2, 0, 0, 0, 2, 0, 0, 0);
    __m256i counter = _mm256_add_epi32(_mm256_broadcastsi128_si256(gcm_load(gcm->counter)),
                                       _mm256_setr_epi32(0, 0, 0, 0, 1, 0, 0, 0));
#pragma GCC unroll 16
    for (int i = 0; i < GCM_PAIRS; i++) {
        masks[i] = _mm256_xor_si256(gcm_pair_reverse(counter), key);
        counter = _mm256_add_epi32(counter, two);
    }
    gcm_store(gcm->counter, _mm256_castsi256_si128(counter));
}

/* Make the masks of a step, all but the last round; meanwhile hash the step `sealed`, unless that is NULL. */
TARGET_VAES_AVX2 static ALWAYS_INLINE void gcm_pair_make_masks(struct gcm_x86 *gcm, __m256i *masks,
                                                               const uint8_t *sealed)
{
    struct gcm_pair_product sum = gcm_pair_zero();
    gcm_pair_begin_masks(gcm, masks);
#pragma GCC unroll 16
    for (int round = 1; round < AES_ROUNDS; round++) {
        const __m256i key = gcm_pair_key(gcm, round);
#pragma GCC unroll 16
        for (int i = 0; i < GCM_PAIRS; i++)
            masks[i] = _mm256_aesenc_epi128(masks[i], key);
        if (sealed != NULL && round <= GCM_PAIRS)
            gcm_pair_hash_part(gcm, &sum, round - 1, sealed);
    }
    if (sealed != NULL)
        gcm_store(gcm->hash, gcm_pair_reduce(&sum));
}

/* A CRC of 64 bits, computed beside: the remainder of all bytes so far, as 64 bytes, and the constants that fold it
 * over the next 64 bytes. */
struct gcm_pair_crc {
    __m256i remainder[2], by;
    const uint64_t *folding; /* x^(512 + 63), x^(512 - 1) */
};

/* The first product is one times the register, which is added to the first eight bytes. */
TARGET_VAES_AVX2 static inline struct gcm_pair_crc gcm_pair_begin_crc(uint64_t crc, const uint64_t *folding)
{
    return (struct gcm_pair_crc){
        {_mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)crc)), _mm256_setzero_si256()},
        _mm256_set_epi64x(0, 1, 0, 1),
        folding,
    };
}

TARGET_VAES_AVX2 static inline void gcm_pair_fold(struct gcm_pair_crc *crc, const int half, __m256i block)
{
    const __m256i low = _mm256_clmulepi64_epi128(crc->remainder[half], crc->by, 0x00);
    const __m256i high = _mm256_clmulepi64_epi128(crc->remainder[half], crc->by, 0x11);
    crc->remainder[half] = _mm256_xor_si256(_mm256_xor_si256(low, high), block);
    if (half == 1)
        crc->by = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)crc->folding));
}

/* Encrypt or decrypt one step with masks that lack only the last round. Folds what is read into `crc` unless that is
 * NULL. */
TARGET_VAES_AVX2 static ALWAYS_INLINE void gcm_pair_end_masks(const struct gcm_x86 *gcm, const __m256i *masks,
                                                              struct gcm_pair_crc *crc, const uint8_t *data,
                                                              uint8_t *out)
{
    const __m256i key = gcm_pair_key(gcm, AES_ROUNDS);
#pragma GCC unroll 16
    for (int i = 0; i < GCM_PAIRS; i++) {
        const __m256i mask = _mm256_aesenclast_epi128(masks[i], key), blocks = gcm_pair_load(data + GCM_PAIR * i);
        if (crc != NULL)
            gcm_pair_fold(crc, i % 2, blocks);
        _mm256_storeu_si256((void *)(out + GCM_PAIR * i), _mm256_xor_si256(mask, blocks));
    }
}

TARGET_VAES_AVX2 static inline void gcm_pair_hash_step(struct gcm_x86 *gcm, const uint8_t *sealed)
{
    struct gcm_pair_product sum = gcm_pair_zero();
    for (int i = 0; i < GCM_PAIRS; i++)
        gcm_pair_hash_part(gcm, &sum, i, sealed);
    gcm_store(gcm->hash, gcm_pair_reduce(&sum));
}

/* Seal all full steps, and fold what is read into `crc` unless that is NULL. While one step is encrypted, the one
 * before it is hashed. Returns how many bytes they were. */
TARGET_VAES_AVX2 static ALWAYS_INLINE size_t gcm_pair_seal_steps(struct gcm_x86 *gcm, struct gcm_pair_crc *crc,
                                                                 const uint8_t *data, size_t size, uint8_t *out)
{
    __m256i masks[GCM_PAIRS];
    size_t done = GCM_PAIRS_STEP;
    if (size < GCM_PAIRS_STEP)
        return 0;
    gcm_pair_make_masks(gcm, masks, NULL);
    gcm_pair_end_masks(gcm, masks, crc, data, out);
    for (; size - done >= GCM_PAIRS_STEP; done += GCM_PAIRS_STEP) {
        gcm_pair_make_masks(gcm, masks, out + done - GCM_PAIRS_STEP);
        gcm_pair_end_masks(gcm, masks, crc, data + done, out + done);
    }
    gcm_pair_hash_step(gcm, out + done - GCM_PAIRS_STEP);
    return done;
}

#endif
