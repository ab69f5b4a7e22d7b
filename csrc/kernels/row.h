/*
 * A kernel row is one implementation of one digest. An algorithm has rows, best first and one that runs anywhere last,
 * and the answers that a row must give before it is trusted.
 */
#ifndef ENGINE_KERNELS_ROW_H
#define ENGINE_KERNELS_ROW_H

#include "engine.h"
#include "kernels/answers.h"
#include "md5/md5.h"
#include "sha256/sha256.h"

/* The state of a digest between updates. All zero means that nothing needs releasing. The state of a CRC is its
 * register, in every row. */
union digest_state {
    void *libcrypto; /* EVP_MD_CTX */
    uint64_t crc;
    struct md5 md5;
    struct sha256 sha256;
};

struct kernel_row {
    const char *name;
    uint32_t needs; /* FEATURE_* bits, all of them */
    int (*begin)(union digest_state *state);
    int (*update)(union digest_state *state, const uint8_t *data, size_t size);
    int (*finish)(union digest_state *state, uint8_t *out);
    void (*discard)(union digest_state *state); /* allowed at any time, and twice */
    bool is_plain;                              /* the state is struct md5 or struct sha256: others may carry it on */
};

struct algorithm {
    const char *name;
    size_t digest_size;
    uint8_t answer_of_nine[ENGINE_DIGEST_SIZE_MAX];    /* digest of nine_digits */
    uint8_t answer_of_pattern[ENGINE_DIGEST_SIZE_MAX]; /* digest of SELF_TEST_SIZE bytes of fill_with_pattern() */
    const struct kernel_row *rows;
    int row_count;
};

enum { ROW_COUNT_MAX = 8 };

#define ROW_COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

/* The discard() of rows whose state owns no memory. */
static inline void plain_discard(union digest_state *state)
{
    (void)state;
}

/* The index of an algorithm, from its name in enum engine_digest; and a loop over the indices of a set. */
#define INDEX(name) __builtin_ctz(ENGINE_DIGEST_##name)
#define FOR_EACH_DIGEST(digests, i)                  \
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) \
        if (((digests) >> i & 1) != 0)

extern const struct algorithm algorithm_md5, algorithm_sha1, algorithm_sha256, algorithm_sha512;
extern const struct algorithm algorithm_crc32, algorithm_crc32c, algorithm_crc64nvme;

#endif
