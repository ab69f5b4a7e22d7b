/*
 * Encrypts the bytes of one part on their way to the sink, and digests each segment as it is sealed.
 */
#ifndef ENGINE_SEALED_SEALER_H
#define ENGINE_SEALED_SEALER_H

#include "sealed/part_key.h"
#include "stream/sink.h"

struct sealer;

int sealer_open(struct sealer **sealer, const engine_key *upload_key, uint32_t part_number);

/* Wipe and release; NULL is allowed. */
void sealer_close(struct sealer *sealer);

/* Return how many bytes the next sealer_take() takes at most: up to the end of a segment, at least one. */
size_t sealer_room(const struct sealer *sealer);

/* Digest the held plaintext now instead of when it is sealed. */
int sealer_digest_ahead(const struct sealer *sealer, struct digests *digests);

/* Take bytes. `more_follows` promises that more come before sealer_wipe_key(), which spares a copy. */
int sealer_take(struct sealer *sealer, const uint8_t *data, size_t size, bool more_follows, struct digests *digests,
                struct sink *sink, struct engine_report *report);

/* Wipe the prepared key from ordinary memory until the next bytes come. */
void sealer_wipe_key(struct sealer *sealer);

/* Seal and write the held plaintext as the last segment; then the digests have seen every byte. */
int sealer_finish(struct sealer *sealer, struct digests *digests, struct sink *sink, struct engine_report *report);

#endif
