/*
 * MD5, RFC 1321. The ETag of a part is made of it.
 */
#include "common/libcrypto.h"

static int begin(union digest_state *state)
{
    return libcrypto_begin(state, EVP_md5());
}

static const struct kernel_row rows[] = {
    {"libcrypto", 0, begin, libcrypto_update, libcrypto_finish, libcrypto_discard},
};

const struct algorithm algorithm_md5 = {
    .name = "MD5",
    .digest_size = 16,
    .answer_of_nine = ANSWER_MD5_OF_NINE,
    .answer_of_pattern = ANSWER_MD5_OF_PATTERN,
    .rows = rows,
    .row_count = ROW_COUNT(rows),
};
