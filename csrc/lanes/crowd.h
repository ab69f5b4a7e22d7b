/*
 * A crowd is all streams that want the same digests, so that they can share lanes. This file counts them and decides
 * whether waiting for more of them pays.
 *
 * A crowd large enough gathers: a member that arrives waits while members of the last rounds have not returned. It does
 * not wait long if nobody arrives, and never longer than a few times what hashing alone would take, so that small
 * pieces do not wait for large ones. If members did not return in time, stop expecting them; after such a failure, skip
 * gathering for a few rounds. Everything here happens under the combiner's mutex.
 */
#ifndef ENGINE_LANES_CROWD_H
#define ENGINE_LANES_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the crowd remembers of a stream, kept in the stream. All zero means that it has not arrived yet. */
struct lane_member {
    int crowd;        /* index */
    uint64_t epoch;   /* the epoch in which it was last counted */
    bool is_expected; /* expected back, if the epoch is still the same */
    bool has_slot;    /* has a slot to give back when its turn ends */
};

struct crowd {
    uint32_t digests; /* ENGINE_DIGEST_* bits */
    int pays;         /* with fewer members, each by itself is faster */
    int block_alone;  /* nanoseconds that a member by itself takes for a block, about */
    int width;        /* lanes of the widest row; 0 if lanes never pay */
    int waiting;      /* members in the queue */
    int running;      /* members whose bytes are being hashed */
    int expected;     /* members expected back: they departed in this epoch */
    uint64_t epoch;
    int64_t arrived; /* when a member last arrived or left, in nanoseconds */
    int failures;    /* consecutive gatherings that ran out of patience */
    int starts;      /* starts still to come without gathering */
};

/* Forget all members, present and expected. */
void crowd_clear(struct crowd *crowd);

/* Count a member that arrives with so many blocks. Returns the time at which it stops waiting for others. */
int64_t crowd_arrive(struct crowd *crowd, struct lane_member *member, size_t blocks);

/* Count a member whose bytes have been hashed: it is expected back. */
void crowd_depart(struct crowd *crowd, struct lane_member *member);

/* Stop expecting a member. */
void crowd_leave(struct crowd *crowd, struct lane_member *member);

/* Whether lanes do the work of the crowd sooner than all processors would with each member by itself. `coming` members
 * are about to arrive and not counted yet. */
bool crowd_is_large(const struct crowd *crowd, int slots, int coming);

/* Return how many members hash together at most: whole groups of lanes; more than one only if that leaves as many to
 * each of the other slots. */
int crowd_share(const struct crowd *crowd, int slots);

/* Whether a waiting member may start now, on a machine of so many slots. `limit` is the earliest time at which one
 * of them stops waiting. */
bool crowd_may_start(const struct crowd *crowd, int slots, int64_t limit);

/* Return the time at which it may start, unless it may start before. */
int64_t crowd_deadline(const struct crowd *crowd, int64_t limit);

/* Count a start. Returns true if the crowd gathered in vain. */
bool crowd_start(struct crowd *crowd, int slots);

#endif
