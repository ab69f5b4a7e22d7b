/*
 * CRC-32/ISO-HDLC, the CRC of zlib, gzip and Ethernet; S3's CRC32.
 */
#include "cpu/features.h"
#include "crc/crc.h"
#include "crc/crc_table.h"

static int update_portable(union digest_state *state, const uint8_t *data, size_t size)
{
    state->crc = crc32_by_tables(&crc32_iso_hdlc_tables, (uint32_t)state->crc, data, size);
    return ENGINE_OK;
}

static const struct kernel_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-vpclmul-avx512", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX512F, crc32_begin,
     crc32_update_x86_vpclmul_avx512, crc32_finish, crc_discard, false},
    {"x86-vpclmul-avx2", FEATURE_PCLMULQDQ | FEATURE_VPCLMULQDQ | FEATURE_AVX2, crc32_begin,
     crc32_update_x86_vpclmul_avx2, crc32_finish, crc_discard, false},
    {"x86-pclmul", FEATURE_PCLMULQDQ, crc32_begin, crc32_update_x86_pclmul, crc32_finish, crc_discard, false},
#endif
    {"portable", 0, crc32_begin, update_portable, crc32_finish, crc_discard, false},
};

const struct algorithm algorithm_crc32 = {
    .name = "CRC32",
    .digest_size = 4,
    .answer_of_nine = ANSWER_CRC32_OF_NINE,
    .answer_of_pattern = ANSWER_CRC32_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
