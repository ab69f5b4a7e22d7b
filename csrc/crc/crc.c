/*
 * Begin, finish and discard, for all rows of the CRCs.
 */
#include "crc/crc.h"

#include "common/bytes.h"

int crc32_begin(union digest_state *state)
{
    state->crc = UINT32_MAX;
    return ENGINE_OK;
}

int crc32_finish(union digest_state *state, uint8_t *out)
{
    store_big(out, ~state->crc, 4);
    return ENGINE_OK;
}

int crc64_begin(union digest_state *state)
{
    state->crc = UINT64_MAX;
    return ENGINE_OK;
}

int crc64_finish(union digest_state *state, uint8_t *out)
{
    store_big(out, ~state->crc, 8);
    return ENGINE_OK;
}

void crc_discard(union digest_state *state)
{
    (void)state;
}
