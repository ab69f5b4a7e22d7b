/*
 * The fused passes without MD5, for bytes that MD5 and SHA-256 have taken in lanes already: CRC64NVME beside
 * AES-256-GCM, which leaves room for its few instructions.
 */
#include "cpu/target.h"

#if defined(TARGET_FUSED)
#include "crc/crc_table.h"
#include "fused/folding.h"
#include "fused/fused.h"
#include "gcm/gcm_x86_avx2.h"
#include "gcm/gcm_x86_avx512.h"

TARGET_VAES_AVX512 static size_t take_wide_steps(const struct fused *fused, const uint8_t *data, size_t size,
                                                 uint8_t *out)
{
    struct gcm_wide_crc crc = gcm_wide_begin_crc(*fused->crc64, fused_crc64_folding);
    uint8_t remainder[FUSED_BLOCK];
    const size_t done = gcm_wide_crypt_steps(fused->gcm, true, &crc, data, size, out);
    _mm512_storeu_si512(remainder, crc.remainder);
    fused->gcm->size += done;
    if (done > 0)
        *fused->crc64 = crc64_by_tables(&crc64_nvme_tables, 0, remainder, sizeof remainder);
    return done;
}

TARGET_VAES_AVX2 static size_t take_pair_steps(const struct fused *fused, const uint8_t *data, size_t size,
                                               uint8_t *out)
{
    struct gcm_pair_crc crc = gcm_pair_begin_crc(*fused->crc64, fused_crc64_folding);
    uint8_t remainder[FUSED_BLOCK];
    const size_t done = gcm_pair_seal_steps(fused->gcm, &crc, data, size, out);
    _mm256_storeu_si256((void *)remainder, crc.remainder[0]);
    _mm256_storeu_si256((void *)(remainder + GCM_PAIR), crc.remainder[1]);
    fused->gcm->size += done;
    if (done > 0)
        *fused->crc64 = crc64_by_tables(&crc64_nvme_tables, 0, remainder, sizeof remainder);
    return done;
}

/* The cipher's row clears the registers too, even if no bytes are left. */
static void take_rest(const struct gcm_row *row, const struct fused *fused, const uint8_t *data, size_t size,
                      uint8_t *out)
{
    *fused->crc64 = crc64_by_tables(&crc64_nvme_tables, *fused->crc64, data, size);
    row->pieces->carry_on(fused->gcm, true, data, size, out);
}

void fused_crc64_gcm_avx512(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out)
{
    const size_t size = FUSED_BLOCK * blocks, done = take_wide_steps(fused, data, size, out);
    take_rest(&gcm_row_x86_vaes_avx512, fused, data + done, size - done, out + done);
}

void fused_crc64_gcm_avx2(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out)
{
    const size_t size = FUSED_BLOCK * blocks, done = take_pair_steps(fused, data, size, out);
    take_rest(&gcm_row_x86_vaes_avx2, fused, data + done, size - done, out + done);
}
#endif
