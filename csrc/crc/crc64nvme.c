/*
 * CRC-64/NVME, the default checksum of today's AWS clients; S3's CRC64NVME.
 */
#include "cpu/features.h"
#include "crc/crc.h"
#include "crc/crc_table.h"

static int update_portable(union digest_state *state, const uint8_t *data, size_t size)
{
    state->crc = crc64_by_tables(&crc64_nvme_tables, state->crc, data, size);
    return ENGINE_OK;
}

static const struct kernel_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-vpclmul-avx512", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX512F, crc64_begin,
     crc64_update_x86_vpclmul_avx512, crc64_finish, crc_discard, false},
    {"x86-vpclmul-avx2", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX2, crc64_begin,
     crc64_update_x86_vpclmul_avx2, crc64_finish, crc_discard, false},
    {"x86-pclmul", FEATURE_PCLMULQDQ, crc64_begin, crc64_update_x86_pclmul, crc64_finish, crc_discard, false},
#endif
    {"portable", 0, crc64_begin, update_portable, crc64_finish, crc_discard, false},
};

const struct algorithm algorithm_crc64nvme = {
    .name = "CRC64NVME",
    .digest_size = 8,
    .answer_of_nine = ANSWER_CRC64NVME_OF_NINE,
    .answer_of_pattern = ANSWER_CRC64NVME_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
