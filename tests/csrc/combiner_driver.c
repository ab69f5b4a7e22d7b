/*
 * The combiner without Python, for sanitizers and valgrind: threads hash messages of random sizes together, and every digest is compared
 * with libcrypto's.
 *
 *     combiner_driver crowd THREADS ROUNDS SEED    all three crowds at once; threads end early, and part or do not
 *     combiner_driver fork THREADS ROUNDS SEED     the same, while the process forks again and again, and its children hash
 *     combiner_driver race                         two threads write one state through the combiner: ThreadSanitizer must say so
 *
 * Prints what was done together, one "name: number" a line.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/assert.h"
#include "lanes/combiner.h"
#include "md5/md5.h"
#include "sha256/sha256.h"

enum { THREADS_MAX = 80, MESSAGE_MAX = 700 * 1024 };

struct hasher {
    struct lane_member member;
    struct md5 md5;
    struct sha256 sha256;
    uint32_t digests;
};

struct worker {
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
    combiner_rest(&hasher->member);
}

static void take(struct hasher *hasher, const uint8_t *data, size_t blocks)
{
    struct lane_job job = {data, blocks, NULL, NULL};
    if ((hasher->digests & ENGINE_DIGEST_MD5) != 0)
        job.md5 = hasher->md5.h;
    if ((hasher->digests & ENGINE_DIGEST_SHA256) != 0)
        job.sha256 = hasher->sha256.h;
    while (job.blocks > 0 && !combiner_take(&hasher->member, &job))
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

/* One message in pieces, like a stream; three in four part at their end, the others are simply not there any more. */
static void hash_message(struct worker *worker, uint8_t *data)
{
    static const uint32_t kinds[] = {ENGINE_DIGEST_MD5, ENGINE_DIGEST_SHA256, ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256};
    struct hasher hasher = {.digests = combiner_digests(kinds[next_random(&worker->random) % 3])};
    const size_t blocks = next_random(&worker->random) % (MESSAGE_MAX / LANE_BLOCK) + 1;

    if (hasher.digests == 0)
        return;
    md5_begin(&hasher.md5);
    sha256_begin(&hasher.sha256);
    for (size_t i = 0; i < LANE_BLOCK * blocks; i += 512)
        data[i] = (uint8_t)next_random(&worker->random);
    for (size_t done = 0; done < blocks;) {
        const size_t piece = next_random(&worker->random) % 2500 + 1;
        take(&hasher, data + LANE_BLOCK * done, piece < blocks - done ? piece : blocks - done);
        done += piece < blocks - done ? piece : blocks - done;
    }
    if (next_random(&worker->random) % 4 != 0)
        combiner_part(&hasher.member);
    compare(&hasher, data, LANE_BLOCK * blocks);
}

static void *work(void *argument)
{
    struct worker *const worker = argument;
    uint8_t *const data = calloc(1, MESSAGE_MAX);
    ENGINE_ASSERT(data != NULL);
    for (int i = 0; i < worker->rounds; i++)
        hash_message(worker, data);
    free(data);
    return NULL;
}

static void run_threads(int threads, int rounds, uint64_t seed, void (*meanwhile)(int rounds))
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    ENGINE_ASSERT(threads > 0 && threads <= THREADS_MAX);
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){seed * 1000003 + (uint64_t)i + 1, 1 + rounds * (i % 4 + 1) / 4};
        ENGINE_ASSERT(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
    }
    meanwhile(rounds);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
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
            struct worker worker = {(uint64_t)i + 77, 2};
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
    static struct hasher shared = {.digests = ENGINE_DIGEST_MD5};
    pthread_t ids[2];
    for (int i = 0; i < 2; i++)
        ENGINE_ASSERT(pthread_create(&ids[i], NULL, work_on_shared_state, &shared) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(ids[i], NULL);
}

int main(int argc, char **argv)
{
    struct engine_lanes_stats stats;
    ENGINE_ASSERT(argc >= 2 && engine_init() == ENGINE_OK);
    if (strcmp(argv[1], "race") == 0)
        race();
    else
        run_threads(atoi(argv[2]), atoi(argv[3]), (uint64_t)atoi(argv[4]), strcmp(argv[1], "fork") == 0 ? fork_meanwhile : nothing);
    engine_lanes_stats(&stats);
    printf("batches: %" PRIu64 "\nlanes: %" PRIu64 "\nalone: %" PRIu64 "\ngiven_up: %" PRIu64 "\n", stats.batches, stats.lanes,
           stats.alone, stats.given_up);
    return 0;
}
