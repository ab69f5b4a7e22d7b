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

/* How many bytes the next sealer_take() takes at most, at least one: up to the end of a segment. */
size_t sealer_room(const struct sealer *sealer);

/* Digest what is held back now, and not with its sealing. */
int sealer_digest_ahead(const struct sealer *sealer, struct digests *digests);

/* Take bytes; `more_follows` promises that more come before sealer_rest(), and spares a copy. */
int sealer_take(struct sealer *sealer, const uint8_t *data, size_t size, bool more_follows, struct digests *digests, struct sink *sink,
                struct engine_report *report);

/* Leave nothing of the key in ordinary memory until the next bytes come. */
void sealer_rest(struct sealer *sealer);

/* Write what is held back, marked as the last; then the digests have seen every byte. */
int sealer_finish(struct sealer *sealer, struct digests *digests, struct sink *sink, struct engine_report *report);

#endif
