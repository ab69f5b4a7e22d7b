/*
 * The rows of the fused pass on x86-64: a function for each set of what is computed beside MD5, all made from one
 * template, fuse(). schedule_x86.h says what runs after which step of MD5, and why.
 *
 * AES works one block of 64 bytes ahead: the mask that encrypts a block is made while the block before is digested, and
 * the ciphertext is hashed while the next block is encrypted. Each of two lanes of GHASH sees every second block of 16
 * bytes; each of four lanes of CRC64NVME sees every fourth. Both multiply what they have before they add a block. The
 * first time they have only the state from before, and multiply it by the power that its place demands.
 *
 * Without AVX-512, the narrow rows use AES-NI and PCLMULQDQ (narrow_x86.h), in twice as many instructions. VAES in the
 * lower sixteen registers would not do (wide_x86.h), and there is nothing to win: on Zen 4 the narrow rows make 0.80 to
 * 0.81 GB/s, as MD5 by itself does.
 */
#include "cpu/target.h"

#if defined(TARGET_FUSED)
#include <openssl/crypto.h>

#include "cpu/features.h"
#include "crc/crc_table.h"
#include "fused/narrow_x86.h"
#include "fused/schedule_x86.h"
#include "fused/wide_x86.h"
#include "md5/md5_x86.h"
#include "sha256/sha256_x86.h"

/* The template's parameter `set`: what a row computes beside MD5 and how, and whether MD5's first and last rounds are
 * in vectors. */
enum { SHA256 = 1, CRC64 = 2, GCM = 4, VECTORS = 8, NARROW_CRC64 = 16, NARROW_GCM = 32 };

enum {
    FUSED_X86_NEEDS = FEATURE_BMI1 | FEATURE_SSSE3 | FEATURE_SSE4_1,
    VECTORS_NEEDS = FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_ONE_CYCLE_VECTORS,
    SHA256_NEEDS = FEATURE_SHA_NI,
    CRC64_NEEDS = FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_VPCLMULQDQ,
    GCM_NEEDS = CRC64_NEEDS | FEATURE_AVX512BW | FEATURE_VAES | FEATURE_AES | FEATURE_PCLMULQDQ,
    AVX2_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ | FEATURE_SSSE3 | FEATURE_SSE4_1 | FEATURE_AVX2 | FEATURE_VAES |
                 FEATURE_VPCLMULQDQ,
    NARROW_CRC64_NEEDS = FEATURE_PCLMULQDQ,
    NARROW_GCM_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ
};

TARGET_FUSED static ALWAYS_INLINE void begin(const int set, const struct fused *fused, struct sha256_x86 *sha,
                                             struct narrow_x86 *narrow)
{
    if (set & SHA256)
        sha256_x86_load(sha, fused->sha256);
    if (set & CRC64)
        wide_begin_crc(fused->crc64);
    if (set & GCM)
        wide_begin_gcm(fused->gcm);
    if (set & NARROW_CRC64)
        narrow_begin_crc(narrow, fused->crc64);
    if (set & NARROW_GCM)
        narrow_begin_gcm(narrow, fused->gcm);
}

enum { SHA256_QUARTERS = 64 };

TARGET_FUSED static ALWAYS_INLINE void digest_between(const int set, struct sha256_x86 *sha, const int step,
                                                      const uint8_t *data)
{
    const bool in_vectors = (set & VECTORS) != 0;
    const int at_once = in_vectors ? 2 : 1, quarter = in_vectors ? schedule[step].sha256_beside : schedule[step].sha256;
    if (quarter == NO)
        return;
    if (quarter == 0)
        sha256_x86_begin_block(sha, data);
    sha256_x86_quarter(sha, quarter / 4, quarter % 4, in_vectors);
    if (at_once == 2)
        sha256_x86_quarter(sha, quarter / 4, quarter % 4 + 1, in_vectors);
    if (quarter + at_once == SHA256_QUARTERS)
        sha256_x86_end_block(sha);
}

TARGET_FUSED static ALWAYS_INLINE void seal_between(const struct gcm_x86 *gcm, const int step, const uint8_t *data,
                                                    uint8_t *out)
{
    const int aes = schedule[step].wide_aes, hash = schedule[step].wide_hash;
    if (aes == CRYPT)
        wide_crypt(data, out);
    else if (aes == 0)
        wide_begin_mask(gcm);
    else if (aes != NO)
        wide_make_mask(gcm, aes);
    if (hash != NO)
        wide_hash(gcm, hash);
}

TARGET_FUSED static ALWAYS_INLINE void seal_narrow_between(struct narrow_x86 *narrow, const struct gcm_x86 *gcm,
                                                           const int step, const uint8_t *data, uint8_t *out)
{
    const int block = step / 16, aes = schedule[step].narrow_aes, hash = schedule[step].narrow_hash;
    if (aes == CRYPT)
        narrow_crypt(narrow, block, data, out);
    else
        narrow_make_mask(narrow, gcm, aes);
    if (hash != NO)
        narrow_hash(narrow, gcm, (block + 3) % 4, hash);
}

/* Run what the schedule has after step `step` of MD5's 64. */
TARGET_FUSED static ALWAYS_INLINE void between(const int set, const struct gcm_x86 *gcm, struct sha256_x86 *sha,
                                               struct narrow_x86 *narrow, const int step, const uint8_t *data,
                                               uint8_t *out)
{
    if (set & SHA256)
        digest_between(set, sha, step, data);
    if (set & GCM)
        seal_between(gcm, step, data, out);
    if ((set & CRC64) && schedule[step].wide_crc == FOLD)
        wide_crc(data);
    if (set & NARROW_GCM)
        seal_narrow_between(narrow, gcm, step, data, out);
    if ((set & NARROW_CRC64) && schedule[step].narrow_crc == FOLD)
        narrow_crc(narrow, data + step / 16 * AES_BLOCK);
}

/* Each lane of GHASH still has to be multiplied by the power of H that its last block's place demands. */
TARGET_FUSED static void join_lanes(struct gcm_x86 *gcm, const uint8_t lanes[2][AES_BLOCK])
{
    struct gcm_product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (int i = 0; i < 2; i++)
        gcm_add_product(&sum, gcm_load(lanes[i]), gcm_load(gcm->powers[GCM_POWERS - 2 + i]));
    gcm_store(gcm->hash, gcm_reduce(&sum));
}

/* No function may be called before the wide registers have been read and wiped. */
TARGET_FUSED static ALWAYS_INLINE void end(const int set, const struct fused *fused, const struct sha256_x86 *sha,
                                           struct narrow_x86 *narrow, size_t blocks)
{
    uint8_t lanes[2][AES_BLOCK], remainder[FUSED_BLOCK];
    if (set & SHA256)
        sha256_x86_store(sha, fused->sha256);
    if (set & CRC64)
        wide_end_crc(remainder);
    if (set & GCM) {
        wide_end_gcm(fused->gcm, lanes);
        wide_wipe();
        fused->gcm->size += blocks * FUSED_BLOCK;
        join_lanes(fused->gcm, lanes);
        OPENSSL_cleanse(lanes, sizeof lanes);
    }
    if (set & CRC64)
        *fused->crc64 = crc64_by_tables(&crc64_nvme_tables, 0, remainder, sizeof remainder);
    if (set & NARROW_GCM) {
        narrow_end_gcm(narrow, fused->gcm);
        fused->gcm->size += blocks * FUSED_BLOCK;
    }
    if (set & NARROW_CRC64)
        narrow_end_crc(narrow, fused->crc64);
}

/* ---- The template. These macros use variables of fuse(): `set`, the words a to d, the same words a_vector to
 * d_vector, `gcm`, `sha`, `narrow`, `data`, `out`. They are undefined after it. ---- */

#define FUSED_F(block, sum, late, middle, old, word, by, constant)                                          \
    if (set & VECTORS)                                                                                      \
        MD5_VECTOR_F(block, sum##_vector, late##_vector, middle##_vector, old##_vector, word, by, constant) \
    else                                                                                                    \
        MD5_F(block, sum, late, middle, old, word, by, constant)
#define FUSED_I(block, sum, late, middle, old, word, by, constant)                                          \
    if (set & VECTORS)                                                                                      \
        MD5_VECTOR_I(block, sum##_vector, late##_vector, middle##_vector, old##_vector, word, by, constant) \
    else                                                                                                    \
        MD5_I(block, sum, late, middle, old, word, by, constant)

#define FOR_EACH_WORD(DO) DO(a) DO(b) DO(c) DO(d)
#define ENTER_VECTOR(word) word##_vector = md5_to_vector(word);
#define LEAVE_VECTOR(word) word = md5_from_vector(word##_vector);

#define BETWEEN(step)                                           \
    between(set, gcm, &sha, &narrow, step, data, out);          \
    if ((set & VECTORS) && schedule[step].md5_words == LEAVE) { \
        FOR_EACH_WORD(LEAVE_VECTOR)                             \
    }                                                           \
    if ((set & VECTORS) && schedule[step].md5_words == ENTER) { \
        FOR_EACH_WORD(ENTER_VECTOR)                             \
    }

#define KEEP(word)                       \
    const uint32_t word##_before = word; \
    const __m128i word##_vector_before = word##_vector;
#define ADD_KEPT(word)                                                      \
    if (set & VECTORS)                                                      \
        word##_vector = _mm_add_epi32(word##_vector, word##_vector_before); \
    else                                                                    \
        word += word##_before;

TARGET_FUSED static ALWAYS_INLINE void fuse(const int set, const struct fused *fused, const uint8_t *data,
                                            size_t blocks, uint8_t *out)
{
    uint32_t a = fused->md5[0], b = fused->md5[1], c = fused->md5[2], d = fused->md5[3];
    __m128i a_vector, b_vector, c_vector, d_vector;
    const struct gcm_x86 *const gcm = fused->gcm;
    struct sha256_x86 sha;
    struct narrow_x86 narrow;
    if (blocks == 0)
        return;
    FOR_EACH_WORD(ENTER_VECTOR)
    begin(set, fused, &sha, &narrow);
    for (size_t left = blocks; left > 0; left--, data += FUSED_BLOCK) {
        md5_fetch_ahead(data);
        FOR_EACH_WORD(KEEP)
        MD5_STEPS(FUSED_F, MD5_G, MD5_H, FUSED_I, BETWEEN, data, a, b, c, d)
        FOR_EACH_WORD(ADD_KEPT)
        if ((set & (GCM | NARROW_GCM)) != 0) /* a row that does not seal has no `out` */
            out += FUSED_BLOCK;
    }
    if (set & VECTORS) {
        FOR_EACH_WORD(LEAVE_VECTOR)
    }
    fused->md5[0] = a;
    fused->md5[1] = b;
    fused->md5[2] = c;
    fused->md5[3] = d;
    end(set, fused, &sha, &narrow, blocks);
}

#undef FUSED_F
#undef FUSED_I
#undef FOR_EACH_WORD
#undef ENTER_VECTOR
#undef LEAVE_VECTOR
#undef BETWEEN
#undef KEEP
#undef ADD_KEPT

/* ---- The functions, and the table of rows ---- */

#define FUNCTION(name, set)                                                                                    \
    TARGET_FUSED static void name(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out) \
    {                                                                                                          \
        fuse(set, fused, data, blocks, out);                                                                   \
    }

#define FUSED(name, set) FUNCTION(name, set) FUNCTION(name##_vectors, (set) | VECTORS)

FUSED(md5_sha256, SHA256)
FUSED(md5_crc64, CRC64)
FUSED(md5_sha256_crc64, SHA256 | CRC64)
FUSED(md5_gcm, GCM)
FUSED(md5_sha256_gcm, SHA256 | GCM)
FUSED(md5_crc64_gcm, CRC64 | GCM)
FUSED(md5_sha256_crc64_gcm, SHA256 | CRC64 | GCM)
FUSED(md5_crc64_narrow, NARROW_CRC64)
FUSED(md5_sha256_crc64_narrow, SHA256 | NARROW_CRC64)
FUSED(md5_gcm_narrow, NARROW_GCM)
FUSED(md5_sha256_gcm_narrow, SHA256 | NARROW_GCM)
FUSED(md5_crc64_gcm_narrow, NARROW_CRC64 | NARROW_GCM)
FUNCTION(md5_sha256_crc64_gcm_narrow, SHA256 | NARROW_CRC64 | NARROW_GCM)

#undef FUNCTION
#undef FUSED

#define ROW(name, needs, digests, seals, blocks) \
    {name, FUSED_X86_NEEDS | (needs), ENGINE_DIGEST_MD5 | (digests), seals, blocks}
#define ROWS(name, needs, digests, seals, blocks)                                    \
    ROW(name "-vectors", VECTORS_NEEDS | (needs), digests, seals, blocks##_vectors), \
        ROW(name, needs, digests, seals, blocks)

enum { SHA256_CRC64 = ENGINE_DIGEST_SHA256 | ENGINE_DIGEST_CRC64NVME };

const struct fused_row fused_rows_x86[FUSED_ROWS_X86] = {
    ROWS("x86-avx512", SHA256_NEEDS | CRC64_NEEDS | GCM_NEEDS, SHA256_CRC64, true, md5_sha256_crc64_gcm),
    ROW("x86-aesni", SHA256_NEEDS | NARROW_CRC64_NEEDS | NARROW_GCM_NEEDS, SHA256_CRC64, true,
        md5_sha256_crc64_gcm_narrow),
    ROWS("x86-avx512", SHA256_NEEDS | GCM_NEEDS, ENGINE_DIGEST_SHA256, true, md5_sha256_gcm),
    ROWS("x86-aesni", SHA256_NEEDS | NARROW_GCM_NEEDS, ENGINE_DIGEST_SHA256, true, md5_sha256_gcm_narrow),
    ROWS("x86-avx512", CRC64_NEEDS | GCM_NEEDS, ENGINE_DIGEST_CRC64NVME, true, md5_crc64_gcm),
    ROWS("x86-aesni", NARROW_CRC64_NEEDS | NARROW_GCM_NEEDS, ENGINE_DIGEST_CRC64NVME, true, md5_crc64_gcm_narrow),
    ROWS("x86-avx512", GCM_NEEDS, 0, true, md5_gcm),
    ROWS("x86-aesni", NARROW_GCM_NEEDS, 0, true, md5_gcm_narrow),
    ROWS("x86-avx512", SHA256_NEEDS | CRC64_NEEDS, SHA256_CRC64, false, md5_sha256_crc64),
    ROWS("x86-pclmul", SHA256_NEEDS | NARROW_CRC64_NEEDS, SHA256_CRC64, false, md5_sha256_crc64_narrow),
    ROWS("x86-avx512", CRC64_NEEDS, ENGINE_DIGEST_CRC64NVME, false, md5_crc64),
    ROWS("x86-pclmul", NARROW_CRC64_NEEDS, ENGINE_DIGEST_CRC64NVME, false, md5_crc64_narrow),
    ROWS("x86-sha", SHA256_NEEDS, ENGINE_DIGEST_SHA256, false, md5_sha256),
    {"x86-avx512", CRC64_NEEDS | FEATURE_AVX512BW | FEATURE_VAES, ENGINE_DIGEST_CRC64NVME, true,
     fused_crc64_gcm_avx512},
    {"x86-avx2", AVX2_NEEDS, ENGINE_DIGEST_CRC64NVME, true, fused_crc64_gcm_avx2},
};

#undef ROW
#undef ROWS
#endif
