/*
 * AES-256-GCM by VAES and VPCLMULQDQ on registers of 512 bits: four blocks a register, four registers a step. While a step is encrypted, the
 * one before it is hashed, and both units of the processor are busy.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include "cpu/features.h"
#include "gcm/gcm.h"
#include "gcm/gcm_x86_avx512.h"

enum { REGISTERS = 4, STEP = REGISTERS * GCM_WIDTH };

/* Hash at most four blocks, `count` of them, with zeros behind. */
TARGET_VAES_AVX512 static inline __m128i hash_register(const struct gcm_x86 *gcm, __m128i hash, __m512i sealed, size_t count)
{
    struct gcm_wide_product sum = gcm_wide_zero();
    const __m512i blocks = _mm512_xor_si512(gcm_wide_reverse(sealed), _mm512_zextsi128_si512(hash));
    gcm_wide_add_product(&sum, blocks, _mm512_loadu_si512(gcm->powers[GCM_POWERS - count]));
    return gcm_wide_sum(gcm_wide_reduce(&sum));
}

/* Hash one register of a step. */
TARGET_VAES_AVX512 static inline void hash_part(const struct gcm_x86 *gcm, struct gcm_wide_product *sum, int i, __m128i hash, __m512i sealed)
{
    __m512i blocks = gcm_wide_reverse(sealed);
    if (i == 0)
        blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(hash));
    gcm_wide_add_product(sum, blocks, _mm512_loadu_si512(gcm->powers[4 * i]));
}

TARGET_VAES_AVX512 static inline void round_of_all(__m512i *masks, __m512i key)
{
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++)
        masks[i] = _mm512_aesenc_epi128(masks[i], key);
}

TARGET_VAES_AVX512 static inline __m512i begin_masks(__m512i *masks, __m512i counter, __m512i key)
{
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++) {
        masks[i] = _mm512_xor_si512(gcm_wide_reverse(counter), key);
        counter = _mm512_add_epi32(counter, gcm_wide_four());
    }
    return counter;
}

/* Encrypt or decrypt one step with the masks, all but the last round done; `sealed` takes what is to be hashed. */
TARGET_VAES_AVX512 static inline void end_masks(__m512i *masks, __m512i key, bool is_sealing, const uint8_t *data, uint8_t *out,
                                                __m512i *sealed)
{
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++) {
        const __m512i block = _mm512_loadu_si512(data + GCM_WIDTH * i);
        const __m512i crypted = _mm512_xor_si512(block, _mm512_aesenclast_epi128(masks[i], key));
        sealed[i] = is_sealing ? crypted : block;
        masks[i] = crypted;
    }
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++)
        _mm512_storeu_si512(out + GCM_WIDTH * i, masks[i]);
}

/* All full steps; returns how many bytes they were. */
TARGET_VAES_AVX512 static inline __attribute__((always_inline)) size_t crypt_steps(struct gcm_x86 *gcm, const bool is_sealing,
                                                                                   const uint8_t *data, size_t size, uint8_t *out)
{
    __m512i counter = gcm_wide_counter(gcm), keys[AES_ROUNDS + 1], masks[REGISTERS], sealed[REGISTERS];
    __m128i hash = gcm_load(gcm->hash);
    size_t done = STEP;

    if (size < STEP)
        return 0;
#pragma GCC unroll 16
    for (int i = 0; i <= AES_ROUNDS; i++)
        keys[i] = gcm_wide_key(gcm, i);
    counter = begin_masks(masks, counter, keys[0]);
#pragma GCC unroll 16
    for (int i = 1; i < AES_ROUNDS; i++)
        round_of_all(masks, keys[i]);
    end_masks(masks, keys[AES_ROUNDS], is_sealing, data, out, sealed);
    for (; size - done >= STEP; done += STEP) {
        struct gcm_wide_product sum = gcm_wide_zero();
        counter = begin_masks(masks, counter, keys[0]);
#pragma GCC unroll 16
        for (int i = 1; i < AES_ROUNDS; i++) {
            round_of_all(masks, keys[i]);
            if (i % 3 == 1 && i / 3 < REGISTERS)
                hash_part(gcm, &sum, i / 3, hash, sealed[i / 3]);
        }
        hash = gcm_wide_sum(gcm_wide_reduce(&sum));
        end_masks(masks, keys[AES_ROUNDS], is_sealing, data + done, out + done, sealed);
    }
    struct gcm_wide_product sum = gcm_wide_zero();
#pragma GCC unroll 16
    for (int i = 0; i < REGISTERS; i++)
        hash_part(gcm, &sum, i, hash, sealed[i]);
    gcm_store(gcm->hash, gcm_wide_sum(gcm_wide_reduce(&sum)));
    gcm_store(gcm->counter, _mm512_castsi512_si128(counter));
    return done;
}

/* At most one register. */
TARGET_VAES_AVX512 static void crypt_register(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size, uint8_t *out)
{
    const size_t count = (size + AES_BLOCK - 1) / AES_BLOCK;
    const __mmask64 bytes = ~(__mmask64)0 >> (GCM_WIDTH - size);
    const __m512i counter = gcm_wide_counter(gcm), block = _mm512_maskz_loadu_epi8(bytes, data);
    const __m512i crypted = _mm512_maskz_mov_epi8(bytes, _mm512_xor_si512(block, gcm_wide_mask(gcm, counter)));
    _mm512_mask_storeu_epi8(out, bytes, crypted);
    gcm_store(gcm->hash, hash_register(gcm, gcm_load(gcm->hash), is_sealing ? crypted : block, count));
    gcm_store(gcm->counter, _mm_add_epi32(_mm512_castsi512_si128(counter), _mm_cvtsi32_si128((int)count)));
}

/* The upper sixteen registers, which nothing clears on return. */
TARGET_VAES_AVX512 static inline void wipe_registers(void)
{
    __asm__ volatile(".irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
                     "vpxord %%zmm\\register, %%zmm\\register, %%zmm\\register\n\t"
                     ".endr" ::
                         : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
                           "xmm28", "xmm29", "xmm30", "xmm31");
}

TARGET_VAES_AVX512 static void carry_on(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size, uint8_t *out)
{
    gcm->size += size;
    size_t done = is_sealing ? crypt_steps(gcm, true, data, size, out) : crypt_steps(gcm, false, data, size, out);
    for (size_t piece; done < size; done += piece) {
        piece = size - done < GCM_WIDTH ? size - done : GCM_WIDTH;
        crypt_register(gcm, is_sealing, data + done, piece, out + done);
    }
    wipe_registers();
}

static int seal(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size,
                uint8_t *out)
{
    return gcm_x86_seal(carry_on, state, nonce, aad, aad_size, data, size, out);
}

static int open_sealed(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *sealed,
                       size_t sealed_size, uint8_t *out)
{
    return gcm_x86_open(carry_on, state, nonce, aad, aad_size, sealed, sealed_size, out);
}

static const struct gcm_pieces pieces = {gcm_x86_begin_message, carry_on, gcm_x86_finish_message};

const struct gcm_row gcm_row_x86_vaes_avx512 = {
    "x86-vaes-avx512", GCM_X86_VAES_AVX512_NEEDS,
    gcm_x86_begin, seal, open_sealed, gcm_x86_discard, &pieces,
};
#endif
