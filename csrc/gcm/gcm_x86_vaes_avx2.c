/*
 * AES-256-GCM by VAES and VPCLMULQDQ in registers of 256 bits, two blocks each: sixteen blocks a step, with one
 * reduction for all of them. Where there is no AVX-512 there are only sixteen registers; so keys and powers of H are
 * read as they are needed, and a step that is hashed is read again. What is less than a step is left to the narrower
 * row.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include "cpu/features.h"
#include "gcm/gcm.h"

enum { WIDTH = 32, REGISTERS = 8, STEP = REGISTERS * WIDTH };

_Static_assert(STEP == GCM_POWERS * AES_BLOCK, "a power of H for each block of a step");

struct wide_product {
    __m256i low, middle, high;
};

TARGET_VAES_AVX2 static inline __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const void *)bytes);
}

TARGET_VAES_AVX2 static inline __m256i key_of(const struct gcm_x86 *gcm, int round)
{
    return _mm256_broadcastsi128_si256(gcm_load(gcm->round_keys[round]));
}

TARGET_VAES_AVX2 static inline __m256i reverse(__m256i blocks)
{
    return _mm256_shuffle_epi8(blocks,
                               _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f)));
}

/* Add up the two blocks. */
TARGET_VAES_AVX2 static inline __m128i sum_of(__m256i blocks)
{
    return _mm_xor_si128(_mm256_castsi256_si128(blocks), _mm256_extracti128_si256(blocks, 1));
}

TARGET_VAES_AVX2 static inline __m256i sum_of_halves(__m256i x)
{
    return _mm256_xor_si256(x, _mm256_shuffle_epi32(x, 0x4e));
}

TARGET_VAES_AVX2 static inline void add_product(struct wide_product *sum, __m256i x, __m256i by)
{
    const __m256i middle = _mm256_clmulepi64_epi128(sum_of_halves(x), sum_of_halves(by), 0x00);
    sum->low = _mm256_xor_si256(sum->low, _mm256_clmulepi64_epi128(x, by, 0x00));
    sum->middle = _mm256_xor_si256(sum->middle, middle);
    sum->high = _mm256_xor_si256(sum->high, _mm256_clmulepi64_epi128(x, by, 0x11));
    GCM_ADDED(*sum);
}

TARGET_VAES_AVX2 static inline __m128i reduce(const struct wide_product *sum)
{
    const struct gcm_product product = {sum_of(sum->low), sum_of(sum->middle), sum_of(sum->high)};
    return gcm_reduce(&product);
}

/* Hash one register of a step. */
TARGET_VAES_AVX2 static inline void hash_part(const struct gcm_x86 *gcm, struct wide_product *sum, int i,
                                              const uint8_t *sealed)
{
    __m256i blocks = reverse(load(sealed + WIDTH * i));
    if (i == 0)
        blocks = _mm256_xor_si256(blocks, _mm256_zextsi128_si256(gcm_load(gcm->hash)));
    add_product(sum, blocks, load(gcm->powers[2 * i]));
}

TARGET_VAES_AVX2 static inline struct wide_product nothing(void)
{
    return (struct wide_product){_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
}

TARGET_VAES_AVX2 static ALWAYS_INLINE void begin_masks(struct gcm_x86 *gcm, __m256i *masks)
{
    const __m256i key = key_of(gcm, 0), two = _mm256_setr_epi32(2, 0, 0, 0, 2, 0, 0, 0);
    __m256i counter = _mm256_add_epi32(_mm256_broadcastsi128_si256(gcm_load(gcm->counter)),
                                       _mm256_setr_epi32(0, 0, 0, 0, 1, 0, 0, 0));
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++) {
        masks[i] = _mm256_xor_si256(reverse(counter), key);
        counter = _mm256_add_epi32(counter, two);
    }
    gcm_store(gcm->counter, _mm256_castsi256_si128(counter));
}

/* Make the masks of a step, all but the last round; meanwhile hash the step `sealed`, unless that is NULL. */
TARGET_VAES_AVX2 static ALWAYS_INLINE void make_masks(struct gcm_x86 *gcm, __m256i *masks, const uint8_t *sealed)
{
    struct wide_product sum = nothing();
    begin_masks(gcm, masks);
#pragma GCC unroll 16
    for (int round = 1; round < AES_ROUNDS; round++) {
        const __m256i key = key_of(gcm, round);
#pragma GCC unroll 16
        for (int i = 0; i < REGISTERS; i++)
            masks[i] = _mm256_aesenc_epi128(masks[i], key);
        if (sealed != NULL && round <= REGISTERS)
            hash_part(gcm, &sum, round - 1, sealed);
    }
    if (sealed != NULL)
        gcm_store(gcm->hash, reduce(&sum));
}

TARGET_VAES_AVX2 static ALWAYS_INLINE void end_masks(const struct gcm_x86 *gcm, const __m256i *masks,
                                                     const uint8_t *data, uint8_t *out)
{
    const __m256i key = key_of(gcm, AES_ROUNDS);
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++) {
        const __m256i mask = _mm256_aesenclast_epi128(masks[i], key);
        _mm256_storeu_si256((void *)(out + WIDTH * i), _mm256_xor_si256(mask, load(data + WIDTH * i)));
    }
}

TARGET_VAES_AVX2 static void hash_step(struct gcm_x86 *gcm, const uint8_t *sealed)
{
    struct wide_product sum = nothing();
    for (int i = 0; i < REGISTERS; i++)
        hash_part(gcm, &sum, i, sealed);
    gcm_store(gcm->hash, reduce(&sum));
}

/* Seal all full steps. While one is encrypted, the one before it is hashed. Returns how many bytes they were. */
TARGET_VAES_AVX2 static size_t seal_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    __m256i masks[REGISTERS];
    size_t done = STEP;
    if (size < STEP)
        return 0;
    make_masks(gcm, masks, NULL);
    end_masks(gcm, masks, data, out);
    for (; size - done >= STEP; done += STEP) {
        make_masks(gcm, masks, out + done - STEP);
        end_masks(gcm, masks, data + done, out + done);
    }
    hash_step(gcm, out + done - STEP);
    return done;
}

/* Open all full steps. Each is hashed while it is decrypted. Returns how many bytes they were. */
TARGET_VAES_AVX2 static size_t open_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    __m256i masks[REGISTERS];
    size_t done = 0;
    for (; size - done >= STEP; done += STEP) {
        make_masks(gcm, masks, data + done);
        end_masks(gcm, masks, data + done, out + done);
    }
    return done;
}

static void carry_on(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size, uint8_t *out)
{
    const size_t done = is_sealing ? seal_steps(gcm, data, size, out) : open_steps(gcm, data, size, out);
    gcm->size += done;
    gcm_row_x86_aesni.pieces->carry_on(gcm, is_sealing, data + done, size - done, out + done);
}

static int seal(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *data,
                size_t size, uint8_t *out)
{
    return gcm_x86_seal(carry_on, state, nonce, aad, aad_size, data, size, out);
}

static int open_sealed(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                       const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    return gcm_x86_open(carry_on, state, nonce, aad, aad_size, sealed, sealed_size, out);
}

static const struct gcm_pieces pieces = {gcm_x86_begin_message, carry_on, gcm_x86_finish_message};

const struct gcm_row gcm_row_x86_vaes_avx2 = {
    "x86-vaes-avx2",
    FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1 | FEATURE_AVX2 | FEATURE_VAES | FEATURE_VPCLMULQDQ,
    gcm_x86_begin,
    seal,
    open_sealed,
    gcm_x86_discard,
    &pieces,
};
#endif
