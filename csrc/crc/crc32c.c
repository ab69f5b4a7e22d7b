/*
 * CRC-32C (Castagnoli), the CRC of iSCSI and ext4; S3's CRC32C.
 */
#include "cpu/features.h"
#include "crc/crc.h"
#include "crc/crc_table.h"

static int update_portable(union digest_state *state, const uint8_t *data, size_t size)
{
    state->crc = crc32_by_tables(&crc32_castagnoli_tables, (uint32_t)state->crc, data, size);
    return ENGINE_OK;
}

static const struct kernel_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-vpclmul-avx512", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX512F, crc32_begin,
     crc32c_update_x86_vpclmul_avx512, crc32_finish, crc_discard, false},
    {"x86-vpclmul-avx2", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX2, crc32_begin,
     crc32c_update_x86_vpclmul_avx2, crc32_finish, crc_discard, false},
    {"x86-pclmul", FEATURE_PCLMULQDQ, crc32_begin, crc32c_update_x86_pclmul, crc32_finish, crc_discard, false},
#endif
    {"portable", 0, crc32_begin, update_portable, crc32_finish, crc_discard, false},
};

const struct algorithm algorithm_crc32c = {
    .name = "CRC32C",
    .digest_size = 4,
    .answer_of_nine = ANSWER_CRC32C_OF_NINE,
    .answer_of_pattern = ANSWER_CRC32C_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
