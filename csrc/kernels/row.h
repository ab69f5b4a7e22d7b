/*
 * What a kernel row is: one implementation of one digest, and what it needs of the processor. And what an algorithm is: its rows, best
 * first and a row that runs anywhere last, and the answers a row must give before it is trusted.
 */
#ifndef ENGINE_KERNELS_ROW_H
#define ENGINE_KERNELS_ROW_H

#include "engine.h"
#include "kernels/answers.h"
#include "md5/md5.h"
#include "sha256/sha256.h"

/* What a digest under way remembers. All zero means: nothing to release. A CRC's is its register, in every row. */
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
    bool is_raw; /* the state of MD5 or SHA-256 is the plain struct: others may carry it over whole blocks */
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

/* Of rows that hold nothing. */
static inline void raw_discard(union digest_state *state)
{
    (void)state;
}

/* The place of an algorithm in tables, from its name in enum engine_digest; and all places of a set. */
#define INDEX(name) __builtin_ctz(ENGINE_DIGEST_##name)
#define FOR_EACH_DIGEST(digests, i)                  \
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) \
        if (((digests) >> i & 1) != 0)

extern const struct algorithm algorithm_md5, algorithm_sha1, algorithm_sha256, algorithm_sha512;
extern const struct algorithm algorithm_crc32, algorithm_crc32c, algorithm_crc64nvme;

#endif
