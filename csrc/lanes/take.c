/*
 * Moves the states of jobs into lanes, runs the row, and moves them back. Lanes without a job have
 * the first job's bytes again; what a row makes of them is dropped.
 */
#include "common/assert.h"
#include "lanes/lanes.h"

static void load(struct lane_group *group, int lane, const struct lane_job *job, uint32_t digests)
{
    if ((digests & ENGINE_DIGEST_MD5) != 0)
        for (int i = 0; i < 4; i++)
            group->md5[i][lane] = job->md5[i];
    if ((digests & ENGINE_DIGEST_SHA256) != 0)
        for (int i = 0; i < 8; i++)
            group->sha256[i][lane] = job->sha256[i];
}

static void store(const struct lane_group *group, int lane, struct lane_job *job, uint32_t digests)
{
    if ((digests & ENGINE_DIGEST_MD5) != 0)
        for (int i = 0; i < 4; i++)
            job->md5[i] = group->md5[i][lane];
    if ((digests & ENGINE_DIGEST_SHA256) != 0)
        for (int i = 0; i < 8; i++)
            job->sha256[i] = group->sha256[i][lane];
}

void lanes_take(const struct lanes_row *row, struct lane_job *const *jobs, int count, size_t blocks)
{
    struct lane_group groups[LANE_GROUPS_MAX] = {0};
    const uint8_t *data[ENGINE_LANES_MAX];

    ENGINE_ASSERT(blocks > 0 && count > 0 && count <= row->width && row->width <= ENGINE_LANES_MAX);
    for (int i = 0; i < count; i++) {
        ENGINE_ASSERT(blocks <= jobs[i]->blocks);
        load(&groups[i / LANES_A_GROUP], i % LANES_A_GROUP, jobs[i], row->digests);
    }
    for (int i = 0; i < row->width; i++)
        data[i] = jobs[i < count ? i : 0]->data;
    row->run(groups, data, count, blocks);
    for (int i = 0; i < count; i++) {
        store(&groups[i / LANES_A_GROUP], i % LANES_A_GROUP, jobs[i], row->digests);
        jobs[i]->data += LANE_BLOCK * blocks;
        jobs[i]->blocks -= blocks;
    }
}
