/*
 * A row is usable if the processor has what it needs and the row gives the right answers. The first usable row is
 * chosen. The test at load costs some microseconds a row, and finds what no build machine can: a wrong assumption about
 * this very processor, and a libcrypto that refuses the algorithm.
 */
#include "kernels/choose.h"

#include <string.h>

#include "common/assert.h"

int run_row(const struct kernel_row *row, const uint8_t *data, size_t size, uint8_t *out)
{
    union digest_state state = {0};
    int status = row->begin(&state);
    if (status == ENGINE_OK)
        status = row->update(&state, data, size);
    if (status == ENGINE_OK)
        status = row->finish(&state, out);
    row->discard(&state);
    return status;
}

/* Digest in two unequal pieces, so that the state between two updates is tested too. */
static int run_row_in_pieces(const struct kernel_row *row, const uint8_t *data, size_t size, uint8_t *out)
{
    const size_t first = size / 3 + 1;
    union digest_state state = {0};
    int status = row->begin(&state);
    if (status == ENGINE_OK)
        status = row->update(&state, data, first);
    if (status == ENGINE_OK)
        status = row->update(&state, data + first, size - first);
    if (status == ENGINE_OK)
        status = row->finish(&state, out);
    row->discard(&state);
    return status;
}

static bool row_answers(const struct algorithm *algorithm, const struct kernel_row *row)
{
    uint8_t pattern[SELF_TEST_SIZE];
    uint8_t out[ENGINE_DIGEST_SIZE_MAX];

    fill_with_pattern(pattern, sizeof pattern);
    return run_row(row, nine_digits, sizeof nine_digits, out) == ENGINE_OK &&
           memcmp(out, algorithm->answer_of_nine, algorithm->digest_size) == 0 &&
           run_row(row, pattern, sizeof pattern, out) == ENGINE_OK &&
           memcmp(out, algorithm->answer_of_pattern, algorithm->digest_size) == 0 &&
           run_row_in_pieces(row, pattern, sizeof pattern, out) == ENGINE_OK &&
           memcmp(out, algorithm->answer_of_pattern, algorithm->digest_size) == 0;
}

struct choice choose_row(const struct algorithm *algorithm, uint32_t features)
{
    struct choice choice = {.usable = 0, .chosen = -1};

    ENGINE_ASSERT(algorithm->row_count <= ROW_COUNT_MAX);
    ENGINE_ASSERT(algorithm->digest_size <= ENGINE_DIGEST_SIZE_MAX);
    for (int i = algorithm->row_count - 1; i >= 0; i--) {
        const struct kernel_row *row = &algorithm->rows[i];
        if ((row->needs & ~features) != 0 || !row_answers(algorithm, row))
            continue;
        choice.usable |= 1u << i;
        choice.chosen = i;
    }
    return choice;
}
