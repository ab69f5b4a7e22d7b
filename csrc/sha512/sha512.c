/*
 * SHA-512, FIPS 180-4.
 */
#include "common/libcrypto.h"

static int begin(union digest_state *state)
{
    return libcrypto_begin(state, EVP_sha512());
}

static const struct kernel_row rows[] = {
    {"libcrypto", 0, begin, libcrypto_update, libcrypto_finish, libcrypto_discard, false},
};

const struct algorithm algorithm_sha512 = {
    .name = "SHA512",
    .digest_size = 64,
    .answer_of_nine = ANSWER_SHA512_OF_NINE,
    .answer_of_pattern = ANSWER_SHA512_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
