/*
 * Rows that hash many streams at once, a lane of a vector each, and what they work on.
 */
#ifndef ENGINE_LANES_LANES_H
#define ENGINE_LANES_LANES_H

#include "cpu/target.h"
#include "engine.h"

enum { LANES_A_GROUP = 16, LANE_GROUPS_MAX = 2, LANE_BLOCK = 64 };

/* The states of sixteen streams, transposed: word i of lane j is md5[i][j]. */
struct lane_group {
    _Alignas(64) uint32_t md5[4][LANES_A_GROUP];
    _Alignas(64) uint32_t sha256[8][LANES_A_GROUP];
};

/* Carry the first `count` lanes of the row over `blocks` blocks each, both at least one, from the pointers in `data`.
 * The others have a pointer to so many blocks too, and may be carried on or not. */
typedef void lanes_run(struct lane_group *groups, const uint8_t *const *data, int count, size_t blocks);

struct lanes_row {
    const char *name;
    uint32_t needs;   /* FEATURE_* bits, all of them */
    uint32_t digests; /* ENGINE_DIGEST_* bits; it does not touch other states */
    int width;        /* lanes */
    lanes_run *run;
};

/* The whole blocks of one stream, and the states that they carry on; NULL for a digest that is not wanted. */
struct lane_job {
    const uint8_t *data;
    size_t blocks;
    uint32_t *md5;
    uint32_t *sha256;
};

/* Take `blocks` blocks of each job, and move the states, `data` and `blocks` on. There are at most as many jobs as
 * lanes. */
void lanes_take(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks);

/* Test the rows. Called once, by engine_init(). It is no failure if none is usable: then every stream is hashed by
 * itself. */
void lanes_init(uint32_t features);

/* Return the best row for these digests of so many streams; NULL if there is none. If there are more streams than
 * any row takes, it is the widest. */
const struct lanes_row *lanes_chosen_row(uint32_t digests, int lanes);

/* For engine_row_describe(). */
int lanes_row_count(void);
void lanes_describe(int index, struct engine_row_info *info);

#if defined(TARGET_X86_64)
lanes_run md5_lanes_x86_avx512, md5_lanes_x86_avx512_twice, md5_lanes_x86_avx2;
lanes_run sha256_lanes_x86_avx512, md5_sha256_lanes_x86_avx512;
lanes_run sha256_lanes_x86_sha, md5_sha256_lanes_x86_sha;
#endif

#endif
