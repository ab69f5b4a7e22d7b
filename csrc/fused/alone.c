#include "fused/alone.h"

#include "kernels/registry.h"

/* All digests take one step before the next begins. */
enum { STEP_SIZE = 32 * 1024 };

/* Return the digests that a fused row does not compute. */
static uint32_t left_by(const struct fused_row *row, uint32_t which)
{
    return row != NULL ? which & ~row->digests : which;
}

int alone_digest_apart(union digest_state *states, uint32_t which, const uint8_t *data, size_t size)
{
    FOR_EACH_DIGEST (which, i) {
        const int status = registry_chosen_row(i)->update(&states[i], data, size);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

int alone_digest(union digest_state *states, uint32_t which, const uint8_t *data, size_t size)
{
    const struct fused_row *const row = fused_row_for(which, false);
    for (size_t done = 0; done < size; done += STEP_SIZE) {
        const size_t step = size - done < STEP_SIZE ? size - done : STEP_SIZE;
        int status = row != NULL ? fused_digest(row, states, data + done, step) : ENGINE_OK;
        if (status == ENGINE_OK)
            status = alone_digest_apart(states, left_by(row, which), data + done, step);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

int alone_seal(union digest_state *states, uint32_t which, union gcm_state *gcm, const uint8_t *nonce,
               const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    const struct fused_row *const row = fused_row_for(which, true);
    if (row == NULL) {
        const int status = alone_digest(states, which, data, size);
        return status == ENGINE_OK ? gcm_chosen_row()->seal(gcm, nonce, aad, aad_size, data, size, out) : status;
    }
    const int status = fused_seal(row, states, gcm, nonce, aad, aad_size, data, size, out);
    return status == ENGINE_OK ? alone_digest_apart(states, left_by(row, which), data, size) : status;
}
