/*
 * The rows of lanes. A row is trusted once every lane of it has given the right answer while its neighbours had other
 * messages of another length.
 */
#include "lanes/lanes.h"

#include <string.h>

#include "common/assert.h"
#include "cpu/features.h"
#include "kernels/answers.h"
#include "lanes/messages.h"

enum { BOTH = ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256, MD5_SIZE = 16, SHA256_SIZE = 32 };

#if defined(TARGET_X86_64)
enum { SHA256_NEEDS = FEATURE_SHA_NI | FEATURE_SSSE3 | FEATURE_SSE4_1 };
#endif

/* Among rows of the same digests narrower ones come first, and of the same width better ones. */
static const struct lanes_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-avx512", FEATURE_AVX512F, ENGINE_DIGEST_MD5, 16, md5_lanes_x86_avx512},
    {"x86-avx512-twice", FEATURE_AVX512F, ENGINE_DIGEST_MD5, 32, md5_lanes_x86_avx512_twice},
    {"x86-avx2", FEATURE_AVX2, ENGINE_DIGEST_MD5, 16, md5_lanes_x86_avx2},
    {"x86-sha", SHA256_NEEDS, ENGINE_DIGEST_SHA256, 8, sha256_lanes_x86_sha},
    {"x86-avx512", FEATURE_AVX512F | FEATURE_AVX512BW, ENGINE_DIGEST_SHA256, 16, sha256_lanes_x86_avx512},
    {"x86-avx512", FEATURE_AVX512F | FEATURE_AVX512BW, BOTH, 16, md5_sha256_lanes_x86_avx512},
    {"x86-avx2-sha", FEATURE_AVX2 | SHA256_NEEDS, BOTH, 16, md5_sha256_lanes_x86_sha},
#endif
    {NULL, 0, 0, 0, NULL}, /* C allows no empty array */
};

enum { ROWS = sizeof rows / sizeof rows[0] - 1 };

static uint32_t usable;

static bool row_answers(const struct lanes_row *row)
{
    static const uint8_t md5_answers[2][MD5_SIZE] = {ANSWER_MD5_OF_NINE, ANSWER_MD5_OF_PATTERN};
    static const uint8_t sha256_answers[2][SHA256_SIZE] = {ANSWER_SHA256_OF_NINE, ANSWER_SHA256_OF_PATTERN};
    uint8_t pattern[SELF_TEST_SIZE], md5s[ENGINE_LANES_MAX][MD5_SIZE], sha256s[ENGINE_LANES_MAX][SHA256_SIZE];
    const uint8_t *data[ENGINE_LANES_MAX];
    size_t sizes[ENGINE_LANES_MAX];

    fill_with_pattern(pattern, sizeof pattern);
    for (int i = 0; i < row->width; i++) {
        data[i] = i % 2 == 0 ? nine_digits : pattern;
        sizes[i] = i % 2 == 0 ? sizeof nine_digits : sizeof pattern;
    }
    lanes_digest(row, row->width, data, sizes, md5s[0], sha256s[0]);
    for (int i = 0; i < row->width; i++) {
        if ((row->digests & ENGINE_DIGEST_MD5) != 0 && memcmp(md5s[i], md5_answers[i % 2], MD5_SIZE) != 0)
            return false;
        if ((row->digests & ENGINE_DIGEST_SHA256) != 0 && memcmp(sha256s[i], sha256_answers[i % 2], SHA256_SIZE) != 0)
            return false;
    }
    return true;
}

void lanes_init(uint32_t features)
{
    for (int i = 0; i < ROWS; i++)
        if ((rows[i].needs & ~features) == 0 && row_answers(&rows[i]))
            usable |= 1u << i;
}

static const struct lanes_row *row_at(int row)
{
    ENGINE_ASSERT(row >= 0 && row < ROWS);
    return &rows[row];
}

static bool is_usable(int row)
{
    return (usable >> row & 1) != 0;
}

int engine_lanes_row_chosen(uint32_t digests, int lanes)
{
    int chosen = -1;
    for (int i = 0; i < ROWS; i++) {
        if (!is_usable(i) || rows[i].digests != digests)
            continue;
        if (chosen < 0 || (rows[chosen].width < lanes && rows[i].width > rows[chosen].width))
            chosen = i;
    }
    return chosen;
}

const struct lanes_row *lanes_chosen_row(uint32_t digests, int lanes)
{
    const int row = engine_lanes_row_chosen(digests, lanes);
    return row < 0 ? NULL : &rows[row];
}

int lanes_row_count(void)
{
    return ROWS;
}

void lanes_describe(int index, struct engine_row_info *info)
{
    const struct lanes_row *const row = row_at(index);
    info->name = row->name;
    info->digests = row->digests;
    info->streams = row->width;
    info->needs = row->needs;
    info->usable = is_usable(index);
    info->chosen = engine_lanes_row_chosen(row->digests, row->width) == index;
}

int engine_lanes_row_run(int row, int count, const uint8_t *const *data, const size_t *sizes, uint8_t *md5s,
                         uint8_t *sha256s)
{
    ENGINE_ASSERT(count > 0 && count <= row_at(row)->width);
    if (!is_usable(row))
        return ENGINE_E_KERNEL_UNUSABLE;
    lanes_digest(row_at(row), count, data, sizes, md5s, sha256s);
    return ENGINE_OK;
}
