/*
 * AES-256-GCM by VAES and VPCLMULQDQ in registers of 512 bits.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include "cpu/features.h"
#include "gcm/gcm.h"
#include "gcm/gcm_x86_avx512.h"

/* Hash `count` blocks, at most four; behind them are zeros. */
TARGET_VAES_AVX512 static inline __m128i hash_register(const struct gcm_x86 *gcm, __m128i hash, __m512i sealed,
                                                       size_t count)
{
    struct gcm_wide_product sum = gcm_wide_zero();
    const __m512i blocks = _mm512_xor_si512(gcm_wide_reverse(sealed), _mm512_zextsi128_si512(hash));
    gcm_wide_add_product(&sum, blocks, _mm512_loadu_si512(gcm->powers[GCM_POWERS - count]));
    return gcm_wide_sum(gcm_wide_reduce(&sum));
}

/* Encrypt or decrypt at most one register. */
TARGET_VAES_AVX512 static void crypt_register(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size,
                                              uint8_t *out)
{
    const size_t count = (size + AES_BLOCK - 1) / AES_BLOCK;
    const __mmask64 bytes = ~(__mmask64)0 >> (GCM_WIDTH - size);
    const __m512i counter = gcm_wide_counter(gcm), block = _mm512_maskz_loadu_epi8(bytes, data);
    const __m512i crypted = _mm512_maskz_mov_epi8(bytes, _mm512_xor_si512(block, gcm_wide_mask(gcm, counter)));
    _mm512_mask_storeu_epi8(out, bytes, crypted);
    gcm_store(gcm->hash, hash_register(gcm, gcm_load(gcm->hash), is_sealing ? crypted : block, count));
    gcm_store(gcm->counter, _mm_add_epi32(_mm512_castsi512_si128(counter), _mm_cvtsi32_si128((int)count)));
}

TARGET_VAES_AVX512 static void carry_on(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size,
                                        uint8_t *out)
{
    gcm->size += size;
    size_t done = is_sealing ? gcm_wide_crypt_steps(gcm, true, NULL, data, size, out)
                             : gcm_wide_crypt_steps(gcm, false, NULL, data, size, out);
    for (size_t piece; done < size; done += piece) {
        piece = size - done < GCM_WIDTH ? size - done : GCM_WIDTH;
        crypt_register(gcm, is_sealing, data + done, piece, out + done);
    }
    gcm_wide_wipe();
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

const struct gcm_row gcm_row_x86_vaes_avx512 = {
    "x86-vaes-avx512", GCM_X86_VAES_AVX512_NEEDS, gcm_x86_begin, seal, open_sealed, gcm_x86_discard, &pieces,
};
#endif
