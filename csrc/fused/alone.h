/*
 * All that is wanted of a stream's bytes, by itself: in a fused pass where a row can. What no row fuses follows one by
 * one, in short steps, so that it finds the bytes in a near cache.
 */
#ifndef ENGINE_FUSED_ALONE_H
#define ENGINE_FUSED_ALONE_H

#include "fused/fused.h"

/* Carry the digests in `which` on. `states` has the states of all algorithms, by index. */
int alone_digest(union digest_state *states, uint32_t which, const uint8_t *data, size_t size);

/* Do the same, and seal the bytes as one message, as gcm_row's seal() does. MD5 must have taken whole blocks so far. */
int alone_seal(union digest_state *states, uint32_t which, union gcm_state *gcm, const uint8_t *nonce,
               const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);

/* Carry each digest on by its own row. */
int alone_digest_apart(union digest_state *states, uint32_t which, const uint8_t *data, size_t size);

#endif
