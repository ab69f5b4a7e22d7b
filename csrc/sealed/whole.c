/*
 * Seals parts in memory. Small parts are kept in the metadata.
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

/* Lives in secret pages. */
struct sealing {
    struct part_key part;
    struct gcm gcm;
};

static int seal_segments(struct sealing *sealing, const uint8_t *data, size_t size, uint8_t *out)
{
    uint32_t index = 0;
    for (; size > SEGMENT_SIZE; size -= SEGMENT_SIZE) {
        const int status = part_key_seal(&sealing->part, &sealing->gcm, index++, false, data, SEGMENT_SIZE, out);
        if (status != ENGINE_OK)
            return status;
        data += SEGMENT_SIZE;
        out += SEALED_SEGMENT_SIZE;
    }
    return part_key_seal(&sealing->part, &sealing->gcm, index, true, data, size, out);
}

int engine_seal(const engine_key *upload_key, uint32_t part_number, const uint8_t *data, size_t size, uint8_t *out)
{
    struct sealing *const sealing = secret_pages_take(sizeof *sealing);
    if (sealing == NULL)
        return ENGINE_E_MEMORY;
    int status = part_key_new(&sealing->part, upload_key, part_number);
    if (status == ENGINE_OK) {
        memcpy(out, sealing->part.header, HEADER_SIZE);
        status = seal_segments(sealing, data, size, out + HEADER_SIZE);
    }
    gcm_wipe(&sealing->gcm);
    secret_pages_give_back(sealing, sizeof *sealing);
    return status;
}
