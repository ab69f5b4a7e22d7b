/*
 * What lanes are worth, by a clock that is pretended: a stream by itself takes some nanoseconds, what lanes leave of it
 * some, and a row of lanes some for all streams and some for each.
 *
 *     worth_driver ALONE REST ROW EACH UNDISTURBED    all but one sample in so many take ten times as long
 *
 * Prints from how many streams lanes pay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fused/alone.h"
#include "lanes/lanes.h"

static int pretend_clock(clockid_t clock, struct timespec *time);
static int pretend_seal(union digest_state *states, uint32_t which, union gcm_state *gcm, const uint8_t *nonce,
                        const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);
static void pretend_take(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks);
static const struct lanes_row *pretend_row(uint32_t digests, int lanes);

#define clock_gettime pretend_clock
#define alone_seal pretend_seal
#define lanes_take pretend_take
#define lanes_chosen_row pretend_row
#include "lanes/worth.c"
#undef clock_gettime
#undef alone_seal
#undef lanes_take
#undef lanes_chosen_row

static int64_t clock_now, of_alone, of_rest, of_row, of_each, undisturbed = 1;

static int pretend_clock(clockid_t clock, struct timespec *time)
{
    (void)clock;
    *time = (struct timespec){(time_t)(clock_now / 1000000000), (long)(clock_now % 1000000000)};
    return 0;
}

static void pass(int64_t nanoseconds)
{
    static int64_t samples;
    clock_now += samples++ / 3 % undisturbed == 0 ? nanoseconds : 10 * nanoseconds;
}

static int pretend_seal(union digest_state *states, uint32_t which, union gcm_state *gcm, const uint8_t *nonce,
                        const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    (void)states, (void)gcm, (void)nonce, (void)aad, (void)aad_size, (void)data, (void)size, (void)out;
    pass(which == ENGINE_DIGEST_CRC64NVME ? of_rest : of_alone);
    return ENGINE_OK;
}

static void pretend_take(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks)
{
    (void)row, (void)jobs, (void)blocks;
    pass(of_row + of_each * count);
}

static const struct lanes_row *pretend_row(uint32_t digests, int lanes)
{
    static const struct lanes_row row = {"pretended", 0, ENGINE_DIGEST_MD5, LANES_A_GROUP, NULL};
    (void)lanes;
    return digests == row.digests ? &row : NULL;
}

int main(int argc, char **argv)
{
    ENGINE_ASSERT(argc == 6 && engine_init() == ENGINE_OK);
    of_alone = atoi(argv[1]);
    of_rest = atoi(argv[2]);
    of_row = atoi(argv[3]);
    of_each = atoi(argv[4]);
    undisturbed = atoi(argv[5]);
    lanes_worth_init();
    ENGINE_ASSERT(engine_lanes_pay_from(BOTH) == 0 && engine_lanes_pay_from(ENGINE_DIGEST_CRC64NVME) == 0);
    printf("%d\n", engine_lanes_pay_from(ENGINE_DIGEST_MD5));
    return 0;
}
