/*
 * The digests of a stream, carried on together.
 */
#ifndef ENGINE_STREAM_DIGESTS_H
#define ENGINE_STREAM_DIGESTS_H

#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/row.h"
#include "lanes/combiner.h"

struct digests {
    uint32_t set;    /* bit i: algorithm i is computed */
    uint32_t shared; /* those that can be hashed in lanes with other streams' */
    struct lane_member member;
    size_t ahead; /* bytes of which the shared digests are known, and that digests_seal() is still to see */
    union digest_state states[ENGINE_ALGORITHM_COUNT];
    uint8_t results[ENGINE_ALGORITHM_COUNT][ENGINE_DIGEST_SIZE_MAX]; /* valid once finished */
};

int digests_begin(struct digests *digests, uint32_t set);

/* Take a buffer of bytes. */
int digest_span(struct digests *digests, const uint8_t *data, size_t size);

/* Whether so many streams digest just now that it pays to meet them less often, with more bytes. */
bool digests_in_company(const struct digests *digests);

/* Take bytes into the shared digests before they are sealed: those behind all that digests_seal() was given, and all that was taken ahead
 * before. The other digests are left to digests_seal(), which has the bytes near when it computes them. */
int digests_go_ahead(struct digests *digests, const uint8_t *data, size_t size);

/* Take bytes into all digests that have not seen them yet, and seal them as one message, as gcm_row's seal() does. They begin at a block of 64 bytes. */
int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                 const uint8_t *data, size_t size, uint8_t *out);

int digests_finish(struct digests *digests);

/* Allowed at any time, and twice. */
void digests_discard(struct digests *digests);

#endif
