/*
 * Computes all digests of a stream together.
 */
#ifndef ENGINE_STREAM_DIGESTS_H
#define ENGINE_STREAM_DIGESTS_H

#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/row.h"
#include "lanes/combiner.h"

struct digests {
    uint32_t set;    /* bit i: algorithm i is computed */
    uint32_t shared; /* those that can be hashed in lanes with other streams */
    struct lane_member member;
    size_t ahead; /* bytes the shared digests took before digests_seal() gets them */
    union digest_state states[ENGINE_ALGORITHM_COUNT];
    uint8_t results[ENGINE_ALGORITHM_COUNT][ENGINE_DIGEST_SIZE_MAX]; /* valid once finished */
};

int digests_begin(struct digests *digests, uint32_t set);

/* Take bytes into all digests. */
int digest_span(struct digests *digests, const uint8_t *data, size_t size);

/* Whether so many streams digest at present that it pays to meet them less often, with more bytes. */
bool digests_in_company(const struct digests *digests);

/* Take bytes into the shared digests before they are sealed: the bytes that follow all that digests_seal() was given
 * and all that was taken ahead before. The other digests take them in digests_seal(), which then has the bytes near. */
int digests_go_ahead(struct digests *digests, const uint8_t *data, size_t size);

/* Take bytes into all digests that have not seen them yet, and seal them as one message, as gcm_row's seal() does.
 * The digests must have taken whole blocks of 64 bytes so far. */
int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);

int digests_finish(struct digests *digests);

/* Release everything; allowed at any time, and twice. */
void digests_discard(struct digests *digests);

#endif
