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
    uint32_t set;                     /* bit i: algorithm i is computed */
    const struct fused_row *together; /* computes some of them in one go; NULL: there is none that does */
    const struct fused_row *sealing;  /* the same for bytes that are sealed too */
    uint32_t shared;                  /* those that can be hashed in lanes with other streams' */
    struct lane_member member;
    size_t ahead;                     /* bytes digested that digests_seal() is still to see */
    union digest_state states[ENGINE_ALGORITHM_COUNT];
    uint8_t results[ENGINE_ALGORITHM_COUNT][ENGINE_DIGEST_SIZE_MAX]; /* valid once finished */
};

int digests_begin(struct digests *digests, uint32_t set);

/* Take a buffer of bytes. */
int digest_span(struct digests *digests, const uint8_t *data, size_t size);

/* Whether so many streams digest just now that it pays to meet them less often, with more bytes. */
bool digests_in_company(const struct digests *digests);

/* Take bytes before they are sealed: those behind all that digests_seal() was given, and all that was taken ahead before. */
int digests_go_ahead(struct digests *digests, const uint8_t *data, size_t size);

/* Take bytes, but for those that were taken ahead, and seal them as one message, as gcm_row's seal() does. They begin at a block of 64 bytes. */
int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                 const uint8_t *data, size_t size, uint8_t *out);

int digests_finish(struct digests *digests);

/* Allowed at any time, and twice. */
void digests_discard(struct digests *digests);

#endif
