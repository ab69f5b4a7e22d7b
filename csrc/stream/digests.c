/*
 * What the chosen rows can compute in one fused pass goes through that; the other digests, each for itself, in short steps behind it, so that
 * they find the bytes in a near cache.
 */
#include "stream/digests.h"

#include "kernels/registry.h"

/* One step goes through all digests before the next begins. */
enum { STEP_SIZE = 32 * 1024 };

int digests_begin(struct digests *digests, uint32_t set)
{
    digests->set = set;
    digests->together = fused_row_for(set, false);
    digests->sealing = fused_row_for(set, true);
    FOR_EACH_DIGEST(set, i) {
        const int status = registry_chosen_row(i)->begin(&digests->states[i]);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

/* What a fused row leaves of the set. */
static uint32_t left_by(const struct digests *digests, const struct fused_row *row)
{
    return row != NULL ? digests->set & ~row->digests : digests->set;
}

static int digest_apart(struct digests *digests, uint32_t which, const uint8_t *data, size_t size)
{
    FOR_EACH_DIGEST(which, i) {
        const int status = registry_chosen_row(i)->update(&digests->states[i], data, size);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

static int digest_step(struct digests *digests, const uint8_t *data, size_t size)
{
    const struct fused_row *const row = digests->together;
    const int status = row != NULL ? fused_digest(row, digests->states, data, size) : ENGINE_OK;
    return status == ENGINE_OK ? digest_apart(digests, left_by(digests, row), data, size) : status;
}

int digest_span(struct digests *digests, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size; done += STEP_SIZE) {
        const size_t step = size - done < STEP_SIZE ? size - done : STEP_SIZE;
        const int status = digest_step(digests, data + done, step);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                 const uint8_t *data, size_t size, uint8_t *out)
{
    const struct fused_row *const row = digests->sealing;
    if (row == NULL) {
        const int status = digest_span(digests, data, size);
        return status == ENGINE_OK ? gcm_chosen_row()->seal(gcm, nonce, aad, aad_size, data, size, out) : status;
    }
    const int status = fused_seal(row, digests->states, gcm, nonce, aad, aad_size, data, size, out);
    return status == ENGINE_OK ? digest_apart(digests, left_by(digests, row), data, size) : status;
}

int digests_finish(struct digests *digests)
{
    FOR_EACH_DIGEST(digests->set, i) {
        const int status = registry_chosen_row(i)->finish(&digests->states[i], digests->results[i]);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

void digests_discard(struct digests *digests)
{
    FOR_EACH_DIGEST(digests->set, i)
        registry_chosen_row(i)->discard(&digests->states[i]);
}
