/*
 * What a kernel row is: one implementation of one digest, and what it needs of the processor. And what an algorithm is: its rows, best
 * first and a row that runs anywhere last, and the answers a row must give before it is trusted.
 */
#ifndef ENGINE_KERNELS_ROW_H
#define ENGINE_KERNELS_ROW_H

#include "engine.h"
#include "kernels/answers.h"

/* What a digest under way remembers. All zero means: nothing to release. */
union digest_state {
    void *libcrypto; /* EVP_MD_CTX */
    uint64_t crc;
};

struct kernel_row {
    const char *name;
    uint32_t needs; /* FEATURE_* bits, all of them */
    int (*begin)(union digest_state *state);
    int (*update)(union digest_state *state, const uint8_t *data, size_t size);
    int (*finish)(union digest_state *state, uint8_t *out);
    void (*discard)(union digest_state *state); /* allowed at any time, and twice */
};

struct algorithm {
    const char *name;
    size_t digest_size;
    uint8_t answer_of_nine[ENGINE_DIGEST_SIZE_MAX];    /* digest of the text "123456789", the customary check value */
    uint8_t answer_of_pattern[ENGINE_DIGEST_SIZE_MAX]; /* digest of SELF_TEST_SIZE bytes (131 * i + 7) mod 256 */
    const struct kernel_row *rows;
    int row_count;
};

enum { ROW_COUNT_MAX = 8 };

#define ROW_COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

extern const struct algorithm algorithm_md5, algorithm_sha1, algorithm_sha256, algorithm_sha512;
extern const struct algorithm algorithm_crc32, algorithm_crc32c, algorithm_crc64nvme;

#endif
