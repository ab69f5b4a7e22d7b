/*
 * Lets streams of different threads hash together, without a thread of its own: a thread that comes with a buffer while
 * all processors hash waits in a queue, and one of those that wait hashes the bytes of all in lanes.
 *
 * Its state is the one exception to the rule that only handles hold mutable state, since threads meet in it. One mutex
 * guards it, which is never held while bytes are hashed. Between two calls of a stream it keeps only counts, and a
 * forked child starts afresh.
 */
#ifndef ENGINE_LANES_COMBINER_H
#define ENGINE_LANES_COMBINER_H

#include "lanes/crowd.h"
#include "lanes/lanes.h"

enum {
    COMBINER_SEATS = 64,          /* threads that can wait at once; others hash by themselves */
    COMBINER_QUANTUM = 64 * 1024, /* bytes of a lane before the holder looks who ended and who came */
    COMBINER_QUANTUM_BLOCKS = COMBINER_QUANTUM / LANE_BLOCK
};

/* Called once, by engine_init(), when the worth of lanes is known. */
void combiner_init(void);

/* Return these digests, MD5 or SHA-256 or both, if lanes of them are worth it here; else 0. For only a part of them
 * lanes are never entered: what one fused pass computes would be taken apart for it. */
uint32_t combiner_digests(uint32_t digests);

/* Whether so many streams want these digests, as combiner_digests() returned them, that they share lanes. */
bool combiner_is_crowded(uint32_t digests);

/* Hash the job in lanes, together with others. The job's digests are a value of combiner_digests() other than 0.
 * Returns true if the job is done. Returns false if too few others are there: then the caller has a turn to hash up
 * to COMBINER_QUANTUM bytes by itself, from where the job stands now, and ends it with combiner_end_turn(). */
bool combiner_take(struct lane_member *member, struct lane_job *job);
void combiner_end_turn(struct lane_member *member);

/* Forget the stream, which will not come again. Allowed twice, and at any time outside of the calls above. */
void combiner_leave(struct lane_member *member);

#endif
