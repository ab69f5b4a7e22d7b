/*
 * The table of all algorithms, engine_init(), and the functions by which Python looks at the table.
 *
 * The choices are made once, before any other thread can be here, and only read afterwards: no atomics, no test per call.
 */
#include "kernels/registry.h"

#include <pthread.h>

#include "common/assert.h"
#include "cpu/features.h"
#include "crc/crc.h"
#include "crc/crc_combine.h"
#include "crc/crc_table.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/choose.h"
#include "lanes/combiner.h"

/* The place in this table is the algorithm's index; 1 << index is its bit in enum engine_digest. */
static const struct algorithm *const algorithms[ENGINE_ALGORITHM_COUNT] = {
    &algorithm_md5, &algorithm_sha1, &algorithm_sha256, &algorithm_sha512, &algorithm_crc32, &algorithm_crc32c, &algorithm_crc64nvme,
};

_Static_assert(ENGINE_CRCS == (ENGINE_DIGEST_CRC32 | ENGINE_DIGEST_CRC32C | ENGINE_DIGEST_CRC64NVME), "cffi takes literals only");
_Static_assert(1 << (ENGINE_ALGORITHM_COUNT - 1) == ENGINE_DIGEST_CRC64NVME, "the last algorithm is the last bit");

static struct choice choices[ENGINE_ALGORITHM_COUNT];
static int init_status;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static void init(void)
{
    if (!cpu_features_init()) {
        init_status = ENGINE_E_CPU_FEATURE;
        return;
    }
    crc_tables_init();
    crc_combine_init();
#if defined(TARGET_X86_64)
    crc_fold_init();
    crc_fold_wide_init();
#endif
    init_status = ENGINE_OK;
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) {
        choices[i] = choose_row(algorithms[i], cpu_features_usable());
        if (choices[i].chosen < 0)
            init_status = ENGINE_E_SELF_TEST;
    }
    if (init_status == ENGINE_OK && !crc_combine_answers())
        init_status = ENGINE_E_SELF_TEST;
    lanes_init(cpu_features_usable());
    combiner_init();
    if (!gcm_init(cpu_features_usable()))
        init_status = ENGINE_E_SELF_TEST;
    if (init_status == ENGINE_OK)
        fused_init(cpu_features_usable());
}

int engine_init(void)
{
    pthread_once(&init_once, init);
    return init_status;
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

const struct kernel_row *registry_chosen_row(int algorithm)
{
    return row_at(algorithm, engine_row_chosen(algorithm));
}

const char *engine_algorithm_name(int algorithm)
{
    return registry_algorithm(algorithm)->name;
}

int engine_algorithm_digest_size(int algorithm)
{
    return (int)registry_algorithm(algorithm)->digest_size;
}

int engine_row_count(int algorithm)
{
    return registry_algorithm(algorithm)->row_count;
}

int engine_row_chosen(int algorithm)
{
    ENGINE_ASSERT(algorithm >= 0 && algorithm < ENGINE_ALGORITHM_COUNT);
    return choices[algorithm].chosen;
}

const char *engine_row_name(int algorithm, int row)
{
    return row_at(algorithm, row)->name;
}

uint32_t engine_row_needs(int algorithm, int row)
{
    return row_at(algorithm, row)->needs;
}

bool engine_row_usable(int algorithm, int row)
{
    ENGINE_ASSERT(row >= 0 && row < registry_algorithm(algorithm)->row_count);
    return (choices[algorithm].usable >> row & 1) != 0;
}

int engine_row_run(int algorithm, int row, const uint8_t *data, size_t size, uint8_t *out)
{
    if (!engine_row_usable(algorithm, row))
        return ENGINE_E_KERNEL_UNUSABLE;
    return run_row(row_at(algorithm, row), data, size, out);
}
