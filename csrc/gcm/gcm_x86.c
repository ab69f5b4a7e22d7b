/*
 * What the rows of AES-256-GCM on x86-64 have in common: the key schedule, the powers of H, the begin and end of a
 * message.
 *
 * Source: FIPS 197 5.2.
 */
#include "gcm/gcm_x86.h"

#if defined(TARGET_X86_64)
#include <openssl/crypto.h>

#include "gcm/gcm.h"

/* Each word of the key becomes the sum of itself and the words before it; `core` is added to all. */
TARGET_AESNI static inline __m128i next_round_key(__m128i key, __m128i core)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, core);
}

#define EXPAND_TWO(i, round_constant)                                                                         \
    do {                                                                                                      \
        even = next_round_key(even, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, round_constant), 0xff)); \
        gcm_store(keys[i], even);                                                                             \
        if ((i) < AES_ROUNDS) {                                                                               \
            odd = next_round_key(odd, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));           \
            gcm_store(keys[(i) + 1], odd);                                                                    \
        }                                                                                                     \
    } while (0)

TARGET_AESNI static void expand_key(uint8_t keys[AES_ROUNDS + 1][AES_BLOCK], const uint8_t *key)
{
    __m128i even = gcm_load(key), odd = gcm_load(key + AES_BLOCK);
    gcm_store(keys[0], even);
    gcm_store(keys[1], odd);
    EXPAND_TWO(2, 0x01);
    EXPAND_TWO(4, 0x02);
    EXPAND_TWO(6, 0x04);
    EXPAND_TWO(8, 0x08);
    EXPAND_TWO(10, 0x10);
    EXPAND_TWO(12, 0x20);
    EXPAND_TWO(14, 0x40);
}

/* The bit that is shifted out stands for x^128. */
TARGET_AESNI static __m128i times_x(__m128i number)
{
    const __m128i carries = _mm_srli_epi64(number, 63);
    const __m128i shifted = _mm_or_si128(_mm_slli_epi64(number, 1), _mm_slli_si128(carries, 8));
    const __m128i is_out = _mm_sub_epi64(_mm_setzero_si128(), _mm_shuffle_epi32(carries, 0xee));
    return _mm_xor_si128(shifted, _mm_and_si128(is_out, _mm_set_epi64x((long long)GCM_REDUCER_HIGH, 1)));
}

TARGET_AESNI void gcm_x86_prepare(struct gcm_x86 *gcm, const uint8_t *key)
{
    memset(gcm, 0, sizeof *gcm);
    expand_key(gcm->round_keys, key);
    const __m128i h = times_x(gcm_reverse(gcm_encrypt(gcm, _mm_setzero_si128())));
    __m128i power = h;
    for (int i = GCM_POWERS - 1; i >= 0; i--) {
        gcm_store(gcm->powers[i], power);
        power = gcm_multiply(power, h);
    }
}

TARGET_AESNI void gcm_x86_begin_message(struct gcm_x86 *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size)
{
    uint8_t first[AES_BLOCK] = {[AES_BLOCK - 1] = 1};
    memcpy(first, nonce, ENGINE_NONCE_SIZE);
    gcm_store(gcm->mask, gcm_encrypt(gcm, gcm_load(first)));
    gcm_store(gcm->counter, _mm_add_epi32(gcm_reverse(gcm_load(first)), _mm_cvtsi32_si128(1)));
    gcm->aad_size = aad_size;
    gcm->size = 0;

    __m128i hash = _mm_setzero_si128();
    for (; aad_size >= AES_BLOCK; aad += AES_BLOCK, aad_size -= AES_BLOCK)
        hash = gcm_hash_block(gcm, hash, gcm_load(aad));
    if (aad_size > 0)
        hash = gcm_hash_block(gcm, hash, gcm_load_part(aad, aad_size));
    gcm_store(gcm->hash, hash);
}

TARGET_AESNI void gcm_x86_finish_message(struct gcm_x86 *gcm, uint8_t *tag)
{
    const __m128i sizes = _mm_set_epi64x((long long)(gcm->aad_size * 8), (long long)(gcm->size * 8));
    const __m128i hash = gcm_multiply(_mm_xor_si128(gcm_load(gcm->hash), sizes), gcm_load(gcm_powers_for(gcm, 1)));
    gcm_store(tag, _mm_xor_si128(gcm_reverse(hash), gcm_load(gcm->mask)));
}

int gcm_x86_begin(union gcm_state *state, const uint8_t *key)
{
    gcm_x86_prepare(&state->x86, key);
    return ENGINE_OK;
}

int gcm_x86_seal(gcm_x86_crypt *crypt, union gcm_state *state, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    gcm_x86_begin_message(&state->x86, nonce, aad, aad_size);
    crypt(&state->x86, true, data, size, out);
    gcm_x86_finish_message(&state->x86, out + size);
    return ENGINE_OK;
}

int gcm_x86_open(gcm_x86_crypt *crypt, union gcm_state *state, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    const size_t size = sealed_size - ENGINE_TAG_SIZE;
    uint8_t tag[ENGINE_TAG_SIZE];
    gcm_x86_begin_message(&state->x86, nonce, aad, aad_size);
    crypt(&state->x86, false, sealed, size, out);
    gcm_x86_finish_message(&state->x86, tag);
    if (CRYPTO_memcmp(tag, sealed + size, sizeof tag) == 0)
        return ENGINE_OK;
    OPENSSL_cleanse(out, size);
    return ENGINE_E_SEALED_DAMAGED;
}

/* Round keys would stay in registers until other code needs those, and a core dump has the registers of all threads. */
static void wipe_registers(void)
{
    __asm__ volatile(".irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
                     "pxor %%xmm\\register, %%xmm\\register\n\t"
                     ".endr" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

void gcm_x86_discard(union gcm_state *state)
{
    OPENSSL_cleanse(&state->x86, sizeof state->x86);
    wipe_registers();
}
#endif
