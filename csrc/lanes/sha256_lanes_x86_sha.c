/*
 * SHA-256 of streams in pairs, by the instructions made for it, and MD5 of the same streams beside it.
 *
 * Two rounds take an instruction of four cycles that waits for the one before; a core can start one every two cycles.
 * So two streams whose turns alternate fill it. Three have no room in sixteen registers, and are slower.
 */
#include "lanes/lanes.h"

#if defined(TARGET_X86_64)
#include "sha256/sha256.h"
#include "sha256/sha256_x86.h"

/* So many blocks of all lanes stay in the first cache from MD5 to SHA-256. */
enum { NEAR_BLOCKS = 16 };

typedef uint32_t sha256_words[8];

TARGET_SHA static void take_pair(sha256_words *h, const uint8_t *const *data, size_t blocks)
{
    struct sha256_x86 sha0, sha1;
    sha256_x86_load(&sha0, h[0]);
    sha256_x86_load(&sha1, h[1]);
    for (size_t block = 0; block < blocks; block++) {
        sha256_x86_begin_block(&sha0, data[0] + LANE_BLOCK * block);
        sha256_x86_begin_block(&sha1, data[1] + LANE_BLOCK * block);
#pragma GCC unroll 16
        for (int turn = 0; turn < 16; turn++)
#pragma GCC unroll 4
            for (int quarter = 0; quarter < 4; quarter++) {
                sha256_x86_quarter(&sha0, turn, quarter, false);
                sha256_x86_quarter(&sha1, turn, quarter, false);
            }
        sha256_x86_end_block(&sha0);
        sha256_x86_end_block(&sha1);
    }
    sha256_x86_store(&sha0, h[0]);
    sha256_x86_store(&sha1, h[1]);
}

static void take_pairs(sha256_words *h, const uint8_t *const *data, int count, size_t blocks)
{
    for (int i = 0; i + 1 < count; i += 2)
        take_pair(h + i, data + i, blocks);
    if (count % 2 != 0)
        sha256_blocks_x86_sha(h[count - 1], data[count - 1], blocks);
}

static void load(sha256_words *h, const struct lane_group *group, int count)
{
    for (int lane = 0; lane < count; lane++)
        for (int i = 0; i < 8; i++)
            h[lane][i] = group->sha256[i][lane];
}

static void store(struct lane_group *group, sha256_words *h, int count)
{
    for (int lane = 0; lane < count; lane++)
        for (int i = 0; i < 8; i++)
            group->sha256[i][lane] = h[lane][i];
}

void sha256_lanes_x86_sha(struct lane_group *groups, const uint8_t *const *data, int count, size_t blocks)
{
    sha256_words h[LANES_A_GROUP];
    load(h, groups, count);
    take_pairs(h, data, count, blocks);
    store(groups, h, count);
}

void md5_sha256_lanes_x86_sha(struct lane_group *groups, const uint8_t *const *data, int count, size_t blocks)
{
    sha256_words h[LANES_A_GROUP];
    const uint8_t *near[LANES_A_GROUP];
    load(h, groups, count);
    for (int i = 0; i < LANES_A_GROUP; i++)
        near[i] = data[i];
    while (blocks > 0) {
        const size_t step = blocks < NEAR_BLOCKS ? blocks : NEAR_BLOCKS;
        md5_lanes_x86_avx2(groups, near, count, step);
        take_pairs(h, near, count, step);
        for (int i = 0; i < LANES_A_GROUP; i++)
            near[i] += LANE_BLOCK * step;
        blocks -= step;
    }
    store(groups, h, count);
}
#endif
