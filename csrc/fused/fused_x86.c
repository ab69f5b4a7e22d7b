/*
 * The rows of the fused pass on x86-64, all combinations from one text.
 *
 * MD5 takes 288 cycles a block, its 64 steps one after the other; SHA-256 takes 130, in units MD5 does not need; four blocks of AES and GHASH,
 * and the CRC, are some seventy instructions. The processor looks a few hundred instructions ahead and its scheduler holds about a
 * hundred that wait, so what is to run beside MD5 must stand beside it: after each of its steps comes a sixty-fourth of the rest. All steps of
 * MD5 are volatile, which keeps all in this order: in gcc 12's own, SHA-256 beside MD5 cost 40 cycles a block (Sapphire Rapids), in this
 * one it costs none.
 *
 * AES works one block ahead: what encrypts a block has been made while the block before was digested, and its ciphertext is hashed while
 * the next is made. Of GHASH and CRC each of the four lanes of a register sees every fourth block of 16 bytes; both multiply what they have
 * before they add a block. The first time there is nothing to multiply but the state before, by what leaves it as it is.
 */
#include "cpu/target.h"

#if defined(TARGET_FUSED)
#include <openssl/crypto.h>

#include "cpu/features.h"
#include "crc/crc_table.h"
#include "fused/wide_x86.h"
#include "md5/md5_x86.h"
#include "sha256/sha256_x86.h"

/* What a row computes beside MD5: bits, known when its function is compiled. */
enum { SHA256 = 1, CRC64 = 2, GCM = 4 };

enum {
    FUSED_X86_NEEDS = FEATURE_BMI1 | FEATURE_SSSE3 | FEATURE_SSE4_1,
    SHA256_NEEDS = FEATURE_SHA_NI,
    CRC64_NEEDS = FEATURE_AVX512F | FEATURE_AVX512VL | FEATURE_VPCLMULQDQ,
    GCM_NEEDS = CRC64_NEEDS | FEATURE_AVX512BW | FEATURE_VAES | FEATURE_AES | FEATURE_PCLMULQDQ
};

TARGET_FUSED static ALWAYS_INLINE void begin(const int set, const struct fused *fused, struct sha256_x86 *sha)
{
    if (set & SHA256)
        sha256_x86_load(sha, fused->sha256);
    if (set & CRC64)
        wide_begin_crc(fused->crc64);
    if (set & GCM)
        wide_begin_gcm(fused->gcm);
}

TARGET_FUSED static ALWAYS_INLINE void digest_between(struct sha256_x86 *sha, const int step, const uint8_t *data)
{
    if (step == 0)
        sha256_x86_begin_block(sha, data);
    sha256_x86_quarter(sha, step / 4, step % 4);
    if (step == 63)
        sha256_x86_end_block(sha);
}

/* AES after the steps 4k + 3, GHASH of the block before after the steps 8k + 1. */
TARGET_FUSED static ALWAYS_INLINE void seal_between(const struct gcm_x86 *gcm, const int step, const uint8_t *data, uint8_t *out)
{
    if (step == 0)
        wide_crypt(data, out);
    if (step == 3)
        wide_begin_mask(gcm);
    if (step % 4 == 3 && step / 4 >= 1 && step / 4 <= AES_ROUNDS)
        wide_make_mask(gcm, step / 4);
    if (step % 8 == 1 && step / 8 < GCM_HASH_PARTS)
        wide_hash(gcm, step / 8);
}

/* What is done after step `step` of MD5's 64. */
TARGET_FUSED static ALWAYS_INLINE void between(const int set, const struct fused *fused, struct sha256_x86 *sha, const int step,
                                               const uint8_t *data, uint8_t *out)
{
    if (set & SHA256)
        digest_between(sha, step, data);
    if (set & GCM)
        seal_between(fused->gcm, step, data, out);
    if ((set & CRC64) && step == 56)
        wide_crc(data);
}

/* The lanes saw every fourth block; the last four are still to be multiplied, each by the power of its place. */
TARGET_FUSED static void join_lanes(struct gcm_x86 *gcm, const uint8_t lanes[4][AES_BLOCK])
{
    struct gcm_product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (int i = 0; i < 4; i++)
        gcm_add_product(&sum, gcm_load(lanes[i]), gcm_load(gcm->powers[GCM_POWERS - 4 + i]));
    gcm_store(gcm->hash, gcm_reduce(&sum));
}

/* Whatever is called is called when the wide registers have been read and wiped. */
TARGET_FUSED static ALWAYS_INLINE void end(const int set, const struct fused *fused, const struct sha256_x86 *sha, size_t blocks)
{
    uint8_t lanes[4][AES_BLOCK], remainder[FUSED_BLOCK];
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
}

#define BETWEEN(step) between(set, fused, &sha, step, data, out);

TARGET_FUSED static ALWAYS_INLINE void fuse(const int set, const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out)
{
    uint32_t a = fused->md5[0], b = fused->md5[1], c = fused->md5[2], d = fused->md5[3], t;
    struct sha256_x86 sha;
    if (blocks == 0)
        return;
    begin(set, fused, &sha);
    for (size_t left = blocks; left > 0; left--, data += FUSED_BLOCK) {
        const uint32_t before[4] = {a, b, c, d};
        MD5_STEPS(BETWEEN)
        a += before[0];
        b += before[1];
        c += before[2];
        d += before[3];
        if ((set & GCM) != 0) /* else there is no `out` */
            out += FUSED_BLOCK;
    }
    fused->md5[0] = a;
    fused->md5[1] = b;
    fused->md5[2] = c;
    fused->md5[3] = d;
    end(set, fused, &sha, blocks);
}

#define FUSED(name, set)                                                                                      \
    TARGET_FUSED static void name(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out) \
    {                                                                                                         \
        fuse(set, fused, data, blocks, out);                                                                  \
    }

FUSED(md5_sha256, SHA256)
FUSED(md5_crc64, CRC64)
FUSED(md5_sha256_crc64, SHA256 | CRC64)
FUSED(md5_gcm, GCM)
FUSED(md5_crc64_gcm, CRC64 | GCM)
FUSED(md5_sha256_crc64_gcm, SHA256 | CRC64 | GCM)

#define ROW(name, needs, digests, seals, blocks) {name, FUSED_X86_NEEDS | (needs), ENGINE_DIGEST_MD5 | (digests), seals, blocks}

const struct fused_row fused_rows_x86[FUSED_ROWS_X86] = {
    ROW("x86-avx512", SHA256_NEEDS | CRC64_NEEDS | GCM_NEEDS, ENGINE_DIGEST_SHA256 | ENGINE_DIGEST_CRC64NVME, true, md5_sha256_crc64_gcm),
    ROW("x86-avx512", CRC64_NEEDS | GCM_NEEDS, ENGINE_DIGEST_CRC64NVME, true, md5_crc64_gcm),
    ROW("x86-avx512", GCM_NEEDS, 0, true, md5_gcm),
    ROW("x86-avx512", SHA256_NEEDS | CRC64_NEEDS, ENGINE_DIGEST_SHA256 | ENGINE_DIGEST_CRC64NVME, false, md5_sha256_crc64),
    ROW("x86-avx512", CRC64_NEEDS, ENGINE_DIGEST_CRC64NVME, false, md5_crc64),
    ROW("x86-sha", SHA256_NEEDS, ENGINE_DIGEST_SHA256, false, md5_sha256),
    {"x86-avx512", GCM_NEEDS | FEATURE_SSSE3 | FEATURE_SSE4_1, ENGINE_DIGEST_CRC64NVME, true, fused_crc64_gcm},
};
#endif
