/*
 * The state of AES-256-GCM on x86-64: a prepared key, and one message. Rows differ in how they work through the bytes
 * of a message; the begin and the end are shared, so that the fused pass can take the bytes of a message too.
 *
 * The mathematics are in gcm_x86.h, since most files that hold a key need no intrinsics, which are slow to compile.
 */
#ifndef ENGINE_GCM_GCM_X86_STATE_H
#define ENGINE_GCM_GCM_X86_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/target.h"

enum {
    AES_BLOCK = 16,
    AES_ROUNDS = 14,
    GCM_POWERS = 16,
    GCM_POWERS_ROOM = GCM_POWERS + 3 /* the last can be loaded four at a time, with zeros behind */
};

/* All of it is secret. Keys and powers are operands of SSE instructions, so they must be aligned. */
struct gcm_x86 {
    _Alignas(AES_BLOCK) uint8_t round_keys[AES_ROUNDS + 1][AES_BLOCK];
    _Alignas(AES_BLOCK) uint8_t powers[GCM_POWERS_ROOM][AES_BLOCK]; /* multiplied by x; H^16 first, H last */
    /* The current message. The blocks of counter and hash are kept reversed, as numbers. */
    uint8_t counter[AES_BLOCK]; /* of the next block */
    uint8_t hash[AES_BLOCK];
    uint8_t mask[AES_BLOCK]; /* of the tag */
    uint64_t aad_size, size;
};

/* Encrypt or decrypt the next `size` bytes of a message, a multiple of AES_BLOCK except at its end. `out` may be
 * `data`. */
typedef void gcm_x86_crypt(struct gcm_x86 *gcm, bool is_sealing, const uint8_t *data, size_t size, uint8_t *out);

/* How a message is processed piece by piece. */
struct gcm_pieces {
    void (*begin)(struct gcm_x86 *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size);
    gcm_x86_crypt *carry_on;
    void (*finish)(struct gcm_x86 *gcm, uint8_t *tag);
};

#if defined(TARGET_X86_64)
void gcm_x86_prepare(struct gcm_x86 *gcm, const uint8_t *key);
void gcm_x86_begin_message(struct gcm_x86 *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size);
void gcm_x86_finish_message(struct gcm_x86 *gcm, uint8_t *tag);
#endif

#endif
