/*
 * A segment can be sealed only when it is known whether another follows, so one is held back. It is digested in the
 * same pass, not before. In a long run of bytes only the last segment is copied; the others are sealed where they lie.
 *
 * Each segment is written by itself. Groups of four would need fewer writes, which saves about 4 % of the processor's
 * time, but 192 KiB more for each of the uploads in flight, of which there may be hundreds: with all that Python holds
 * for it, one is to take less than 256 KiB.
 */
#include "sealed/sealer.h"

#include <string.h>

#include "common/assert.h"
#include "keys/pages.h"

enum { OUT_SIZE = HEADER_SIZE + SEALED_SEGMENT_SIZE };

struct sealer { /* keys come first */
    struct part_key part;
    struct gcm gcm; /* wiped between calls */
    uint32_t index; /* of the next segment */
    size_t held;    /* bytes of plaintext in `segment` */
    size_t filled;  /* sealed bytes in `out` */
    uint8_t segment[SEGMENT_SIZE];
    uint8_t out[OUT_SIZE];
};

_Static_assert(offsetof(struct sealer, segment) <= KEY_ROOM, "keys are wiped");

void sealer_wipe_key(struct sealer *sealer)
{
    gcm_wipe(&sealer->gcm);
}

void sealer_close(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    sealer_wipe_key(sealer);
    secret_pages_give_back(sealer, sizeof *sealer);
}

int sealer_open(struct sealer **opened, const engine_key *upload_key, uint32_t part_number)
{
    struct sealer *const sealer = *opened = secret_pages_take(sizeof *sealer);
    if (sealer == NULL)
        return ENGINE_E_MEMORY;
    const int status = part_key_new(&sealer->part, upload_key, part_number);
    if (status != ENGINE_OK) {
        sealer_close(sealer);
        *opened = NULL;
        return status;
    }
    memcpy(sealer->out, sealer->part.header, HEADER_SIZE);
    sealer->filled = HEADER_SIZE;
    return ENGINE_OK;
}

size_t sealer_room(const struct sealer *sealer)
{
    return sealer->held < SEGMENT_SIZE ? SEGMENT_SIZE - sealer->held : SEGMENT_SIZE;
}

static int flush(struct sealer *sealer, struct sink *sink, struct engine_report *report)
{
    const int status = sink_write(sink, sealer->out, sealer->filled, report);
    sealer->filled = 0;
    return status;
}

static int seal(struct sealer *sealer, const uint8_t *data, size_t size, bool is_last, struct digests *digests,
                struct sink *sink, struct engine_report *report)
{
    int status = ENGINE_OK;
    ENGINE_ASSERT(sealer->index < UINT32_MAX); /* 256 TiB, far past any part of S3's */
    if (sealer->filled + size + ENGINE_TAG_SIZE > OUT_SIZE)
        status = flush(sealer, sink, report);
    if (status == ENGINE_OK)
        status = part_key_seal_digested(&sealer->part, &sealer->gcm, sealer->index++, is_last, digests, data, size,
                                        sealer->out + sealer->filled);
    sealer->filled += size + ENGINE_TAG_SIZE;
    return status;
}

static int seal_held(struct sealer *sealer, bool is_last, struct digests *digests, struct sink *sink,
                     struct engine_report *report)
{
    const size_t held = sealer->held;
    sealer->held = 0;
    return seal(sealer, sealer->segment, held, is_last, digests, sink, report);
}

int sealer_digest_ahead(const struct sealer *sealer, struct digests *digests)
{
    ENGINE_ASSERT(digests->ahead <= sealer->held);
    return digests_go_ahead(digests, sealer->segment + digests->ahead, sealer->held - digests->ahead);
}

int sealer_take(struct sealer *sealer, const uint8_t *data, size_t size, bool more_follows, struct digests *digests,
                struct sink *sink, struct engine_report *report)
{
    ENGINE_ASSERT(size <= sealer_room(sealer));
    const int status = sealer->held == SEGMENT_SIZE ? seal_held(sealer, false, digests, sink, report) : ENGINE_OK;
    if (status != ENGINE_OK)
        return status;
    if (size == SEGMENT_SIZE && more_follows)
        return seal(sealer, data, size, false, digests, sink, report);
    memcpy(sealer->segment + sealer->held, data, size);
    sealer->held += size;
    return ENGINE_OK;
}

int sealer_finish(struct sealer *sealer, struct digests *digests, struct sink *sink, struct engine_report *report)
{
    int status = seal_held(sealer, true, digests, sink, report);
    if (status == ENGINE_OK)
        status = flush(sealer, sink, report);
    sealer_wipe_key(sealer);
    return status;
}
