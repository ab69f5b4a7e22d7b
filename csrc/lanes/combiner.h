/*
 * Lets streams of different threads hash together, without a thread of its own: whoever comes with a buffer while all processors hash
 * waits in a queue, and one of those that wait takes the bytes of all into lanes.
 *
 * Its state is the one exception to the rule that nothing mutable lies outside the handles: threads meet in it. It is guarded by one
 * mutex, never held while bytes are hashed; it keeps nothing of a stream between two calls but counts, and a forked child starts afresh.
 */
#ifndef ENGINE_LANES_COMBINER_H
#define ENGINE_LANES_COMBINER_H

#include "lanes/crowd.h"
#include "lanes/lanes.h"

enum {
    COMBINER_SEATS = 64,                    /* threads that can wait at once; more hash by themselves */
    COMBINER_QUANTUM = 64 * 1024,           /* bytes of a lane between two looks at who ended and who came */
    COMBINER_QUANTUM_BLOCKS = COMBINER_QUANTUM / LANE_BLOCK
};

void combiner_init(void);

/* What of these digests lanes can take here: all, or MD5 alone, or nothing. */
uint32_t combiner_digests(uint32_t digests);

/* Whether so many streams want these digests, as combiner_digests() says them, that they share lanes. */
bool combiner_is_crowded(uint32_t digests);

/* Hash the job in lanes, together with others; it wants just combiner_digests() of something, not 0. True: it is done. False: nobody is
 * there to share with; the caller has been given the right to hash for a while, does so for up to COMBINER_QUANTUM bytes from where the
 * job stands now, and says combiner_rest(). */
bool combiner_take(struct lane_member *member, struct lane_job *job);
void combiner_rest(struct lane_member *member);

/* The stream will not come again; allowed at any time outside of the calls above, and twice. */
void combiner_part(struct lane_member *member);

#endif
