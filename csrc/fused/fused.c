/*
 * The fused pass over any number of bytes. The rows take whole blocks; the chosen rows of each algorithm, which share
 * their states, take the bytes before and behind.
 */
#include "fused/fused.h"

#include <openssl/crypto.h>

#include "common/assert.h"
#include "gcm/gcm.h"
#include "kernels/registry.h"

static struct fused states_of(union digest_state *states, union gcm_state *gcm)
{
    return (struct fused){
        .md5 = states[INDEX(MD5)].md5.h,
        .sha256 = states[INDEX(SHA256)].sha256.h,
        .crc64 = &states[INDEX(CRC64NVME)].crc,
        .gcm = gcm != NULL ? &gcm->x86 : NULL,
    };
}

/* Overwrite the stack below this frame: a compiler that runs out of registers keeps secrets there. */
static __attribute__((noinline)) void wipe_stack(void)
{
    uint8_t frame[1024];
    OPENSSL_cleanse(frame, sizeof frame);
}

/* Run the row over whole blocks. */
static void carry_on(const struct fused_row *row, union digest_state *states, union gcm_state *gcm, const uint8_t *data,
                     size_t size, uint8_t *out)
{
    const struct fused fused = states_of(states, gcm);
    row->blocks(&fused, data, size / FUSED_BLOCK, out);
    if (row->seals)
        wipe_stack();
    if ((row->digests & ENGINE_DIGEST_MD5) != 0)
        states[INDEX(MD5)].md5.size += size;
    if ((row->digests & ENGINE_DIGEST_SHA256) != 0)
        states[INDEX(SHA256)].sha256.size += size;
}

static int digest_apart(const struct fused_row *row, union digest_state *states, const uint8_t *data, size_t size)
{
    FOR_EACH_DIGEST (row->digests, i) {
        const int status = registry_chosen_row(i)->update(&states[i], data, size);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

int fused_digest(const struct fused_row *row, union digest_state *states, const uint8_t *data, size_t size)
{
    const size_t begun = states[INDEX(MD5)].md5.size % FUSED_BLOCK, to_end = begun > 0 ? FUSED_BLOCK - begun : 0;
    const size_t first = to_end < size ? to_end : size, blocks = (size - first) / FUSED_BLOCK * FUSED_BLOCK;
    int status = first > 0 ? digest_apart(row, states, data, first) : ENGINE_OK;
    if (status == ENGINE_OK && blocks > 0)
        carry_on(row, states, NULL, data + first, blocks, NULL);
    if (status == ENGINE_OK && first + blocks < size)
        status = digest_apart(row, states, data + first + blocks, size - first - blocks);
    return status;
}

int fused_seal(const struct fused_row *row, union digest_state *states, union gcm_state *gcm, const uint8_t *nonce,
               const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    const size_t blocks = size / FUSED_BLOCK * FUSED_BLOCK, rest = size - blocks;
    const struct gcm_pieces *const pieces = gcm_chosen_row()->pieces;
    ENGINE_ASSERT((row->digests & ENGINE_DIGEST_MD5) == 0 || states[INDEX(MD5)].md5.size % FUSED_BLOCK == 0);
    pieces->begin(&gcm->x86, nonce, aad, aad_size);
    carry_on(row, states, gcm, data, blocks, out);
    const int status = digest_apart(row, states, data + blocks, rest);
    pieces->carry_on(&gcm->x86, true, data + blocks, rest, out + blocks);
    pieces->finish(&gcm->x86, out + size);
    return status;
}
