/*
 * Drives kernels/choose.c with rows that lie, crash where they must not run, or fail: what no real row does on purpose.
 * Prints "chosen usable" for each case; test_choose.py knows what must come out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc/crc.h"
#include "crc/crc_table.h"
#include "kernels/choose.h"

static int update_honest(union digest_state *state, const uint8_t *data, size_t size)
{
    state->crc = crc32_by_tables(&crc32_iso_hdlc_tables, (uint32_t)state->crc, data, size);
    return ENGINE_OK;
}

/* Right for the check value everybody tests with, wrong from 16 bytes on. */
static int update_wrong_when_long(union digest_state *state, const uint8_t *data, size_t size)
{
    update_honest(state, data, size);
    state->crc ^= size >= 16;
    return ENGINE_OK;
}

/* Right in one go, forgets what an earlier update left. */
static int update_forgetful(union digest_state *state, const uint8_t *data, size_t size)
{
    state->crc = UINT32_MAX;
    return update_honest(state, data, size);
}

static int update_failing(union digest_state *state, const uint8_t *data, size_t size)
{
    (void)state, (void)data, (void)size;
    return ENGINE_E_LIBCRYPTO;
}

static int update_forbidden(union digest_state *state, const uint8_t *data, size_t size)
{
    (void)state, (void)data, (void)size;
    abort();
}

#define ROW(name, needs, update) {name, needs, crc32_begin, update, crc32_finish, crc_discard, false}
#define HONEST ROW("honest", 0, update_honest)

static void show(const char *label, const struct kernel_row *rows, int count, uint32_t features)
{
    const struct algorithm algorithm = {
        .name = "CRC32",
        .digest_size = 4,
        .answer_of_nine = ANSWER_CRC32_OF_NINE,
        .answer_of_pattern = ANSWER_CRC32_OF_PATTERN,
        .rows = rows,
        .row_count = count,
    };
    const struct choice choice = choose_row(&algorithm, features);
    printf("%s: %d %x\n", label, choice.chosen, (unsigned)choice.usable);
}

#define SHOW(label, features, ...)                             \
    do {                                                       \
        const struct kernel_row rows[] = {__VA_ARGS__};        \
        show(label, rows, ROW_COUNT(rows), features);          \
    } while (0)

int main(void)
{
    crc_tables_init();
    SHOW("one honest row", 0, HONEST);
    SHOW("the first of two honest rows", 0, HONEST, HONEST);
    SHOW("wrong when long", 0, ROW("wrong", 0, update_wrong_when_long), HONEST);
    SHOW("forgetful", 0, ROW("forgetful", 0, update_forgetful), HONEST);
    SHOW("failing", 0, ROW("failing", 0, update_failing), HONEST);
    SHOW("lacking a feature", 5, ROW("forbidden", 2, update_forbidden), HONEST);
    SHOW("lacking one of two features", 5, ROW("forbidden", 3, update_forbidden), HONEST);
    SHOW("having both features", 7, ROW("wide", 3, update_honest), HONEST);
    SHOW("nothing works", 0, ROW("wrong", 0, update_wrong_when_long), ROW("failing", 0, update_failing));
    return 0;
}
