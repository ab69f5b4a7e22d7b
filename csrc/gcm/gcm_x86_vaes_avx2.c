/*
 * AES-256-GCM by VAES and VPCLMULQDQ in registers of 256 bits, for processors without AVX-512. What is less than a step
 * is left to the narrower row.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include "gcm/gcm.h"
#include "gcm/gcm_x86_avx2.h"

TARGET_VAES_AVX2 static size_t seal_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    return gcm_pair_seal_steps(gcm, NULL, data, size, out);
}

/* Open all full steps. Each is hashed while it is decrypted. Returns how many bytes they were. */
TARGET_VAES_AVX2 static size_t open_steps(struct gcm_x86 *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    __m256i masks[GCM_PAIRS];
    size_t done = 0;
    for (; size - done >= GCM_PAIRS_STEP; done += GCM_PAIRS_STEP) {
        gcm_pair_make_masks(gcm, masks, data + done);
        gcm_pair_end_masks(gcm, masks, NULL, data + done, out + done);
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
    "x86-vaes-avx2", GCM_X86_VAES_AVX2_NEEDS, gcm_x86_begin, seal, open_sealed, gcm_x86_discard, &pieces,
};
#endif
