/*
 * The rows of the fused pass on x86-64, all combinations from one text.
 *
 * MD5 takes 288 cycles a block, its 64 steps one after the other; SHA-256 takes 130, in units MD5 does not need; four blocks of AES and GHASH,
 * and the CRC, are some ninety instructions. The processor looks a few hundred instructions ahead and its scheduler holds about a
 * hundred that wait, so what is to run beside MD5 must stand beside it: after each of its steps comes a part of the rest. All steps of
 * MD5 are volatile, which keeps all in this order: in gcc 12's own, SHA-256 beside MD5 cost 40 cycles a block (Sapphire Rapids), in this
 * one it costs none.
 *
 * Where vectors take one cycle, the first round of MD5 and the last are in vectors (md5/md5_x86.h), which saves 32 cycles, and a way of three
 * there and back costs six. Then SHA-256 stands beside the middle rounds alone, in its own units again: its instructions take three to six
 * cycles, and where one is about to end, an instruction of MD5's chain, if it waits at the same port, waits on. All of MD5 in
 * vectors is 257 cycles a block alone, but 305 with SHA-256, the halves 267; with all that there is, 270.
 *
 * AES works one block ahead: what encrypts a block has been made while the block before was digested, and its ciphertext is hashed while
 * the next is made. Of GHASH each of two lanes sees every second block of 16 bytes, of CRC64NVME each of four every fourth; both multiply
 * what they have before they add a block. The first time there is nothing to multiply but the state before, by what brings it to its place.
 *
 * Where VAES or VPCLMULQDQ are missing, AES-NI and PCLMULQDQ do it (narrow_x86.h): twice as many instructions, and still no more than 288
 * cycles with all that there is. With MD5's halves in vectors it is 271 with AES-256-GCM, 273 with CRC64NVME too, but 289 with all: there is
 * no such row.
 */
#include "cpu/target.h"

#if defined(TARGET_FUSED)
#include <openssl/crypto.h>

#include "cpu/features.h"
#include "crc/crc_table.h"
#include "fused/narrow_x86.h"
#include "fused/wide_x86.h"
#include "md5/md5_x86.h"
#include "sha256/sha256_x86.h"

/* What a row computes beside MD5 and how, and whether half of that is in vectors: bits, known when its function is compiled. */
enum { SHA256 = 1, CRC64 = 2, GCM = 4, VECTORS = 8, NARROW_CRC64 = 16, NARROW_GCM = 32 };

enum {
    FUSED_X86_NEEDS = FEATURE_BMI1 | FEATURE_SSSE3 | FEATURE_SSE4_1,
    VECTORS_NEEDS = FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_ONE_CYCLE_VECTORS,
    SHA256_NEEDS = FEATURE_SHA_NI,
    CRC64_NEEDS = FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_VPCLMULQDQ,
    GCM_NEEDS = CRC64_NEEDS | FEATURE_AVX512BW | FEATURE_VAES | FEATURE_AES | FEATURE_PCLMULQDQ,
    NARROW_CRC64_NEEDS = FEATURE_PCLMULQDQ,
    NARROW_GCM_NEEDS = FEATURE_AES | FEATURE_PCLMULQDQ
};

TARGET_FUSED static ALWAYS_INLINE void begin(const int set, const struct fused *fused, struct sha256_x86 *sha, struct narrow_x86 *narrow)
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

/* A quarter of a turn after each step; if MD5 is in vectors, two after each of the steps 24 to 55, most of which are not. */
TARGET_FUSED static ALWAYS_INLINE void digest_between(const int set, struct sha256_x86 *sha, const int step, const uint8_t *data)
{
    enum { QUARTERS = 64 };
    const bool in_vectors = (set & VECTORS) != 0;
    const int at_once = in_vectors ? 2 : 1, quarter = at_once * (in_vectors ? step - 24 : step);
    if (quarter < 0 || quarter >= QUARTERS)
        return;
    if (quarter == 0)
        sha256_x86_begin_block(sha, data);
    sha256_x86_quarter(sha, quarter / 4, quarter % 4, in_vectors);
    if (at_once == 2)
        sha256_x86_quarter(sha, quarter / 4, quarter % 4 + 1, in_vectors);
    if (quarter + at_once == QUARTERS)
        sha256_x86_end_block(sha);
}

/* AES after the steps 4k + 3, GHASH from step 28 on after every third. */
TARGET_FUSED static ALWAYS_INLINE void seal_between(const struct gcm_x86 *gcm, const int step, const uint8_t *data, uint8_t *out)
{
    if (step == 0)
        wide_crypt(data, out);
    if (step == 3)
        wide_begin_mask(gcm);
    if (step % 4 == 3 && step / 4 >= 1 && step / 4 <= AES_ROUNDS)
        wide_make_mask(gcm, step / 4);
    if (step >= 28 && step % 3 == 1 && (step - 28) / 3 < GCM_HASH_PARTS)
        wide_hash(gcm, (step - 28) / 3);
}

/* A block of 16 bytes in sixteen steps, a round of AES after each but the last; meanwhile GHASH of the block before. */
TARGET_FUSED static ALWAYS_INLINE void seal_narrow_between(struct narrow_x86 *narrow, const struct gcm_x86 *gcm, const int step,
                                                           const uint8_t *data, uint8_t *out)
{
    const int block = step / 16, turn = step % 16;
    if (turn <= AES_ROUNDS)
        narrow_make_mask(narrow, gcm, turn);
    else
        narrow_crypt(narrow, block, data, out);
    if (turn % 2 == 1 && turn / 2 < NARROW_HASH_PARTS)
        narrow_hash(narrow, gcm, (block + 3) % 4, turn / 2);
}

/* What is done after step `step` of MD5's 64. */
TARGET_FUSED static ALWAYS_INLINE void between(const int set, const struct gcm_x86 *gcm, struct sha256_x86 *sha, struct narrow_x86 *narrow,
                                               const int step, const uint8_t *data, uint8_t *out)
{
    if (set & SHA256)
        digest_between(set, sha, step, data);
    if (set & GCM)
        seal_between(gcm, step, data, out);
    if ((set & CRC64) && step == 60)
        wide_crc(data);
    if (set & NARROW_GCM)
        seal_narrow_between(narrow, gcm, step, data, out);
    if ((set & NARROW_CRC64) && step % 16 == 14)
        narrow_crc(narrow, data + step / 16 * AES_BLOCK);
}

/* The lanes saw every second block; the last two are still to be multiplied, each by the power of its place. */
TARGET_FUSED static void join_lanes(struct gcm_x86 *gcm, const uint8_t lanes[2][AES_BLOCK])
{
    struct gcm_product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (int i = 0; i < 2; i++)
        gcm_add_product(&sum, gcm_load(lanes[i]), gcm_load(gcm->powers[GCM_POWERS - 2 + i]));
    gcm_store(gcm->hash, gcm_reduce(&sum));
}

/* Whatever is called is called when the wide registers have been read and wiped. */
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

/* The first round and the last in vectors, where their steps are shorter, or not; the words go from here to there between rounds. */
#define FUSED_F(...)             \
    if (set & VECTORS)           \
        MD5_VECTOR_F(__VA_ARGS__) \
    else                         \
        MD5_F(__VA_ARGS__)
#define FUSED_I(...)             \
    if (set & VECTORS)           \
        MD5_VECTOR_I(__VA_ARGS__) \
    else                         \
        MD5_I(__VA_ARGS__)

#define OF_ALL_WORDS(DO) DO(a) DO(b) DO(c) DO(d)

#define BETWEEN(step)                                  \
    between(set, gcm, &sha, &narrow, step, data, out); \
    if ((set & VECTORS) && (step) == 15) {             \
        OF_ALL_WORDS(MD5_FROM_VECTOR)                  \
    }                                                  \
    if ((set & VECTORS) && (step) == 47) {             \
        OF_ALL_WORDS(MD5_TO_VECTOR)                    \
    }

#define KEEP(word) const uint32_t word##_before = word; const __m128i word##_vector_before = word##_vector;
#define ADD_KEPT(word)                                                     \
    if (set & VECTORS)                                                     \
        word##_vector = _mm_add_epi32(word##_vector, word##_vector_before); \
    else                                                                   \
        word += word##_before;

TARGET_FUSED static ALWAYS_INLINE void fuse(const int set, const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out)
{
    uint32_t a = fused->md5[0], b = fused->md5[1], c = fused->md5[2], d = fused->md5[3], t;
    __m128i a_vector, b_vector, c_vector, d_vector, t_vector;
    const struct gcm_x86 *const gcm = fused->gcm;
    struct sha256_x86 sha;
    struct narrow_x86 narrow;
    if (blocks == 0)
        return;
    OF_ALL_WORDS(MD5_TO_VECTOR)
    begin(set, fused, &sha, &narrow);
    for (size_t left = blocks; left > 0; left--, data += FUSED_BLOCK) {
        md5_fetch_ahead(data);
        OF_ALL_WORDS(KEEP)
        MD5_STEPS(FUSED_F, MD5_G, MD5_H, FUSED_I, BETWEEN)
        OF_ALL_WORDS(ADD_KEPT)
        if ((set & (GCM | NARROW_GCM)) != 0) /* else there is no `out` */
            out += FUSED_BLOCK;
    }
    if (set & VECTORS) {
        OF_ALL_WORDS(MD5_FROM_VECTOR)
    }
    fused->md5[0] = a;
    fused->md5[1] = b;
    fused->md5[2] = c;
    fused->md5[3] = d;
    end(set, fused, &sha, &narrow, blocks);
}

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

#define ROW(name, needs, digests, seals, blocks) {name, FUSED_X86_NEEDS | (needs), ENGINE_DIGEST_MD5 | (digests), seals, blocks}
#define ROWS(name, needs, digests, seals, blocks)                                    \
    ROW(name "-vectors", VECTORS_NEEDS | (needs), digests, seals, blocks##_vectors), \
    ROW(name, needs, digests, seals, blocks)

enum { SHA256_CRC64 = ENGINE_DIGEST_SHA256 | ENGINE_DIGEST_CRC64NVME };

const struct fused_row fused_rows_x86[FUSED_ROWS_X86] = {
    ROWS("x86-avx512", SHA256_NEEDS | CRC64_NEEDS | GCM_NEEDS, SHA256_CRC64, true, md5_sha256_crc64_gcm),
    ROW("x86-aesni", SHA256_NEEDS | NARROW_CRC64_NEEDS | NARROW_GCM_NEEDS, SHA256_CRC64, true, md5_sha256_crc64_gcm_narrow),
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
    {"x86-avx512", CRC64_NEEDS | FEATURE_AVX512BW | FEATURE_VAES, ENGINE_DIGEST_CRC64NVME, true, fused_crc64_gcm},
};
#endif
