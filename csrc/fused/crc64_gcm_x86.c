/*
 * The fused pass without MD5, for bytes that MD5 and SHA-256 have taken in lanes already: CRC64NVME beside AES-256-GCM,
 * which leaves room for its few instructions.
 */
#include "cpu/target.h"

#if defined(TARGET_FUSED)
#include "crc/crc_table.h"
#include "fused/folding.h"
#include "fused/fused.h"
#include "gcm/gcm_x86_avx512.h"

TARGET_VAES_AVX512 static size_t take_steps(const struct fused *fused, const uint8_t *data, size_t size, uint8_t *out)
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

void fused_crc64_gcm(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out)
{
    const size_t size = FUSED_BLOCK * blocks, done = take_steps(fused, data, size, out);
    *fused->crc64 = crc64_by_tables(&crc64_nvme_tables, *fused->crc64, data + done, size - done);
    /* This clears the registers too, even if no bytes are left. */
    gcm_row_x86_vaes_avx512.pieces->carry_on(fused->gcm, true, data + done, size - done, out + done);
}
#endif
