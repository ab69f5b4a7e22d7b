/*
 * MD5, RFC 1321: a part's ETag is its MD5.
 */
#include "md5/md5.h"

#include "common/bytes.h"
#include "common/held.h"
#include "common/libcrypto.h"
#include "cpu/features.h"

void md5_begin(struct md5 *md5)
{
    *md5 = (struct md5){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

void md5_update(struct md5 *md5, md5_blocks *blocks, const uint8_t *data, size_t size)
{
    held_update(md5->h, &md5->size, md5->held, blocks, data, size);
}

void md5_finish(struct md5 *md5, md5_blocks *blocks, uint8_t *out)
{
    uint8_t length[8];
    store_little(length, md5->size * 8, sizeof length);
    held_finish(md5->h, md5->size, md5->held, blocks, length);
    for (int i = 0; i < 4; i++)
        store_little(out + 4 * i, md5->h[i], 4);
}

#if defined(TARGET_X86_64)
static int begin_plain(union digest_state *state)
{
    md5_begin(&state->md5);
    return ENGINE_OK;
}

static int update_x86_bmi(union digest_state *state, const uint8_t *data, size_t size)
{
    md5_update(&state->md5, md5_blocks_x86_bmi, data, size);
    return ENGINE_OK;
}

static int finish_x86_bmi(union digest_state *state, uint8_t *out)
{
    md5_finish(&state->md5, md5_blocks_x86_bmi, out);
    return ENGINE_OK;
}

static int update_x86_avx512vl(union digest_state *state, const uint8_t *data, size_t size)
{
    md5_update(&state->md5, md5_blocks_x86_avx512vl, data, size);
    return ENGINE_OK;
}

static int finish_x86_avx512vl(union digest_state *state, uint8_t *out)
{
    md5_finish(&state->md5, md5_blocks_x86_avx512vl, out);
    return ENGINE_OK;
}
#endif

static int begin(union digest_state *state)
{
    return libcrypto_begin(state, EVP_md5());
}

static const struct kernel_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-avx512vl", FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_ONE_CYCLE_VECTORS, begin_plain, update_x86_avx512vl,
     finish_x86_avx512vl, plain_discard, true},
    {"x86-bmi", FEATURE_BMI1, begin_plain, update_x86_bmi, finish_x86_bmi, plain_discard, true},
#endif
    {"libcrypto", 0, begin, libcrypto_update, libcrypto_finish, libcrypto_discard, false},
};

const struct algorithm algorithm_md5 = {
    .name = "MD5",
    .digest_size = 16,
    .answer_of_nine = ANSWER_MD5_OF_NINE,
    .answer_of_pattern = ANSWER_MD5_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
