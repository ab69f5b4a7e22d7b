/*
 * Streams that want the same digests, so that they can share lanes: how many there are, and whether it pays to wait until all are there.
 *
 * A crowd large enough gathers: who comes waits while members of the last rounds are out, but not for long if nobody comes, and not for
 * longer than a few times what hashing alone would take, so that small pieces do not wait for large ones. If nobody came any more, or most did
 * not, those that are out are forgotten until they come; a crowd that so failed to gather starts without gathering for a while.
 * Everything here happens under the combiner's mutex.
 */
#ifndef ENGINE_LANES_CROWD_H
#define ENGINE_LANES_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is remembered of a stream, in the stream. All zero: it has not come yet. */
struct lane_member {
    int crowd;      /* index */
    uint64_t epoch; /* in which it was last counted */
    bool is_out;    /* counted, and expected back if the epoch is still the same */
    bool has_slot;  /* to be given back when it goes out */
};

struct crowd {
    uint32_t digests; /* ENGINE_DIGEST_* bits */
    int pays;         /* fewer are faster by their single rows */
    int block_alone;  /* nanoseconds that a block takes by those, about */
    int width;        /* of the widest row; 0: there is none */
    int waiting;      /* members in the queue */
    int running;      /* members whose bytes are being hashed */
    int out;          /* members elsewhere: they were here in this epoch */
    uint64_t epoch;
    int64_t arrived; /* when the last one came, or went out; in nanoseconds */
    int failures;    /* gatherings in a row that ended for want of patience */
    int starts;      /* without gathering, before the next is tried */
};

/* Nobody is here or expected; members counted before are not known any more. */
void crowd_clear(struct crowd *crowd);

/* Returns until when a member with so many blocks waits for others. */
int64_t crowd_come(struct crowd *crowd, struct lane_member *member, size_t blocks);
void crowd_go_out(struct crowd *crowd, struct lane_member *member);
void crowd_part(struct crowd *crowd, struct lane_member *member);

/* Whether lanes do the work of a crowd sooner than all processors would by single rows; `coming` are not counted yet. */
bool crowd_is_large(const struct crowd *crowd, int slots, int coming);

/* How many hash together at most: whole groups of lanes, one, or more if that leaves as many to each of the other slots. */
int crowd_share(const struct crowd *crowd, int slots);

/* Whether one of those that wait may start now, on a machine of so many slots; one of them waits for others until `limit`, none for less. */
bool crowd_may_start(const struct crowd *crowd, int slots, int64_t limit);

/* Unless it may start before: when it may. */
int64_t crowd_deadline(const struct crowd *crowd, int64_t limit);

/* One of those that wait starts. True if others were waited for in vain. */
bool crowd_start(struct crowd *crowd, int slots);

#endif
