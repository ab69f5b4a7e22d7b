/*
 * AES-256-GCM by AES-NI and PCLMULQDQ: eight blocks a step, with one reduction for all eight.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include <openssl/crypto.h>

#include "cpu/features.h"
#include "gcm/gcm.h"

enum { LANES = 8, STEP = LANES * AES_BLOCK };

TARGET_AESNI static inline void round_of_all(__m128i *masks, __m128i key)
{
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        masks[i] = _mm_aesenc_si128(masks[i], key);
}

/* Hash one block of a step. */
TARGET_AESNI static inline void hash_part(const struct gcm_x86 *gcm, struct gcm_product *sum, int i, __m128i hash,
                                          const uint8_t *sealed)
{
    __m128i block = gcm_reverse(gcm_load(sealed + AES_BLOCK * i));
    if (i == 0)
        block = _mm_xor_si128(block, hash);
    gcm_add_product(sum, block, gcm_load(gcm_powers_for(gcm, LANES) + AES_BLOCK * i));
}

/* Make the masks of a step, all but the last round; meanwhile hash the step `sealed`, unless that is NULL. */
TARGET_AESNI static inline __attribute__((always_inline)) void make_masks(struct gcm_x86 *gcm, __m128i *masks,
                                                                          const uint8_t *sealed)
{
    struct gcm_product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    const __m128i key = gcm_load(gcm->round_keys[0]), hash = gcm_load(gcm->hash);
    __m128i counter = gcm_load(gcm->counter);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        masks[i] = _mm_xor_si128(gcm_reverse(counter), key);
        counter = _mm_add_epi32(counter, _mm_cvtsi32_si128(1));
    }
    gcm_store(gcm->counter, counter);
#pragma GCC unroll 16
    for (int round = 1; round < AES_ROUNDS; round++) {
        round_of_all(masks, gcm_load(gcm->round_keys[round]));
        if (sealed != NULL && round <= LANES)
            hash_part(gcm, &sum, round - 1, hash, sealed);
    }
    if (sealed != NULL)
        gcm_store(gcm->hash, gcm_reduce(&sum));
}

TARGET_AESNI static inline void end_masks(const struct gcm_x86 *gcm, __m128i *masks, const uint8_t *data, uint8_t *out)
{
    const __m128i key = gcm_load(gcm->round_keys[AES_ROUNDS]);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        gcm_store(out + AES_BLOCK * i,
                  _mm_xor_si128(_mm_aesenclast_si128(masks[i], key), gcm_load(data + AES_BLOCK * i)));
}

TARGET_AESNI static void hash_step(struct gcm_x86 *gcm, const uint8_t *sealed)
{
    struct gcm_product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (int i = 0; i < LANES; i++)
        hash_part(gcm, &sum, i, gcm_load(gcm->hash), sealed);
    gcm_store(gcm->hash, gcm_reduce(&sum));
}

/* Seal all full steps. While one is encrypted, the one before it is hashed. Returns how many bytes they were. */
TARGET_AESNI static size_t seal_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    __m128i masks[LANES];
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
TARGET_AESNI static size_t open_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    __m128i masks[LANES];
    size_t done = 0;
    for (; size - done >= STEP; done += STEP) {
        make_masks(gcm, masks, data + done);
        end_masks(gcm, masks, data + done, out + done);
    }
    return done;
}

/* Encrypt or decrypt at most a block. */
TARGET_AESNI static void crypt_block(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size,
                                     uint8_t *out)
{
    uint8_t crypted[AES_BLOCK];
    const __m128i counter = gcm_load(gcm->counter), block = gcm_load_part(data, size);
    gcm_store(crypted, _mm_xor_si128(block, gcm_encrypt(gcm, gcm_reverse(counter))));
    const __m128i sealed = is_sealing ? gcm_load_part(crypted, size) : block;
    memcpy(out, crypted, size);
    gcm_store(gcm->hash, gcm_hash_block(gcm, gcm_load(gcm->hash), sealed));
    gcm_store(gcm->counter, _mm_add_epi32(counter, _mm_cvtsi32_si128(1)));
    OPENSSL_cleanse(crypted, sizeof crypted);
}

static void carry_on(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size, uint8_t *out)
{
    gcm->size += size;
    size_t done = is_sealing ? seal_steps(gcm, data, size, out) : open_steps(gcm, data, size, out);
    for (size_t piece; done < size; done += piece) {
        piece = size - done < AES_BLOCK ? size - done : AES_BLOCK;
        crypt_block(gcm, is_sealing, data + done, piece, out + done);
    }
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

const struct gcm_row gcm_row_x86_aesni = {
    "x86-aesni",   FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1,
    gcm_x86_begin, seal,
    open_sealed,   gcm_x86_discard,
    &pieces,
};
#endif
