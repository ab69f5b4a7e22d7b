/*
 * Fuzzes AES-256-GCM. This must hold: all rows that run here seal to the same bytes and open them again; none opens a
 * message with one changed bit, and then leaves nothing of it in the output.
 *
 *     bytes 0-31    key                                            bytes 32-43    nonce
 *     byte 44       size of the AAD, at most what is there         bytes 45-48    the bit that is changed
 *     the rest      the AAD, then the text
 */
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "engine.h"

enum { NONCE_AT = ENGINE_KEY_SIZE, AAD_SIZE_AT = NONCE_AT + ENGINE_NONCE_SIZE, BIT_AT, HEAD = BIT_AT + 4 };

struct message {
    const uint8_t *key, *nonce, *aad, *text;
    size_t aad_size, size;
};

static int opened(int row, const struct message *m, const uint8_t *sealed, uint8_t *out)
{
    return engine_gcm_row_open(row, m->key, m->nonce, m->aad, m->aad_size, sealed, m->size + ENGINE_TAG_SIZE, out);
}

static void check_row(int row, const struct message *m, uint8_t *first, bool is_first, uint32_t bit)
{
    const size_t sealed_size = m->size + ENGINE_TAG_SIZE;
    uint8_t *const sealed = malloc(sealed_size), *const out = malloc(m->size + 1);
    ENGINE_ASSERT(engine_gcm_row_seal(row, m->key, m->nonce, m->aad, m->aad_size, m->text, m->size, sealed) ==
                  ENGINE_OK);
    if (is_first)
        memcpy(first, sealed, sealed_size);
    ENGINE_ASSERT(memcmp(first, sealed, sealed_size) == 0);
    ENGINE_ASSERT(opened(row, m, sealed, out) == ENGINE_OK && memcmp(out, m->text, m->size) == 0);
    sealed[bit / 8 % sealed_size] ^= (uint8_t)(1u << bit % 8);
    ENGINE_ASSERT(opened(row, m, sealed, out) == ENGINE_E_SEALED_DAMAGED);
    for (size_t i = 0; i < m->size; i++)
        ENGINE_ASSERT(out[i] == 0);
    free(out);
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    if (size < HEAD)
        return 0;
    const size_t rest = size - HEAD, aad_size = data[AAD_SIZE_AT] < rest ? data[AAD_SIZE_AT] : rest;
    const struct message m = {data, data + NONCE_AT, data + HEAD, data + HEAD + aad_size, aad_size, rest - aad_size};
    uint32_t bit;
    memcpy(&bit, data + BIT_AT, sizeof bit);
    uint8_t *const first = malloc(m.size + ENGINE_TAG_SIZE);
    bool is_first = true;
    for (int i = 0; i < engine_row_count(); i++) {
        struct engine_row_info row;
        engine_row_describe(i, &row);
        if (row.family != ENGINE_ROW_GCM || !row.usable)
            continue;
        check_row(row.index, &m, first, is_first, bit);
        is_first = false;
    }
    free(first);
    return 0;
}
