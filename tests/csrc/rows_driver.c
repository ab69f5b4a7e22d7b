/*
 * Prints each row of each table, a line of its table, its name, what it needs ("-" for nothing), and where its functions are.
 */
#include "lanes/lanes.c" /* whose table nobody else sees */

#include <stdio.h>

#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"

static void tell(const char *table, const char *name, uint32_t needs)
{
    const char *separator = "";
    printf("\n%s %s ", table, name);
    for (int i = 0; i < engine_cpu_feature_count(); i++)
        if ((needs >> i & 1) != 0) {
            printf("%s%s", separator, engine_cpu_feature_name(i));
            separator = ",";
        }
    if (needs == 0)
        printf("-");
}

#define FUNCTION(pointer) printf(" %lx", (unsigned long)(uintptr_t)(pointer))

static void tell_of_digests(void)
{
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) {
        const struct algorithm *const algorithm = registry_algorithm(i);
        for (const struct kernel_row *row = algorithm->rows; row < algorithm->rows + algorithm->row_count; row++) {
            tell(algorithm->name, row->name, row->needs);
            FUNCTION(row->begin);
            FUNCTION(row->update);
            FUNCTION(row->finish);
            FUNCTION(row->discard);
        }
    }
}

static void tell_of_ciphers(void)
{
    static const struct gcm_row *const all[] = {&gcm_row_x86_vaes_avx512, &gcm_row_x86_vaes_avx2, &gcm_row_x86_aesni,
                                                &gcm_row_libcrypto};
    ENGINE_ASSERT(gcm_row_count() == sizeof all / sizeof all[0]);
    for (int i = 0; i < gcm_row_count(); i++) {
        tell("AES-256-GCM", all[i]->name, all[i]->needs);
        FUNCTION(all[i]->begin);
        FUNCTION(all[i]->seal);
        FUNCTION(all[i]->open);
        FUNCTION(all[i]->discard);
        if (all[i]->pieces == NULL)
            continue;
        FUNCTION(all[i]->pieces->begin);
        FUNCTION(all[i]->pieces->carry_on);
        FUNCTION(all[i]->pieces->finish);
    }
}

int main(void)
{
    tell_of_digests();
    tell_of_ciphers();
    for (int i = 0; i < FUSED_ROWS_X86; i++) {
        tell(fused_rows_x86[i].seals ? "fused-sealing" : "fused", fused_rows_x86[i].name, fused_rows_x86[i].needs);
        FUNCTION(fused_rows_x86[i].blocks);
    }
    for (int i = 0; i < ROWS; i++) {
        tell("lanes", rows[i].name, rows[i].needs);
        FUNCTION(rows[i].run);
    }
    return 0;
}
