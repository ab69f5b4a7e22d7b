/*
 * SHA-256, FIPS 180-4: also the payload hash of a signed request.
 */
#include "sha256/sha256.h"

#include "common/bytes.h"
#include "common/held.h"
#include "common/libcrypto.h"
#include "cpu/features.h"

void sha256_begin(struct sha256 *sha256)
{
    *sha256 = (struct sha256){
        .h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
    };
}

void sha256_update(struct sha256 *sha256, sha256_blocks *blocks, const uint8_t *data, size_t size)
{
    held_update(sha256->h, &sha256->size, sha256->held, blocks, data, size);
}

void sha256_finish(struct sha256 *sha256, sha256_blocks *blocks, uint8_t *out)
{
    uint8_t length[8];
    store_big(length, sha256->size * 8, sizeof length);
    held_finish(sha256->h, sha256->size, sha256->held, blocks, length);
    for (int i = 0; i < 8; i++)
        store_big(out + 4 * i, sha256->h[i], 4);
}

#if defined(TARGET_X86_64)
static int begin_plain(union digest_state *state)
{
    sha256_begin(&state->sha256);
    return ENGINE_OK;
}

static int update_x86_sha(union digest_state *state, const uint8_t *data, size_t size)
{
    sha256_update(&state->sha256, sha256_blocks_x86_sha, data, size);
    return ENGINE_OK;
}

static int finish_x86_sha(union digest_state *state, uint8_t *out)
{
    sha256_finish(&state->sha256, sha256_blocks_x86_sha, out);
    return ENGINE_OK;
}
#endif

static int begin(union digest_state *state)
{
    return libcrypto_begin(state, EVP_sha256());
}

static const struct kernel_row rows[] = {
#if defined(TARGET_X86_64)
    {"x86-sha", FEATURE_SHA_NI | FEATURE_SSSE3 | FEATURE_SSE4_1, begin_plain, update_x86_sha, finish_x86_sha,
     plain_discard, true},
#endif
    {"libcrypto", 0, begin, libcrypto_update, libcrypto_finish, libcrypto_discard, false},
};

const struct algorithm algorithm_sha256 = {
    .name = "SHA256",
    .digest_size = 32,
    .answer_of_nine = ANSWER_SHA256_OF_NINE,
    .answer_of_pattern = ANSWER_SHA256_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
