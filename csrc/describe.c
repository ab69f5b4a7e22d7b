/*
 * The list of all kernel rows, as Python sees it: one family after the other. Each family describes its own rows.
 */
#include "common/assert.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"
#include "lanes/lanes.h"

struct family {
    int (*count)(void);
    void (*describe)(int index, struct engine_row_info *info);
};

/* In the order of enum engine_row_family. */
static const struct family families[] = {
    {registry_row_count, registry_describe},
    {gcm_row_count, gcm_describe},
    {fused_row_count, fused_describe},
    {lanes_row_count, lanes_describe},
};

enum { FAMILIES = sizeof families / sizeof families[0] };

_Static_assert((int)FAMILIES == ENGINE_ROW_LANES + 1, "a family for each member of enum engine_row_family");

int engine_row_count(void)
{
    int count = 0;
    for (int i = 0; i < FAMILIES; i++)
        count += families[i].count();
    return count;
}

void engine_row_describe(int row, struct engine_row_info *info)
{
    int family = 0;
    ENGINE_ASSERT(row >= 0 && row < engine_row_count());
    for (; row >= families[family].count(); family++)
        row -= families[family].count();
    *info = (struct engine_row_info){.family = family, .index = row, .streams = 1};
    families[family].describe(row, info);
}
