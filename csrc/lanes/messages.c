/*
 * Hashes whole messages of unequal sizes with one row: for the test at load, and for tests and benchmarks. Everything
 * goes through lanes, even the padding, so that no other code can give the answer.
 */
#include "lanes/messages.h"

#include <string.h>

#include "common/bytes.h"

enum { TAIL_MAX = 2 * LANE_BLOCK };

struct states {
    uint32_t md5[ENGINE_LANES_MAX][4];
    uint32_t sha256[ENGINE_LANES_MAX][8];
};

static void begin(struct states *states, int count)
{
    static const uint32_t md5[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    static const uint32_t sha256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (int i = 0; i < count; i++) {
        memcpy(states->md5[i], md5, sizeof md5);
        memcpy(states->sha256[i], sha256, sizeof sha256);
    }
}

/* Take all blocks: the jobs that still have some go on together until the first of them ends. */
static void take_all(const struct lanes_row *row, struct lane_job *jobs, int count)
{
    for (;;) {
        struct lane_job *going[ENGINE_LANES_MAX];
        size_t blocks = SIZE_MAX;
        int n = 0;
        for (int i = 0; i < count; i++)
            if (jobs[i].blocks > 0) {
                going[n++] = &jobs[i];
                blocks = jobs[i].blocks < blocks ? jobs[i].blocks : blocks;
            }
        if (n == 0)
            return;
        lanes_take(row, going, n, blocks);
    }
}

/* Write the last bytes, 0x80, zeros, and the length in bits, in the byte order of the digest. Returns the number of
 * blocks. */
static size_t pad(uint8_t tail[TAIL_MAX], const uint8_t *data, size_t size, void (*store)(uint8_t *, uint64_t, size_t))
{
    const size_t left = size % LANE_BLOCK, blocks = left + 9 > LANE_BLOCK ? 2 : 1;
    memset(tail, 0, TAIL_MAX);
    memcpy(tail, data + size - left, left);
    tail[left] = 0x80;
    store(tail + LANE_BLOCK * blocks - 8, 8 * (uint64_t)size, 8);
    return blocks;
}

static void take_tails(const struct lanes_row *row, struct states states, int count, const uint8_t *const *data,
                       const size_t *sizes, void (*store)(uint8_t *, uint64_t, size_t), struct states *end)
{
    uint8_t tails[ENGINE_LANES_MAX][TAIL_MAX];
    struct lane_job jobs[ENGINE_LANES_MAX];
    *end = states;
    for (int i = 0; i < count; i++)
        jobs[i] = (struct lane_job){tails[i], pad(tails[i], data[i], sizes[i], store), end->md5[i], end->sha256[i]};
    take_all(row, jobs, count);
}

void lanes_digest(const struct lanes_row *row, int count, const uint8_t *const *data, const size_t *sizes,
                  uint8_t *md5s, uint8_t *sha256s)
{
    struct states states, end;
    struct lane_job jobs[ENGINE_LANES_MAX];

    begin(&states, count);
    for (int i = 0; i < count; i++)
        jobs[i] = (struct lane_job){data[i], sizes[i] / LANE_BLOCK, states.md5[i], states.sha256[i]};
    take_all(row, jobs, count);
    if ((row->digests & ENGINE_DIGEST_MD5) != 0) {
        take_tails(row, states, count, data, sizes, store_little, &end);
        for (int i = 0; i < 4 * count; i++)
            store_little(md5s + 4 * i, end.md5[i / 4][i % 4], 4);
    }
    if ((row->digests & ENGINE_DIGEST_SHA256) != 0) {
        take_tails(row, states, count, data, sizes, store_big, &end);
        for (int i = 0; i < 8 * count; i++)
            store_big(sha256s + 4 * i, end.sha256[i / 8][i % 8], 4);
    }
}
