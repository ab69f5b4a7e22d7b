/*
 * The combiner without Python, for sanitizers and valgrind: threads hash messages of random sizes together, and every digest is compared
 * with libcrypto's. What this processor has no lanes for is hashed by the rows that are chosen.
 *
 *     combiner_driver crowd THREADS ROUNDS SEED DIGESTS    all three crowds at once; threads end early, and leave or do not
 *     combiner_driver same THREADS ROUNDS SEED DIGESTS     one crowd, and more of it than a row has lanes
 *     combiner_driver fork THREADS ROUNDS SEED DIGESTS     all three, while the process forks again and again, and its children hash
 *     combiner_driver race                                 two threads write one state through the combiner: ThreadSanitizer must say so
 *
 * DIGESTS is MD5, SHA256 or MD5+SHA256: what the first messages want, and of one crowd all. If there are lanes for that, the threads are held
 * up until all of them have come (as many as have seats), and only then hash: so they meet however the system shares its processors out.
 *
 * Prints what was done together, one "name: number" a line; "widest" is the largest number of streams that were hashed at once.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/choose.h"
#include "kernels/registry.h"
#include "lanes/lanes.h"
#include "lanes/worth.h"
#include "md5/md5.h"
#include "sha256/sha256.h"

static struct lanes_worth pretend_worth(uint32_t digests);
static void take_and_count(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks);

/* A combiner of its own, to look into; its wait() is not that for children. What lanes are worth is pretended: else it would depend on the
 * processor, and on a sanitizer, who meets. */
#define lanes_worth_of pretend_worth
#define lanes_take take_and_count
#define wait wait_in_queue
#include "lanes/combiner.c"
#undef lanes_worth_of
#undef lanes_take
#undef wait

enum { THREADS_MAX = 80, MESSAGE_MAX = 700 * 1024, HOLDERS_A_SLOT = 9 /* what pays, at most, and one */ };

struct hasher {
    struct lane_member member;
    struct md5 md5;
    struct sha256 sha256;
    uint32_t digests;
};

struct worker {
    uint32_t digests; /* of the first message */
    bool is_faithful; /* all others want the same, not any */
    uint64_t random;
    int rounds;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* In a forked child ThreadSanitizer still remembers the parent's threads: one of them may have been signalling, as it does without the mutex,
 * when the child set the same condition up anew. They are no threads of the child's, so nothing races there. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:after_fork_in_child\n";
}

static struct lanes_worth pretend_worth(uint32_t digests)
{
    const int pays = digests == ENGINE_DIGEST_MD5 ? 2 : digests == ENGINE_DIGEST_SHA256 ? 8 : 6;
    return (struct lanes_worth){lanes_chosen_row(digests, 1) != NULL ? pays : 0, 100};
}

static atomic_int widest;

static void take_and_count(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks)
{
    int most = atomic_load(&widest);
    while (count > most && !atomic_compare_exchange_weak(&widest, &most, count))
        continue;
    lanes_take(row, jobs, count, blocks);
}

/* Who is alone hashes in one lane: that needs nothing of the processor but what lanes need. */
static void by_one_lane(struct lane_job job)
{
    const uint32_t digests = (job.md5 != NULL ? ENGINE_DIGEST_MD5 : 0u) | (job.sha256 != NULL ? ENGINE_DIGEST_SHA256 : 0u);
    struct lane_job *const jobs[] = {&job};
    lanes_take(lanes_chosen_row(digests, 1), jobs, 1, job.blocks);
}

static void md5_by_lane(uint32_t h[4], const uint8_t *data, size_t blocks)
{
    by_one_lane((struct lane_job){data, blocks, h, NULL});
}

static void sha256_by_lane(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    by_one_lane((struct lane_job){data, blocks, NULL, h});
}

static void take_alone(struct hasher *hasher, struct lane_job *job)
{
    const size_t blocks = job->blocks < COMBINER_QUANTUM_BLOCKS ? job->blocks : COMBINER_QUANTUM_BLOCKS;
    by_one_lane((struct lane_job){job->data, blocks, job->md5, job->sha256});
    job->data += LANE_BLOCK * blocks;
    job->blocks -= blocks;
    combiner_end_turn(&hasher->member);
}

static void take(struct hasher *hasher, const uint8_t *data, size_t blocks)
{
    struct lane_job job = {data, blocks, NULL, NULL};
    if ((hasher->digests & ENGINE_DIGEST_MD5) != 0)
        job.md5 = hasher->md5.h;
    if ((hasher->digests & ENGINE_DIGEST_SHA256) != 0)
        job.sha256 = hasher->sha256.h;
    while (hasher->digests != 0 && job.blocks > 0 && !combiner_take(&hasher->member, &job))
        take_alone(hasher, &job);
    hasher->md5.size += LANE_BLOCK * blocks;
    hasher->sha256.size += LANE_BLOCK * blocks;
}

static void compare(struct hasher *hasher, const uint8_t *data, size_t size)
{
    uint8_t out[32], expected[32];
    if ((hasher->digests & ENGINE_DIGEST_MD5) != 0) {
        md5_finish(&hasher->md5, md5_by_lane, out);
        ENGINE_ASSERT(EVP_Digest(data, size, expected, NULL, EVP_md5(), NULL) == 1 && memcmp(out, expected, 16) == 0);
    }
    if ((hasher->digests & ENGINE_DIGEST_SHA256) != 0) {
        sha256_finish(&hasher->sha256, sha256_by_lane, out);
        ENGINE_ASSERT(EVP_Digest(data, size, expected, NULL, EVP_sha256(), NULL) == 1 && memcmp(out, expected, 32) == 0);
    }
}

/* By the row that streams use. */
static void hash_by_row(int algorithm, const EVP_MD *oracle, const uint8_t *data, size_t size)
{
    uint8_t out[ENGINE_DIGEST_SIZE_MAX], expected[ENGINE_DIGEST_SIZE_MAX];
    ENGINE_ASSERT(run_row(registry_chosen_row(algorithm), data, size, out) == ENGINE_OK);
    ENGINE_ASSERT(EVP_Digest(data, size, expected, NULL, oracle, NULL) == 1);
    ENGINE_ASSERT(memcmp(out, expected, (size_t)engine_algorithm_digest_size(algorithm)) == 0);
}

static void hash_apart(uint32_t digests, const uint8_t *data, size_t size)
{
    if ((digests & ENGINE_DIGEST_MD5) != 0)
        hash_by_row(INDEX(MD5), EVP_md5(), data, size);
    if ((digests & ENGINE_DIGEST_SHA256) != 0)
        hash_by_row(INDEX(SHA256), EVP_sha256(), data, size);
}

/* One message in pieces, like a stream; three in four leave at their end, the others are simply not there any more. */
static void hash_message(struct worker *worker, uint8_t *data, bool is_first)
{
    static const uint32_t kinds[] = {ENGINE_DIGEST_MD5, ENGINE_DIGEST_SHA256, BOTH};
    const uint32_t any = kinds[next_random(&worker->random) % 3];
    const uint32_t kind = is_first || worker->is_faithful ? worker->digests : any;
    struct hasher hasher = {.digests = combiner_digests(kind)};
    const size_t blocks = next_random(&worker->random) % (MESSAGE_MAX / LANE_BLOCK) + 1;

    for (size_t i = 0; i < LANE_BLOCK * blocks; i += 512)
        data[i] = (uint8_t)next_random(&worker->random);
    hash_apart(kind & ~hasher.digests, data, LANE_BLOCK * blocks);
    if (hasher.digests == 0)
        return;
    md5_begin(&hasher.md5);
    sha256_begin(&hasher.sha256);
    for (size_t done = 0; done < blocks;) {
        const size_t piece = next_random(&worker->random) % 2500 + 1;
        take(&hasher, data + LANE_BLOCK * done, piece < blocks - done ? piece : blocks - done);
        done += piece < blocks - done ? piece : blocks - done;
    }
    if (next_random(&worker->random) % 4 != 0)
        combiner_leave(&hasher.member);
    compare(&hasher, data, LANE_BLOCK * blocks);
}

static void *work(void *argument)
{
    struct worker *const worker = argument;
    uint8_t *const data = calloc(1, MESSAGE_MAX);
    ENGINE_ASSERT(data != NULL);
    for (int i = 0; i < worker->rounds; i++)
        hash_message(worker, data, i == 0);
    free(data);
    return NULL;
}

/* Members that hold all slots, as if each hashed a block: as many hash without a slot as make a crowd large, then as many as there are slots. */
static int hold_all_slots(uint32_t digests, struct lane_member *members)
{
    static uint8_t block[LANE_BLOCK];
    uint32_t md5[4], sha256[8];
    struct lane_job job = {block, 1, (digests & ENGINE_DIGEST_MD5) != 0 ? md5 : NULL, (digests & ENGINE_DIGEST_SHA256) != 0 ? sha256 : NULL};
    int count = 0;

    while (combiner.busy < combiner.slots)
        ENGINE_ASSERT(!combiner_take(&members[count++], &job));
    return count;
}

static void await_in_queue(int count)
{
    for (int waiting = -1; waiting != count; usleep(100)) {
        pthread_mutex_lock(&combiner.mutex);
        waiting = combiner.waiting;
        pthread_mutex_unlock(&combiner.mutex);
    }
}

static uint64_t starts(void)
{
    struct engine_lanes_stats stats;
    engine_lanes_stats(&stats);
    return stats.batches + stats.alone;
}

/* One slot first, until somebody has started on it: with more of them, some of those that wait could start beside the rest. */
static void let_go(struct lane_member *members, int count)
{
    const uint64_t before = starts();
    for (int i = count - 1; i >= 0; i--) {
        combiner_end_turn(&members[i]);
        while (starts() == before)
            usleep(100);
    }
    for (int i = 0; i < count; i++)
        combiner_leave(&members[i]);
}

/* Nobody is there any more: no slot may be in use, and none given back twice. */
static void assert_all_given_back(void)
{
    ENGINE_ASSERT(combiner.busy == 0 && combiner.waiting == 0 && !combiner.is_calling);
    for (int i = 0; i < CROWDS; i++)
        ENGINE_ASSERT(combiner.crowds[i].running == 0 && combiner.crowds[i].waiting == 0);
}

static void run_threads(struct worker like, int threads, uint64_t seed, void (*meanwhile)(int rounds))
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    const uint32_t together = combiner_digests(like.digests);
    struct lane_member *const members = calloc((size_t)combiner.slots, HOLDERS_A_SLOT * sizeof *members);
    const int holding = together != 0 ? hold_all_slots(together, members) : 0;
    ENGINE_ASSERT(threads > 0 && threads <= THREADS_MAX && members != NULL);
    for (int i = 0; i < threads; i++) {
        workers[i] = like;
        workers[i].random = seed * 1000003 + (uint64_t)i + 1;
        workers[i].rounds = 1 + like.rounds * (i % 4 + 1) / 4;
        ENGINE_ASSERT(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
    }
    if (together != 0)
        await_in_queue(threads < COMBINER_SEATS ? threads : COMBINER_SEATS);
    let_go(members, holding);
    meanwhile(like.rounds);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    assert_all_given_back();
    free(members);
}

static void nothing(int rounds)
{
    (void)rounds;
}

/* The child's only thread is this one: it must find nobody in the queue, the mutex free, and its own digests right. */
static void fork_meanwhile(int rounds)
{
    for (int i = 0; i < 3 * rounds; i++) {
        int status;
        usleep(1000);
        const pid_t child = fork();
        ENGINE_ASSERT(child >= 0);
        if (child == 0) {
            struct worker worker = {ENGINE_DIGEST_MD5, false, (uint64_t)i + 77, 2};
            alarm(60);
            work(&worker);
            _exit(0);
        }
        ENGINE_ASSERT(waitpid(child, &status, 0) == child && status == 0);
    }
}

static void *work_on_shared_state(void *argument)
{
    static uint8_t data[COMBINER_QUANTUM];
    for (int i = 0; i < 200; i++)
        take(argument, data, COMBINER_QUANTUM_BLOCKS);
    return NULL;
}

static void race(void)
{
    static struct hasher shared;
    pthread_t ids[2];
    shared.digests = combiner_digests(ENGINE_DIGEST_MD5);
    for (int i = 0; i < 2; i++)
        ENGINE_ASSERT(pthread_create(&ids[i], NULL, work_on_shared_state, &shared) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(ids[i], NULL);
}

static uint32_t digests_named(const char *names)
{
    return (strstr(names, "MD5") != NULL ? ENGINE_DIGEST_MD5 : 0u) | (strstr(names, "SHA256") != NULL ? ENGINE_DIGEST_SHA256 : 0u);
}

int main(int argc, char **argv)
{
    struct engine_lanes_stats stats;
    ENGINE_ASSERT(argc >= 2 && engine_init() == ENGINE_OK);
    if (strcmp(argv[1], "race") == 0) {
        race();
    } else {
        const struct worker like = {digests_named(argv[5]), strcmp(argv[1], "same") == 0, 0, atoi(argv[3])};
        run_threads(like, atoi(argv[2]), (uint64_t)atoi(argv[4]), strcmp(argv[1], "fork") == 0 ? fork_meanwhile : nothing);
    }
    engine_lanes_stats(&stats);
    printf("batches: %" PRIu64 "\nlanes: %" PRIu64 "\nalone: %" PRIu64 "\ngiven_up: %" PRIu64 "\nwidest: %d\n", stats.batches, stats.lanes,
           stats.alone, stats.given_up, atomic_load(&widest));
    return 0;
}
