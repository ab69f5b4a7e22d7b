/*
 * The members of a crowd are counted, never listed. A member that is expected back carries the epoch in which it was
 * counted; a new epoch forgets all of them at once.
 */
#include "lanes/crowd.h"

#include <time.h>

#include "lanes/lanes.h"

/* In nanoseconds. An idle processor of a virtual machine wakes a thread in 0.1 to 0.2 ms, and a member that seals 1
 * MiB before it returns takes as long. Patience is a few times that. */
enum { PATIENCE = 500 * 1000, LIMIT = 6 /* times the time that it takes alone */, FAILURES_MAX = 4 };

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void crowd_clear(struct crowd *crowd)
{
    *crowd = (struct crowd){
        .digests = crowd->digests,
        .pays = crowd->pays,
        .block_alone = crowd->block_alone,
        .width = crowd->width,
        .epoch = crowd->epoch + 1,
    };
}

int64_t crowd_arrive(struct crowd *crowd, struct lane_member *member, size_t blocks)
{
    crowd_leave(crowd, member);
    crowd->arrived = now();
    return crowd->arrived + LIMIT * crowd->block_alone * (int64_t)blocks;
}

void crowd_depart(struct crowd *crowd, struct lane_member *member)
{
    crowd->running--;
    crowd->expected++;
    crowd->arrived = now();
    member->is_expected = true;
    member->epoch = crowd->epoch;
}

void crowd_leave(struct crowd *crowd, struct lane_member *member)
{
    if (member->is_expected && member->epoch == crowd->epoch)
        crowd->expected--;
    member->is_expected = false;
}

bool crowd_is_large(const struct crowd *crowd, int slots, int coming)
{
    return crowd->waiting + crowd->running + crowd->expected + coming >= crowd->pays * slots;
}

int crowd_share(const struct crowd *crowd, int slots)
{
    const int whole = (crowd->waiting + crowd->running + crowd->expected) / slots / LANES_A_GROUP * LANES_A_GROUP;
    const int share = whole < LANES_A_GROUP ? LANES_A_GROUP : whole;
    return share < crowd->width ? share : crowd->width;
}

static bool gathers(const struct crowd *crowd, int slots)
{
    return crowd_is_large(crowd, slots, 0) && crowd->starts == 0 && crowd->waiting < crowd_share(crowd, slots) &&
           crowd->expected + crowd->running > 0;
}

static int64_t end_of_patience(const struct crowd *crowd)
{
    return crowd->arrived + PATIENCE;
}

/* While members' bytes are being hashed, only the limit counts: they will return. */
int64_t crowd_deadline(const struct crowd *crowd, int64_t limit)
{
    return crowd->running > 0 || limit < end_of_patience(crowd) ? limit : end_of_patience(crowd);
}

bool crowd_may_start(const struct crowd *crowd, int slots, int64_t limit)
{
    return !gathers(crowd, slots) || now() >= crowd_deadline(crowd, limit);
}

/* Whether nobody arrived any more, or none but the one that waits until its limit, or most members did not. */
static bool is_abandoned(const struct crowd *crowd)
{
    const int here = crowd->waiting + crowd->running;
    return (crowd->running == 0 && now() >= end_of_patience(crowd)) || here == 1 || crowd->expected > here;
}

bool crowd_start(struct crowd *crowd, int slots)
{
    const bool is_in_vain = gathers(crowd, slots) && is_abandoned(crowd);
    if (is_in_vain) {
        crowd->expected = 0;
        crowd->epoch++;
        crowd->starts = 1 << crowd->failures;
        crowd->failures += crowd->failures < FAILURES_MAX;
    } else if (crowd->starts > 0) {
        crowd->starts--;
    } else {
        crowd->failures = 0;
    }
    return is_in_vain;
}
