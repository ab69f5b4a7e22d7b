/*
 * What a message sealed by a row of the fused pass leaves on the stack, where a compiler keeps what finds no register: each row that can
 * run here is run with two keys, and whatever differs afterwards tells of them.
 *
 * Prints how many rows ran, and how many bytes told, one "name: number" a line.
 */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"

enum { DEPTH = 4096, TEXT = 1024 };

static const uint8_t nonce[ENGINE_NONCE_SIZE];
static uint8_t key[ENGINE_KEY_SIZE], text[TEXT], sealed[TEXT + ENGINE_TAG_SIZE], stack[DEPTH], by_other[DEPTH];
static union gcm_state gcm;
static union digest_state states[ENGINE_ALGORITHM_COUNT];

/* Its frame is where those of others will be, or were. */
static __attribute__((noinline)) void look_below(bool is_over)
{
    volatile uint8_t below[DEPTH];
    for (int i = 0; i < DEPTH; i++)
        if (is_over)
            stack[i] = below[i];
        else
            below[i] = 0;
}

/* In its own frame, too, there may be nothing that differs but by the key. */
static __attribute__((noinline)) void run(const struct fused_row *row)
{
    memset(states, 0, sizeof states);
    FOR_EACH_DIGEST(row->digests, i)
        ENGINE_ASSERT(registry_chosen_row(i)->begin(&states[i]) == ENGINE_OK);
    ENGINE_ASSERT(gcm_chosen_row()->begin(&gcm, key) == ENGINE_OK);
    look_below(false);
    ENGINE_ASSERT(fused_seal(row, states, &gcm, nonce, NULL, 0, text, TEXT, sealed) == ENGINE_OK);
    look_below(true);
}

static int telling(const struct fused_row *row)
{
    int found = 0;
    for (int i = 0; i < 2; i++) {
        memset(key, i, sizeof key);
        memcpy(by_other, stack, sizeof stack);
        run(row);
    }
    for (int i = 0; i < DEPTH; i++)
        found += stack[i] != by_other[i];
    return found;
}

int main(void)
{
    int rows = 0, found = 0;
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    for (int i = 0; i < FUSED_ROWS_X86; i++) {
        struct engine_row_info info = {0};
        fused_describe(i, &info);
        if (!info.seals || !info.usable)
            continue;
        rows++;
        found += telling(&fused_rows_x86[i]);
    }
    printf("rows: %d\ntelling: %d\n", rows, found);
    return 0;
}
