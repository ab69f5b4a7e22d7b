/*
 * Decides which thread hashes, and which threads wait for others.
 *
 * A few streams do not meet: each hashes by itself, and the system schedules them. Of more streams, as many hash as
 * there are slots, one a processor; the others queue in order of arrival. The holder of a slot hashes in lanes, a
 * quantum at a time, for all members of its crowd that wait, until its own job is done. The longest waiting gets the
 * slot next.
 *
 * That alone would not fill the lanes of one processor: its threads wake one after another, and the first that returns
 * with bytes finds the slot free and nobody waiting. So arriving threads wait for each other (crowd.h), and the last
 * starts.
 */
#include "lanes/combiner.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "common/assert.h"
#include "lanes/worth.h"

enum { CROWDS = 3, BOTH = ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256, ARRIVALS_A_LOOK = 16 };

enum seat_state { SEAT_FREE, SEAT_WAITING, SEAT_CALLED, SEAT_RUNNING, SEAT_DONE };

/* The seat of a thread in combiner_take(). It outlives the call, so that it can be woken after the mutex is
 * released. */
struct seat {
    enum seat_state state;
    pthread_cond_t changed;
    struct crowd *crowd;
    struct lane_member *member;
    struct lane_job *job;
    int64_t limit; /* when it stops waiting for others */
};

static struct {
    pthread_mutex_t mutex;
    struct crowd crowds[CROWDS];
    struct seat seats[COMBINER_SEATS];
    struct seat *queue[COMBINER_SEATS]; /* seats waiting or called, in order of arrival */
    int waiting;
    bool is_calling; /* a seat was called and has not begun */
    int slots;
    int busy; /* slots in use, including that of the called seat */
    unsigned arrivals;
    struct engine_lanes_stats stats;
} combiner = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .crowds = {{.digests = ENGINE_DIGEST_MD5}, {.digests = ENGINE_DIGEST_SHA256}, {.digests = BOTH}},
};

/* Seats to wake once the mutex is released: a thread woken earlier would only go to sleep again. */
struct wakes {
    struct seat *seats[COMBINER_SEATS + CROWDS];
    int count;
};

static void unlock(const struct wakes *wakes)
{
    pthread_mutex_unlock(&combiner.mutex);
    for (int i = 0; i < wakes->count; i++)
        pthread_cond_signal(&wakes->seats[i]->changed);
}

static void wake(struct wakes *wakes, struct seat *seat)
{
    ENGINE_ASSERT(wakes->count < COMBINER_SEATS + CROWDS);
    wakes->seats[wakes->count++] = seat;
}

static void lock(struct wakes *wakes)
{
    pthread_mutex_lock(&combiner.mutex);
    wakes->count = 0;
}

/* Count the processors of the first thread; others may be pinned to one each. Beyond 1024 the system refuses the
 * set. */
static int processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(getpid(), sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Forget everybody: at the start, and in a forked child, which has none of the threads that waited or hashed. */
static void clear(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (int i = 0; i < COMBINER_SEATS; i++) {
        combiner.seats[i].state = SEAT_FREE;
        pthread_cond_init(&combiner.seats[i].changed, &attributes);
    }
    pthread_condattr_destroy(&attributes);
    for (int i = 0; i < CROWDS; i++)
        crowd_clear(&combiner.crowds[i]);
    combiner.waiting = combiner.busy = 0;
    combiner.is_calling = false;
    combiner.slots = processors();
    combiner.arrivals = 0;
    combiner.stats = (struct engine_lanes_stats){0};
}

static void before_fork(void)
{
    pthread_mutex_lock(&combiner.mutex);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&combiner.mutex);
}

static void after_fork_in_child(void)
{
    pthread_mutex_init(&combiner.mutex, NULL);
    clear();
}

void combiner_init(void)
{
    for (int i = 0; i < CROWDS; i++) {
        struct crowd *const crowd = &combiner.crowds[i];
        const struct lanes_worth worth = lanes_worth_of(crowd->digests);
        crowd->pays = worth.pays;
        crowd->block_alone = worth.block_alone;
        crowd->width = worth.pays > 0 ? lanes_chosen_row(crowd->digests, ENGINE_LANES_MAX)->width : 0;
    }
    clear();
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static struct crowd *crowd_for(uint32_t digests)
{
    return &combiner.crowds[digests == ENGINE_DIGEST_MD5 ? 0 : digests == ENGINE_DIGEST_SHA256 ? 1 : 2];
}

uint32_t combiner_digests(uint32_t digests)
{
    ENGINE_ASSERT((digests & ~(uint32_t)BOTH) == 0);
    return digests != 0 && crowd_for(digests)->width > 0 ? digests : 0;
}

bool combiner_is_crowded(uint32_t digests)
{
    pthread_mutex_lock(&combiner.mutex);
    const bool is_large = crowd_is_large(crowd_for(digests), combiner.slots, 0);
    pthread_mutex_unlock(&combiner.mutex);
    return is_large;
}

/* ---- The queue ---- */

static void enqueue(struct seat *seat, int position)
{
    struct seat **const at = combiner.queue + position;
    memmove(at + 1, at, (size_t)(combiner.waiting - position) * sizeof *at);
    *at = seat;
    combiner.waiting++;
    seat->crowd->waiting++;
    seat->state = SEAT_WAITING;
}

static void dequeue(struct seat *seat)
{
    struct seat **at = combiner.queue;
    while (*at != seat)
        at++;
    combiner.waiting--;
    memmove(at, at + 1, (size_t)(combiner.queue + combiner.waiting - at) * sizeof *at);
    seat->crowd->waiting--;
    seat->crowd->running++;
    seat->state = SEAT_RUNNING;
}

/* Return the waiting seat of a crowd that stops waiting for others first. There must be one. */
static struct seat *hastiest(const struct crowd *crowd)
{
    struct seat *found = NULL;
    for (int i = 0; i < combiner.waiting; i++) {
        struct seat *const seat = combiner.queue[i];
        if (seat->crowd == crowd && seat->state == SEAT_WAITING && (found == NULL || seat->limit < found->limit))
            found = seat;
    }
    return found;
}

static bool may_start(const struct crowd *crowd)
{
    return combiner.busy < combiner.slots && crowd_may_start(crowd, combiner.slots, hastiest(crowd)->limit);
}

/* Give a free slot to the first seat that may start. If none may, wake one of each crowd to look at the clock. */
static void call_next(struct wakes *wakes)
{
    uint32_t seen = 0;
    if (combiner.is_calling || combiner.busy >= combiner.slots)
        return;
    for (int i = 0; i < combiner.waiting; i++) {
        struct seat *const seat = combiner.queue[i];
        const uint32_t crowd = 1u << (seat->crowd - combiner.crowds);
        if ((seen & crowd) != 0)
            continue;
        seen |= crowd;
        if (may_start(seat->crowd)) {
            combiner.busy++;
            combiner.is_calling = true;
            seat->state = SEAT_CALLED;
            wake(wakes, seat);
            return;
        }
        wake(wakes, hastiest(seat->crowd));
    }
}

/* ---- Hashing ---- */

struct batch {
    struct seat *seats[ENGINE_LANES_MAX];
    struct lane_job *jobs[ENGINE_LANES_MAX];
    int count;
    size_t blocks;
};

/* Pick the jobs that wait longest, and the holder's own: its seat must not queue while it hashes for others. */
static void pick(const struct seat *own, struct batch *batch)
{
    const int share = crowd_share(own->crowd, combiner.slots);
    int for_own = 1;
    ENGINE_ASSERT(own->state == SEAT_WAITING || own->state == SEAT_CALLED);
    batch->count = 0;
    batch->blocks = COMBINER_QUANTUM_BLOCKS;
    for (int i = 0; i < combiner.waiting; i++) {
        struct seat *const seat = combiner.queue[i];
        if (seat == own)
            for_own = 0;
        else if (seat->crowd != own->crowd || seat->state == SEAT_CALLED || batch->count + for_own == share)
            continue;
        batch->jobs[batch->count] = seat->job;
        batch->seats[batch->count++] = seat;
        batch->blocks = seat->job->blocks < batch->blocks ? seat->job->blocks : batch->blocks;
    }
}

/* Release the seats whose job is done. The others return to the front of the queue, in their order. */
static void settle(const struct batch *batch, const struct seat *own, struct wakes *wakes)
{
    int position = 0;
    for (int i = 0; i < batch->count; i++) {
        struct seat *const seat = batch->seats[i];
        if (seat->job->blocks > 0) {
            seat->crowd->running--;
            enqueue(seat, position++);
            continue;
        }
        crowd_depart(seat->crowd, seat->member);
        seat->state = SEAT_DONE;
        if (seat != own)
            wake(wakes, seat);
    }
}

static void run(const struct batch *batch, const struct seat *own, struct wakes *wakes)
{
    const struct lanes_row *const row = lanes_chosen_row(own->crowd->digests, batch->count);
    for (int i = 0; i < batch->count; i++)
        dequeue(batch->seats[i]);
    combiner.stats.batches++;
    combiner.stats.lanes += (uint64_t)batch->count;
    call_next(wakes);
    unlock(wakes);
    lanes_take(row, batch->jobs, batch->count, batch->blocks);
    lock(wakes);
    settle(batch, own, wakes);
}

/* Holding a slot, hash with the seats that wait, until the own job is done. False, with the slot kept: too few wait. */
static bool hold(struct seat *own, struct wakes *wakes)
{
    combiner.stats.given_up += crowd_start(own->crowd, combiner.slots);
    while (own->state != SEAT_DONE) {
        struct batch batch;
        pick(own, &batch);
        if (batch.count < own->crowd->pays) {
            dequeue(own);
            own->member->has_slot = true;
            combiner.stats.alone++;
            call_next(wakes);
            return false;
        }
        run(&batch, own, wakes);
    }
    combiner.busy--;
    call_next(wakes);
    return true;
}

static void wait(struct seat *seat)
{
    if (seat->state != SEAT_WAITING || combiner.busy >= combiner.slots || hastiest(seat->crowd) != seat) {
        pthread_cond_wait(&seat->changed, &combiner.mutex);
        return;
    }
    const int64_t deadline = crowd_deadline(seat->crowd, seat->limit);
    const struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    pthread_cond_timedwait(&seat->changed, &combiner.mutex, &until);
}

/* Wait until another thread has done the job, or until it is this thread's turn. Returns whether the job is done. */
static bool queue_up(struct seat *seat, struct wakes *wakes)
{
    for (;;) {
        if (seat->state == SEAT_DONE)
            return true;
        if (seat->state == SEAT_CALLED) {
            combiner.is_calling = false;
            return hold(seat, wakes);
        }
        if (seat->state == SEAT_WAITING && may_start(seat->crowd)) {
            combiner.busy++;
            return hold(seat, wakes);
        }
        wait(seat);
    }
}

static struct seat *free_seat(void)
{
    for (int i = 0; i < COMBINER_SEATS; i++)
        if (combiner.seats[i].state == SEAT_FREE)
            return &combiner.seats[i];
    return NULL;
}

bool combiner_take(struct lane_member *member, struct lane_job *job)
{
    struct crowd *const crowd =
        crowd_for((job->md5 != NULL ? ENGINE_DIGEST_MD5 : 0u) | (job->sha256 != NULL ? ENGINE_DIGEST_SHA256 : 0u));
    struct wakes wakes;
    bool is_done = false;
    ENGINE_ASSERT(job->blocks > 0 && crowd->width > 0);
    lock(&wakes);
    if (++combiner.arrivals % ARRIVALS_A_LOOK == 0)
        combiner.slots = processors();
    member->crowd = (int)(crowd - combiner.crowds);
    const int64_t limit = crowd_arrive(crowd, member, job->blocks);
    struct seat *const seat = crowd_is_large(crowd, combiner.slots, 1) ? free_seat() : NULL;
    if (seat == NULL) {
        crowd->running++;
        combiner.stats.alone++;
        member->has_slot = false; /* else the queue would wait for ever behind threads that never join it */
    } else {
        seat->crowd = crowd;
        seat->member = member;
        seat->job = job;
        seat->limit = limit;
        enqueue(seat, combiner.waiting);
        is_done = queue_up(seat, &wakes);
        seat->state = SEAT_FREE;
    }
    unlock(&wakes);
    return is_done;
}

void combiner_end_turn(struct lane_member *member)
{
    struct wakes wakes;
    lock(&wakes);
    crowd_depart(&combiner.crowds[member->crowd], member);
    combiner.busy -= member->has_slot;
    call_next(&wakes);
    unlock(&wakes);
}

void combiner_leave(struct lane_member *member)
{
    struct wakes wakes;
    if (!member->is_expected)
        return;
    lock(&wakes);
    crowd_leave(&combiner.crowds[member->crowd], member);
    call_next(&wakes);
    unlock(&wakes);
}

void engine_lanes_stats(struct engine_lanes_stats *stats)
{
    pthread_mutex_lock(&combiner.mutex);
    *stats = combiner.stats;
    pthread_mutex_unlock(&combiner.mutex);
}
