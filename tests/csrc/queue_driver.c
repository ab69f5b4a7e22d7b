/*
 * The combiner with its hashing held up, so that what happens meanwhile is certain; of MD5, by threads that only wait. The row of lanes is
 * pretended, and hashes nothing, so that the queue is looked at on any processor.
 *
 *     queue_driver slots    on two processors: how many batches are hashed at once
 *     queue_driver order    on one: how many of the row's width that came first are in the next batch
 *     queue_driver turn     on one: whether a waiting thread goes on when one that hashes alone ends its turn
 *     queue_driver crowd    for how long a crowd gathers, whom it forgets, how many hash together
 *
 * Prints one "name: number" a line. Nothing depends on time, but that a driver which waits in vain gives up.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lanes/lanes.h"
#include "lanes/worth.h"

static struct lanes_worth pretend_worth(uint32_t digests);
static void take_when_told(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks);
static const struct lanes_row *pretend_row(uint32_t digests, int lanes);
static int pretend_processors(pid_t process, size_t size, cpu_set_t *set);

#define lanes_take take_when_told
#define lanes_chosen_row pretend_row
#define lanes_worth_of pretend_worth
#define sched_getaffinity pretend_processors
#include "lanes/combiner.c"
#undef lanes_take
#undef lanes_chosen_row
#undef lanes_worth_of
#undef sched_getaffinity

enum { THREADS_MAX = 2 * ENGINE_LANES_MAX, PATIENCE_S = 60, MORE = 4 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_open;
    int inside, most, batches;
    int opens_at; /* so many inside */
    const struct lane_job *second[ENGINE_LANES_MAX];
    int second_count;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int processor_count = 1;

static uint8_t data[COMBINER_QUANTUM];

static int pretend_processors(pid_t process, size_t size, cpu_set_t *set)
{
    (void)process, (void)size;
    CPU_ZERO(set);
    for (int i = 0; i < processor_count; i++)
        CPU_SET(i, set);
    return 0;
}

static const struct lanes_row *pretend_row(uint32_t digests, int lanes)
{
    static const struct lanes_row row = {"pretended", 0, ENGINE_DIGEST_MD5, ENGINE_LANES_MAX, NULL};
    (void)lanes;
    return digests == row.digests ? &row : NULL;
}

static struct lanes_worth pretend_worth(uint32_t digests)
{
    return (struct lanes_worth){digests == ENGINE_DIGEST_MD5 ? 2 : 0, 100};
}

static void open_gate(void)
{
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
}

static void await_gate(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (!gate.is_open)
        if (pthread_cond_timedwait(&gate.changed, &gate.mutex, &until) != 0)
            open_gate();
}

static void take_when_told(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks)
{
    (void)row;
    pthread_mutex_lock(&gate.mutex);
    gate.inside++;
    gate.most = gate.inside > gate.most ? gate.inside : gate.most;
    if (++gate.batches == 2) {
        memcpy(gate.second, jobs, (size_t)count * sizeof jobs[0]);
        gate.second_count = count;
    }
    if (gate.inside == gate.opens_at)
        open_gate();
    await_gate();
    gate.inside--;
    for (int i = 0; i < count; i++)
        jobs[i]->blocks -= blocks;
    pthread_mutex_unlock(&gate.mutex);
}

static bool gate_is_open(void)
{
    pthread_mutex_lock(&gate.mutex);
    const bool is_open = gate.is_open;
    pthread_mutex_unlock(&gate.mutex);
    return is_open;
}

/* Who is told to hash alone does not. */
static void take(struct lane_member *member, struct lane_job *job)
{
    while (job->blocks > 0 && !combiner_take(member, job)) {
        job->blocks = 0;
        combiner_end_turn(member);
    }
}

static void *come_until_it_opens(void *unused)
{
    struct lane_member member = {0};
    uint32_t md5[4] = {0};
    (void)unused;
    while (!gate_is_open()) {
        struct lane_job job = {data, COMBINER_QUANTUM_BLOCKS, md5, NULL};
        take(&member, &job);
    }
    combiner_leave(&member);
    return NULL;
}

static void *come_once(void *job)
{
    struct lane_member member = {0};
    take(&member, job);
    combiner_leave(&member);
    return NULL;
}

static void start(pthread_t *threads, int count, void *(*work)(void *))
{
    for (int i = 0; i < count; i++)
        ENGINE_ASSERT(pthread_create(&threads[i], NULL, work, NULL) == 0);
}

static void join(const pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* More than a batch takes: those that are left are as many as a row has lanes, and wait for nobody. */
static void look_at_slots(void)
{
    pthread_t threads[THREADS_MAX];
    const int count = 2 * combiner.crowds[0].width;
    processor_count = gate.opens_at = 2;
    start(threads, count, come_until_it_opens);
    join(threads, count);
    printf("most: %d\n", gate.most);
}

static void await_batch(void)
{
    for (int batches = 0; batches == 0; usleep(100)) {
        pthread_mutex_lock(&gate.mutex);
        batches = gate.batches;
        pthread_mutex_unlock(&gate.mutex);
    }
}

static void await_waiting(int count)
{
    for (int waiting = -1; waiting != count; usleep(100)) {
        pthread_mutex_lock(&combiner.mutex);
        waiting = combiner.waiting;
        pthread_mutex_unlock(&combiner.mutex);
    }
}

static void look_at_order(void)
{
    static struct lane_job jobs[ENGINE_LANES_MAX + MORE];
    static uint32_t states[ENGINE_LANES_MAX + MORE][4];
    pthread_t first[2], threads[ENGINE_LANES_MAX + MORE];
    const int width = combiner.crowds[0].width;
    int early = 0;

    start(first, 2, come_until_it_opens);
    await_batch();
    for (int i = 0; i < width + MORE; i++) {
        jobs[i] = (struct lane_job){data, COMBINER_QUANTUM_BLOCKS, states[i], NULL};
        ENGINE_ASSERT(pthread_create(&threads[i], NULL, come_once, &jobs[i]) == 0);
        await_waiting(i + 1);
    }
    pthread_mutex_lock(&gate.mutex);
    open_gate();
    pthread_mutex_unlock(&gate.mutex);
    join(first, 2);
    join(threads, width + MORE);
    for (int i = 0; i < gate.second_count; i++)
        early += gate.second[i] < jobs + width;
    printf("width: %d\nearly: %d\n", width, early);
}

/* The first is told to hash alone, having waited in vain for one that is out; the second, that came meanwhile, waits for its slot. */
static void look_at_end_of_turn(void)
{
    struct lane_member absent = {0}, alone = {0};
    uint32_t md5[4] = {0};
    struct lane_job job = {data, 1, md5, NULL}, other = job;
    pthread_t second;
    ENGINE_ASSERT(!combiner_take(&absent, &job));
    combiner_end_turn(&absent);
    ENGINE_ASSERT(!combiner_take(&alone, &job) && alone.has_slot);
    ENGINE_ASSERT(pthread_create(&second, NULL, come_once, &other) == 0);
    await_waiting(1);
    combiner_end_turn(&alone);
    join(&second, 1);
    printf("went on: 1\n");
}

static int64_t now_in_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static const int64_t hour = 3600 * (int64_t)1000000000;

/* On one slot; of the members that are expected back none arrived in the last hour, or one is just arriving. */
static struct crowd gathering(int waiting, int expected, bool is_deserted)
{
    return (struct crowd){
        .digests = ENGINE_DIGEST_MD5, .pays = 2, .block_alone = 100, .width = 32, .waiting = waiting, .expected = expected,
        .arrived = now_in_ns() + (is_deserted ? -hour : hour),
    };
}

static void look_at_bounds(void)
{
    struct crowd crowd = gathering(3, 3, false);
    struct lane_member member = {0};
    printf("may start at its limit: %d\n", crowd_may_start(&crowd, 1, now_in_ns() - hour));
    printf("may start before: %d\n", crowd_may_start(&crowd, 1, now_in_ns() + hour));
    const int64_t limit = crowd_arrive(&crowd, &member, 1024);
    printf("limit of 1024 blocks: %d\n", (int)((limit - crowd.arrived) / 1000));
    printf("patience: %d\n", (int)((crowd_deadline(&crowd, INT64_MAX) - crowd.arrived) / 1000));
}

static void look_at_absence(const char *what, struct crowd crowd)
{
    crowd_start(&crowd, 1);
    printf("expected when %s: %d\n", what, crowd.expected);
}

static void look_at_share(int members, int slots)
{
    const struct crowd crowd = gathering(members, 0, false);
    printf("share of %d on %d: %d\n", members, slots, crowd_share(&crowd, slots));
}

static void look_at_hastiest(void)
{
    static const int64_t limits[] = {5, 3, 9};
    struct crowd *const crowd = &combiner.crowds[0];
    for (int i = 0; i < 3; i++) {
        combiner.seats[i].crowd = crowd;
        combiner.seats[i].limit = limits[i];
        enqueue(&combiner.seats[i], i);
    }
    printf("hastiest: %d\n", (int)(hastiest(crowd) - combiner.seats));
}

static void look_at_crowd(void)
{
    look_at_bounds();
    look_at_absence("nobody came", gathering(8, 8, true));
    look_at_absence("most are absent", gathering(1, 3, false));
    look_at_absence("the only other is absent", gathering(1, 1, false));
    look_at_absence("most are there", gathering(8, 8, false));
    look_at_share(16, 1);
    look_at_share(40, 1);
    look_at_share(32, 2);
    look_at_share(24, 1);
    look_at_hastiest();
}

int main(int argc, char **argv)
{
    ENGINE_ASSERT(argc == 2);
    combiner_init();
    if (strcmp(argv[1], "slots") == 0)
        look_at_slots();
    else if (strcmp(argv[1], "order") == 0)
        look_at_order();
    else if (strcmp(argv[1], "turn") == 0)
        look_at_end_of_turn();
    else
        look_at_crowd();
    return 0;
}
