/*
 * What the chosen rows can compute in one fused pass goes through that; the other digests, each for itself, in short steps behind it, so that
 * they find the bytes in a near cache.
 *
 * That is for a stream alone. With others, MD5 and SHA-256 of whole blocks are hashed in lanes with theirs (lanes/combiner.h), and the
 * rest is done by itself, behind it.
 */
#include "stream/digests.h"

#include "kernels/registry.h"

/* One step goes through all digests before the next begins; what is shorter than SHARED_SIZE_MIN is not worth meeting others for. */
enum { STEP_SIZE = 32 * 1024, SHARED_SIZE_MIN = 16 * 1024 };

static uint32_t plain_among(uint32_t set)
{
    uint32_t plain = 0;
    FOR_EACH_DIGEST(set & (ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256), i)
        if (registry_chosen_row(i)->is_raw)
            plain |= 1u << i;
    return plain;
}

int digests_begin(struct digests *digests, uint32_t set)
{
    digests->set = set;
    digests->together = fused_row_for(set, false);
    digests->sealing = fused_row_for(set, true);
    digests->shared = combiner_digests(plain_among(set));
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

static int digest_alone(struct digests *digests, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size; done += STEP_SIZE) {
        const size_t step = size - done < STEP_SIZE ? size - done : STEP_SIZE;
        const int status = digest_step(digests, data + done, step);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

static int seal_alone(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                      const uint8_t *data, size_t size, uint8_t *out)
{
    const struct fused_row *const row = digests->sealing;
    if (row == NULL) {
        const int status = digest_alone(digests, data, size);
        return status == ENGINE_OK ? gcm_chosen_row()->seal(gcm, nonce, aad, aad_size, data, size, out) : status;
    }
    const int status = fused_seal(row, digests->states, gcm, nonce, aad, aad_size, data, size, out);
    return status == ENGINE_OK ? digest_apart(digests, left_by(digests, row), data, size) : status;
}

/* Let lanes take whole blocks, and do what they do not compute; says how many bytes that were. If blocks are left, the stream is alone: it
 * has a turn to hash some of them, and says combiner_rest() then. */
static int digest_in_lanes(struct digests *digests, const uint8_t *data, size_t size, size_t *taken)
{
    struct md5 *const md5 = (digests->shared & ENGINE_DIGEST_MD5) != 0 ? &digests->states[INDEX(MD5)].md5 : NULL;
    struct sha256 *const sha256 = (digests->shared & ENGINE_DIGEST_SHA256) != 0 ? &digests->states[INDEX(SHA256)].sha256 : NULL;
    struct lane_job job = {data, size / LANE_BLOCK, md5 != NULL ? md5->h : NULL, sha256 != NULL ? sha256->h : NULL};

    combiner_take(&digests->member, &job);
    *taken = (size_t)(job.data - data);
    if (md5 != NULL)
        md5->size += *taken;
    if (sha256 != NULL)
        sha256->size += *taken;
    return digest_apart(digests, digests->set & ~digests->shared, data, *taken);
}

/* Lanes take whole blocks, from the start of one. */
static size_t to_block_end(const struct digests *digests)
{
    const uint64_t size = (digests->shared & ENGINE_DIGEST_MD5) != 0 ? digests->states[INDEX(MD5)].md5.size
                                                                     : digests->states[INDEX(SHA256)].sha256.size;
    return (LANE_BLOCK - size % LANE_BLOCK) % LANE_BLOCK;
}

int digest_span(struct digests *digests, const uint8_t *data, size_t size)
{
    if (digests->shared == 0 || size < SHARED_SIZE_MIN)
        return digest_alone(digests, data, size);
    size_t done = to_block_end(digests), taken;
    int status = digest_alone(digests, data, done);
    while (status == ENGINE_OK && size - done >= LANE_BLOCK) {
        status = digest_in_lanes(digests, data + done, size - done, &taken);
        done += taken;
        if (size - done < LANE_BLOCK)
            break;
        const size_t turn = size - done < COMBINER_QUANTUM ? (size - done) / LANE_BLOCK * LANE_BLOCK : COMBINER_QUANTUM;
        if (status == ENGINE_OK)
            status = digest_alone(digests, data + done, turn);
        combiner_rest(&digests->member);
        done += turn;
    }
    return status == ENGINE_OK ? digest_alone(digests, data + done, size - done) : status;
}

bool digests_in_company(const struct digests *digests)
{
    return digests->shared != 0 && combiner_is_crowded(digests->shared);
}

int digests_go_ahead(struct digests *digests, const uint8_t *data, size_t size)
{
    digests->ahead += size;
    return digest_span(digests, data, size);
}

static int seal_what_is_ahead(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                              const uint8_t *data, size_t size, uint8_t *out)
{
    const size_t known = digests->ahead < size ? digests->ahead : size;
    digests->ahead -= known;
    const int status = digest_alone(digests, data + known, size - known);
    return status == ENGINE_OK ? gcm_chosen_row()->seal(gcm, nonce, aad, aad_size, data, size, out) : status;
}

int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                 const uint8_t *data, size_t size, uint8_t *out)
{
    if (digests->ahead > 0)
        return seal_what_is_ahead(digests, gcm, nonce, aad, aad_size, data, size, out);
    if (digests->shared == 0 || size < SHARED_SIZE_MIN || size > COMBINER_QUANTUM)
        return seal_alone(digests, gcm, nonce, aad, aad_size, data, size, out);
    size_t taken;
    int status = digest_in_lanes(digests, data, size, &taken);
    const bool is_alone = size - taken >= LANE_BLOCK;
    if (status == ENGINE_OK && taken == 0)
        status = seal_alone(digests, gcm, nonce, aad, aad_size, data, size, out);
    else if (status == ENGINE_OK)
        status = digest_alone(digests, data + taken, size - taken);
    if (is_alone)
        combiner_rest(&digests->member);
    return status == ENGINE_OK && taken > 0 ? gcm_chosen_row()->seal(gcm, nonce, aad, aad_size, data, size, out) : status;
}

int digests_finish(struct digests *digests)
{
    combiner_part(&digests->member);
    FOR_EACH_DIGEST(digests->set, i) {
        const int status = registry_chosen_row(i)->finish(&digests->states[i], digests->results[i]);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

void digests_discard(struct digests *digests)
{
    combiner_part(&digests->member);
    FOR_EACH_DIGEST(digests->set, i)
        registry_chosen_row(i)->discard(&digests->states[i]);
}
