/*
 * Sealed parts in memory: small ones live in a metadata row.
 */
#include <string.h>

#include "common/assert.h"
#include "keys/pages.h"
#include "sealed/part_key.h"

uint64_t engine_sealed_size(uint64_t size)
{
    const uint64_t segments = size == 0 ? 1 : (size - 1) / SEGMENT_SIZE + 1;
    return HEADER_SIZE + size + segments * ENGINE_TAG_SIZE;
}

static int seal_segments(const struct part_key *part, struct gcm *gcm, const uint8_t *data, size_t size, uint8_t *out)
{
    uint32_t index = 0;
    for (; size > SEGMENT_SIZE; size -= SEGMENT_SIZE) {
        const int status = part_key_seal(part, gcm, index++, false, data, SEGMENT_SIZE, out);
        if (status != ENGINE_OK)
            return status;
        data += SEGMENT_SIZE;
        out += SEALED_SEGMENT_SIZE;
    }
    return part_key_seal(part, gcm, index, true, data, size, out);
}

int engine_seal(const engine_key *upload_key, uint32_t part_number, const uint8_t *data, size_t size, uint8_t *out)
{
    struct part_key *const part = secret_pages_take(sizeof *part);
    struct gcm gcm = {0};
    int status = part != NULL ? part_key_new(part, upload_key, part_number) : ENGINE_E_MEMORY;
    if (status == ENGINE_OK) {
        memcpy(out, part->header, HEADER_SIZE);
        status = seal_segments(part, &gcm, data, size, out + HEADER_SIZE);
    }
    gcm_rest(&gcm);
    secret_pages_give_back(part, sizeof *part);
    return status;
}
