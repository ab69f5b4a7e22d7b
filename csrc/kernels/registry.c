/*
 * The table of all digests, and which row of each is used.
 */
#include "kernels/registry.h"

#include "common/assert.h"
#include "kernels/choose.h"

/* An algorithm's index in this table is its index everywhere; 1 << index is its bit in enum engine_digest. */
static const struct algorithm *const algorithms[ENGINE_ALGORITHM_COUNT] = {
    &algorithm_md5,   &algorithm_sha1,   &algorithm_sha256,    &algorithm_sha512,
    &algorithm_crc32, &algorithm_crc32c, &algorithm_crc64nvme,
};

_Static_assert(ENGINE_CRCS == (ENGINE_DIGEST_CRC32 | ENGINE_DIGEST_CRC32C | ENGINE_DIGEST_CRC64NVME),
               "cffi takes literals only");
_Static_assert(1 << (ENGINE_ALGORITHM_COUNT - 1) == ENGINE_DIGEST_CRC64NVME, "the last algorithm is the last bit");

static struct choice choices[ENGINE_ALGORITHM_COUNT];

bool registry_init(uint32_t features)
{
    bool all_chosen = true;
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) {
        choices[i] = choose_row(algorithms[i], features);
        all_chosen = all_chosen && choices[i].chosen >= 0;
    }
    return all_chosen;
}

const struct algorithm *registry_algorithm(int algorithm)
{
    ENGINE_ASSERT(algorithm >= 0 && algorithm < ENGINE_ALGORITHM_COUNT);
    return algorithms[algorithm];
}

static const struct kernel_row *row_at(int algorithm, int row)
{
    ENGINE_ASSERT(row >= 0 && row < registry_algorithm(algorithm)->row_count);
    return &algorithms[algorithm]->rows[row];
}

static bool is_usable(int algorithm, int row)
{
    return (choices[algorithm].usable >> row & 1) != 0;
}

const struct kernel_row *registry_chosen_row(int algorithm)
{
    return row_at(algorithm, choices[algorithm].chosen);
}

int registry_row_count(void)
{
    int count = 0;
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++)
        count += algorithms[i]->row_count;
    return count;
}

void registry_describe(int index, struct engine_row_info *info)
{
    int algorithm = 0;
    for (; index >= registry_algorithm(algorithm)->row_count; algorithm++)
        index -= algorithms[algorithm]->row_count;
    info->index = index;
    info->name = row_at(algorithm, index)->name;
    info->digests = 1u << algorithm;
    info->needs = row_at(algorithm, index)->needs;
    info->usable = is_usable(algorithm, index);
    info->chosen = choices[algorithm].chosen == index;
}

const char *engine_algorithm_name(int algorithm)
{
    return registry_algorithm(algorithm)->name;
}

int engine_algorithm_digest_size(int algorithm)
{
    return (int)registry_algorithm(algorithm)->digest_size;
}

int engine_digest_row_run(int algorithm, int row, const uint8_t *data, size_t size, uint8_t *out)
{
    const struct kernel_row *const kernel = row_at(algorithm, row);
    return is_usable(algorithm, row) ? run_row(kernel, data, size, out) : ENGINE_E_KERNEL_UNUSABLE;
}
