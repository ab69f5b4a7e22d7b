/*
 * The fused pass computes all that a request wants of a stream's bytes, MD5 and beside it SHA-256, CRC64NVME and
 * AES-256-GCM, in one go over each block of 64 bytes. MD5 is a chain of dependencies that leaves most of the processor
 * idle; the rest is done in its gaps.
 */
#ifndef ENGINE_FUSED_FUSED_H
#define ENGINE_FUSED_FUSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gcm/gcm.h"
#include "kernels/row.h"

enum { FUSED_BLOCK = 64 };

/* The states that a row carries on. A pointer that the row does not need may be NULL. */
struct fused {
    uint32_t *md5;    /* the words of struct md5 */
    uint32_t *sha256; /* the words of struct sha256 */
    uint64_t *crc64;  /* the register */
    struct gcm_x86 *gcm;
};

struct fused_row {
    const char *name;
    uint32_t needs;   /* FEATURE_* bits, all of them */
    uint32_t digests; /* ENGINE_DIGEST_* bits */
    bool seals;
    /* Carry on over whole blocks. A row that seals encrypts them to `out`, which must not overlap `data`. */
    void (*blocks)(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out);
};

#if defined(TARGET_FUSED)
enum { FUSED_ROWS_X86 = 27 };

extern const struct fused_row fused_rows_x86[FUSED_ROWS_X86];

/* The rows without MD5. */
void fused_crc64_gcm_avx512(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out);
void fused_crc64_gcm_avx2(const struct fused *fused, const uint8_t *data, size_t blocks, uint8_t *out);
#endif

/* Test the rows against the chosen rows of what they compute. Called once, by engine_init(), after all others are
 * chosen. */
void fused_init(uint32_t features);

/* Return the row that computes the most of these digests and no others, and that seals or does not; NULL if there is
 * none. */
const struct fused_row *fused_row_for(uint32_t digests, bool seals);

/* For engine_row_describe(). */
int fused_row_count(void);
void fused_describe(int index, struct engine_row_info *info);

/* Carry the row's digests, which include MD5, on over any number of bytes. `states` has the states of all
 * algorithms, by index. */
int fused_digest(const struct fused_row *row, union digest_state *states, const uint8_t *data, size_t size);

/* Do the same, and seal the bytes as one message, as gcm_row's seal() does. MD5 must have taken whole blocks so far. */
int fused_seal(const struct fused_row *row, union digest_state *states, union gcm_state *gcm, const uint8_t *nonce,
               const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);

#endif
