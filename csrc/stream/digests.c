/*
 * A stream alone goes through fused passes (fused/alone.h). With other streams, MD5 and SHA-256 of whole blocks are
 * hashed in lanes with theirs (lanes/combiner.h) where that is worth it, and the remaining digests follow.
 */
#include "stream/digests.h"

#include "fused/alone.h"
#include "kernels/registry.h"

/* Fewer bytes are not worth meeting other streams for. */
enum { SHARED_SIZE_MIN = 16 * 1024 };

static uint32_t plain_among(uint32_t set)
{
    uint32_t plain = 0;
    FOR_EACH_DIGEST (set &(ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256), i)
        if (registry_chosen_row(i)->is_plain)
            plain |= 1u << i;
    return plain;
}

int digests_begin(struct digests *digests, uint32_t set)
{
    digests->set = set;
    digests->shared = combiner_digests(plain_among(set));
    FOR_EACH_DIGEST (set, i) {
        const int status = registry_chosen_row(i)->begin(&digests->states[i]);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

/* Let lanes take whole blocks. Returns how many bytes that were. If blocks are left, the stream has a turn to hash
 * some of them by itself, and then ends it with combiner_end_turn(). */
static size_t digest_in_lanes(struct digests *digests, const uint8_t *data, size_t size)
{
    struct md5 *const md5 = (digests->shared & ENGINE_DIGEST_MD5) != 0 ? &digests->states[INDEX(MD5)].md5 : NULL;
    struct sha256 *const sha256 =
        (digests->shared & ENGINE_DIGEST_SHA256) != 0 ? &digests->states[INDEX(SHA256)].sha256 : NULL;
    struct lane_job job = {data, size / LANE_BLOCK, md5 != NULL ? md5->h : NULL, sha256 != NULL ? sha256->h : NULL};

    combiner_take(&digests->member, &job);
    const size_t taken = (size_t)(job.data - data);
    if (md5 != NULL)
        md5->size += taken;
    if (sha256 != NULL)
        sha256->size += taken;
    return taken;
}

/* Return how many bytes are missing to the end of the current block: lanes take whole blocks. */
static size_t to_block_end(const struct digests *digests)
{
    const uint64_t size = (digests->shared & ENGINE_DIGEST_MD5) != 0 ? digests->states[INDEX(MD5)].md5.size
                                                                     : digests->states[INDEX(SHA256)].sha256.size;
    return (LANE_BLOCK - size % LANE_BLOCK) % LANE_BLOCK;
}

/* Digest, together with other streams if there are any. `which` is all digests, or those that can be shared. */
static int digest(struct digests *digests, uint32_t which, const uint8_t *data, size_t size)
{
    if (digests->shared == 0 || size < SHARED_SIZE_MIN)
        return alone_digest(digests->states, which, data, size);
    size_t done = to_block_end(digests);
    int status = alone_digest(digests->states, which, data, done);
    while (status == ENGINE_OK && size - done >= LANE_BLOCK) {
        const size_t taken = digest_in_lanes(digests, data + done, size - done);
        status = alone_digest_apart(digests->states, which & ~digests->shared, data + done, taken);
        done += taken;
        if (size - done < LANE_BLOCK)
            break;
        const size_t turn = size - done < COMBINER_QUANTUM ? (size - done) / LANE_BLOCK * LANE_BLOCK : COMBINER_QUANTUM;
        if (status == ENGINE_OK)
            status = alone_digest(digests->states, which, data + done, turn);
        combiner_end_turn(&digests->member);
        done += turn;
    }
    return status == ENGINE_OK ? alone_digest(digests->states, which, data + done, size - done) : status;
}

int digest_span(struct digests *digests, const uint8_t *data, size_t size)
{
    return digest(digests, digests->set, data, size);
}

bool digests_in_company(const struct digests *digests)
{
    return digests->shared != 0 && combiner_is_crowded(digests->shared);
}

int digests_go_ahead(struct digests *digests, const uint8_t *data, size_t size)
{
    digests->ahead += size;
    return digest(digests, digests->shared, data, size);
}

int digests_seal(struct digests *digests, union gcm_state *gcm, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    uint32_t left = digests->set;
    size_t known = digests->ahead < size ? digests->ahead : size;
    bool has_turn = false;
    int status = ENGINE_OK;
    digests->ahead -= known;
    if (known == 0 && digests->shared != 0 && size >= SHARED_SIZE_MIN && size <= COMBINER_QUANTUM) {
        known = digest_in_lanes(digests, data, size);
        has_turn = size - known >= LANE_BLOCK;
    }
    if (known > 0) {
        status = alone_digest(digests->states, digests->shared, data + known, size - known);
        left &= ~digests->shared;
    }
    if (status == ENGINE_OK)
        status = alone_seal(digests->states, left, gcm, nonce, aad, aad_size, data, size, out);
    if (has_turn)
        combiner_end_turn(&digests->member);
    return status;
}

int digests_finish(struct digests *digests)
{
    combiner_leave(&digests->member);
    FOR_EACH_DIGEST (digests->set, i) {
        const int status = registry_chosen_row(i)->finish(&digests->states[i], digests->results[i]);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

void digests_discard(struct digests *digests)
{
    combiner_leave(&digests->member);
    FOR_EACH_DIGEST (digests->set, i)
        registry_chosen_row(i)->discard(&digests->states[i]);
}
