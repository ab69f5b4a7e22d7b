/*
 * engine_init(). This file knows every part of the core, and no part knows it.
 *
 * All choices are made here, once, before another thread can be here, and are only read afterwards: no atomics, and no
 * test in a call.
 */
#include <pthread.h>

#include "cpu/features.h"
#include "crc/crc.h"
#include "crc/crc_combine.h"
#include "crc/crc_ring.h"
#include "crc/crc_table.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"
#include "lanes/combiner.h"
#include "lanes/worth.h"

static int init_status;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
    crc_tables_init();
    crc_ring_init();
#if defined(TARGET_X86_64)
    crc_fold_init();
    crc_fold_avx2_init();
    crc_fold_avx512_init();
#endif
}

/* Each step uses the rows that the steps before it chose. */
static void init(void)
{
    if (!cpu_features_init()) {
        init_status = ENGINE_E_CPU_FEATURE;
        return;
    }
    const uint32_t features = cpu_features_usable();
    fill_tables();
    const bool digests_work = registry_init(features) && crc_combine_answers();
    lanes_init(features);
    const bool gcm_works = gcm_init(features);
    init_status = digests_work && gcm_works ? ENGINE_OK : ENGINE_E_SELF_TEST;
    if (init_status != ENGINE_OK)
        return;
    fused_init(features);
    lanes_worth_init();
    combiner_init();
}

int engine_init(void)
{
    pthread_once(&init_once, init);
    return init_status;
}
