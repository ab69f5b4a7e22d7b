/*
 * SHA-256, FIPS 180-4. The payload hash of a signed request.
 */
#include "common/libcrypto.h"

static int begin(union digest_state *state)
{
    return libcrypto_begin(state, EVP_sha256());
}

static const struct kernel_row rows[] = {
    {"libcrypto", 0, begin, libcrypto_update, libcrypto_finish, libcrypto_discard},
};

const struct algorithm algorithm_sha256 = {
    .name = "SHA256",
    .digest_size = 32,
    .answer_of_nine = ANSWER_SHA256_OF_NINE,
    .answer_of_pattern = ANSWER_SHA256_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
