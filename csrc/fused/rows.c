/*
 * Tests and chooses the rows of the fused pass. A row carries on the states of other rows, so it is tested against the
 * chosen rows of what it computes, and is usable only if their states are plain.
 */
#include <string.h>

#include "common/assert.h"
#include "fused/folding.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"

#if defined(TARGET_FUSED)
enum { FUSED_ROWS = FUSED_ROWS_X86 };

static const struct fused_row *const rows = fused_rows_x86;
#else
enum { FUSED_ROWS = 0 };

static const struct fused_row *const rows = NULL;
#endif

static uint32_t usable;

_Static_assert(FUSED_ROWS <= 32, "a bit for each row");

static const struct fused_row *row_at(int row)
{
    ENGINE_ASSERT(row >= 0 && row < FUSED_ROWS);
    return &rows[row];
}

static bool is_usable(int row)
{
    ENGINE_ASSERT(row >= 0 && row < FUSED_ROWS);
    return (usable >> row & 1) != 0;
}

static bool states_are_plain(const struct fused_row *row)
{
    FOR_EACH_DIGEST (row->digests & ~ENGINE_CRCS, i)
        if (!registry_chosen_row(i)->is_plain)
            return false;
    return !row->seals || gcm_chosen_row()->pieces != NULL;
}

static int finish(const struct fused_row *row, union digest_state *states, uint8_t *digests)
{
    FOR_EACH_DIGEST (row->digests, i) {
        const int status = registry_chosen_row(i)->finish(&states[i], digests);
        if (status != ENGINE_OK)
            return status;
        digests += registry_algorithm(i)->digest_size;
    }
    return ENGINE_OK;
}

static int run(const struct fused_row *row, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad,
               size_t aad_size, const uint8_t *data, size_t size, uint8_t *out, uint8_t *digests)
{
    union digest_state states[ENGINE_ALGORITHM_COUNT] = {0};
    FOR_EACH_DIGEST (row->digests, i) {
        const int status = registry_chosen_row(i)->begin(&states[i]);
        if (status != ENGINE_OK)
            return status;
    }
    const int status = row->seals ? fused_seal(row, states, gcm, nonce, aad, aad_size, data, size, out)
                                  : fused_digest(row, states, data, size);
    return status == ENGINE_OK ? finish(row, states, digests) : status;
}

/* Run a row over one message, for tests and benchmarks. The prepared key lies on the stack and is wiped. */
static int run_once(const struct fused_row *row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                    size_t aad_size, const uint8_t *data, size_t size, uint8_t *out, uint8_t *digests)
{
    union gcm_state gcm = {0};
    int status = row->seals ? gcm_chosen_row()->begin(&gcm, key) : ENGINE_OK;
    if (status == ENGINE_OK)
        status = run(row, &gcm, nonce, aad, aad_size, data, size, out, digests);
    if (row->seals)
        gcm_chosen_row()->discard(&gcm);
    return status;
}

static bool digests_are_right(const struct fused_row *row, const uint8_t *digests)
{
    FOR_EACH_DIGEST (row->digests, i) {
        const struct algorithm *const algorithm = registry_algorithm(i);
        if (memcmp(digests, algorithm->answer_of_pattern, algorithm->digest_size) != 0)
            return false;
        digests += algorithm->digest_size;
    }
    return true;
}

static bool row_answers(const struct fused_row *row)
{
    static const uint8_t key[ENGINE_KEY_SIZE] = {1}, nonce[ENGINE_NONCE_SIZE] = {2}, aad[] = {3};
    uint8_t pattern[SELF_TEST_SIZE], sealed[SELF_TEST_SIZE + ENGINE_TAG_SIZE], expected[sizeof sealed];
    uint8_t digests[ENGINE_ALGORITHM_COUNT * ENGINE_DIGEST_SIZE_MAX];
    fill_with_pattern(pattern, sizeof pattern);
    if (run_once(row, key, nonce, aad, sizeof aad, pattern, sizeof pattern, sealed, digests) != ENGINE_OK)
        return false;
    if (!digests_are_right(row, digests))
        return false;
    if (!row->seals)
        return true;
    return gcm_seal_once(gcm_chosen_row(), key, nonce, aad, sizeof aad, pattern, sizeof pattern, expected) ==
               ENGINE_OK &&
           memcmp(sealed, expected, sizeof sealed) == 0;
}

void fused_init(uint32_t features)
{
#if defined(TARGET_FUSED)
    fused_folding_init();
#endif
    for (int i = 0; i < FUSED_ROWS; i++)
        if ((rows[i].needs & ~features) == 0 && states_are_plain(&rows[i]) && row_answers(&rows[i]))
            usable |= 1u << i;
}

const struct fused_row *fused_row_for(uint32_t digests, bool seals)
{
    for (int i = 0; i < FUSED_ROWS; i++)
        if ((usable >> i & 1) != 0 && rows[i].seals == seals && (rows[i].digests & ~digests) == 0)
            return &rows[i];
    return NULL;
}

int fused_row_count(void)
{
    return FUSED_ROWS;
}

void fused_describe(int index, struct engine_row_info *info)
{
    const struct fused_row *const row = row_at(index);
    info->name = row->name;
    info->digests = row->digests;
    info->seals = row->seals;
    info->needs = row->needs;
    info->usable = is_usable(index);
    info->chosen = fused_row_for(row->digests, row->seals) == row;
}

int engine_fused_row_run(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                         const uint8_t *data, size_t size, uint8_t *out, uint8_t *digests)
{
    return is_usable(row) ? run_once(row_at(row), key, nonce, aad, aad_size, data, size, out, digests)
                          : ENGINE_E_KERNEL_UNUSABLE;
}
