/*
 * The streams that are measured compute CRC64NVME too and are sealed: the most that a fused pass does beside MD5 and
 * SHA-256. With lanes all that is left to a pass of its own, so for streams that want less, lanes pay from as few
 * streams or fewer.
 */
#include "lanes/worth.h"

#include <stdlib.h>
#include <time.h>

#include "common/assert.h"
#include "fused/alone.h"
#include "kernels/answers.h"
#include "kernels/registry.h"
#include "lanes/lanes.h"

enum { BOTH = ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256, SETS = BOTH + 1, STREAMS = LANES_A_GROUP };

/* The buffers of streams begin at pages, so their lines compete for the same sets of the first cache. */
enum { BLOCKS = 16, SIZE = BLOCKS * LANE_BLOCK, PAGE = 4096 };

/* Of so many samples the least counts: another process may take the processor in any of them, and the first finds code
 * and vector units cold. */
enum { SAMPLES = 8 };

/* Threads that meet have to be woken, which takes a share of what is won; so lanes must win more than this. */
enum { GAIN_PERCENT = 10 };

static struct lanes_worth worths[SETS];

struct bench {
    uint8_t data[STREAMS][PAGE], sealed[SIZE + ENGINE_TAG_SIZE];
    union digest_state states[ENGINE_ALGORITHM_COUNT];
    uint32_t md5[STREAMS][4], sha256[STREAMS][8];
    union gcm_state gcm;
};

/* Nanoseconds that the blocks take: those of one stream by itself, what of them lanes leave, those of all in lanes. */
struct times {
    int64_t alone, rest, lanes;
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Keep the time since `start` if it is the least. Returns when the next time begins. */
static int64_t keep_least(int64_t *least, int64_t start)
{
    const int64_t end = now();
    if (*least == 0 || end - start < *least)
        *least = end - start;
    return now();
}

static void seal(struct bench *bench, uint32_t digests)
{
    static const uint8_t nonce[ENGINE_NONCE_SIZE];
    alone_seal(bench->states, digests, &bench->gcm, nonce, NULL, 0, bench->data[0], SIZE, bench->sealed);
}

/* In batches as wide as the row. */
static void take(struct bench *bench, uint32_t digests, int streams)
{
    const struct lanes_row *const row = lanes_chosen_row(digests, streams);
    struct lane_job jobs[STREAMS], *all[STREAMS];
    for (int i = 0; i < streams; i++) {
        jobs[i] = (struct lane_job){bench->data[i], BLOCKS, bench->md5[i], bench->sha256[i]};
        all[i] = &jobs[i];
    }
    for (int i = 0; i < streams; i += row->width)
        lanes_take(row, all + i, streams - i < row->width ? streams - i : row->width, BLOCKS);
}

/* Whether so many streams are sooner done in lanes. What is compared takes turns, so that a clock that changes is the
 * same for all. */
static bool lanes_win(struct bench *bench, uint32_t digests, int streams, struct times *times)
{
    times->lanes = 0;
    for (int i = 0; i < SAMPLES; i++) {
        int64_t start = now();
        seal(bench, digests | ENGINE_DIGEST_CRC64NVME);
        start = keep_least(&times->alone, start);
        seal(bench, ENGINE_DIGEST_CRC64NVME);
        start = keep_least(&times->rest, start);
        take(bench, digests, streams);
        keep_least(&times->lanes, start);
    }
    return 100 * (times->lanes + streams * times->rest) < (100 - GAIN_PERCENT) * streams * times->alone;
}

static struct lanes_worth measure(struct bench *bench, uint32_t digests)
{
    static const int numbers[] = {2, 3, 4, 6, 8, 12, STREAMS, 0};
    struct times times = {0};
    int low = 0, high = sizeof numbers / sizeof numbers[0] - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (lanes_win(bench, digests, numbers[middle], &times))
            high = middle;
        else
            low = middle + 1;
    }
    return (struct lanes_worth){numbers[high], (int)(times.alone / BLOCKS)};
}

static bool begin(struct bench *bench)
{
    static const uint8_t key[ENGINE_KEY_SIZE];
    for (int i = 0; i < STREAMS; i++)
        fill_with_pattern(bench->data[i], SIZE);
    FOR_EACH_DIGEST (BOTH | ENGINE_DIGEST_CRC64NVME, i)
        if (registry_chosen_row(i)->begin(&bench->states[i]) != ENGINE_OK)
            return false;
    return gcm_chosen_row()->begin(&bench->gcm, key) == ENGINE_OK;
}

void lanes_worth_init(void)
{
    static const uint32_t sets[] = {ENGINE_DIGEST_MD5, ENGINE_DIGEST_SHA256, BOTH};
    struct bench *const bench = calloc(1, sizeof *bench);
    if (bench == NULL)
        return;
    const bool is_ready = begin(bench);
    for (int i = 0; is_ready && i < 3; i++)
        if (lanes_chosen_row(sets[i], 1) != NULL)
            worths[sets[i]] = measure(bench, sets[i]);
    FOR_EACH_DIGEST (BOTH | ENGINE_DIGEST_CRC64NVME, i)
        registry_chosen_row(i)->discard(&bench->states[i]);
    gcm_chosen_row()->discard(&bench->gcm);
    free(bench);
}

struct lanes_worth lanes_worth_of(uint32_t digests)
{
    ENGINE_ASSERT(digests < SETS);
    return worths[digests];
}

int engine_lanes_pay_from(uint32_t digests)
{
    return digests < SETS ? worths[digests].pays : 0;
}
