/*
 * What the rows of the three CRCs have in common: the register starts at all ones, the result is its complement, and S3
 * wants that big-endian.
 */
#ifndef ENGINE_CRC_CRC_H
#define ENGINE_CRC_CRC_H

#include "cpu/target.h"
#include "kernels/row.h"

int crc32_begin(union digest_state *state);
int crc32_finish(union digest_state *state, uint8_t *out);
int crc64_begin(union digest_state *state);
int crc64_finish(union digest_state *state, uint8_t *out);
void crc_discard(union digest_state *state); /* does nothing: the state owns no memory */

#if defined(TARGET_X86_64)
int crc32_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size);
int crc32c_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size);
int crc64_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size);
int crc32_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size);
int crc32_update_x86_vpclmul_avx512(union digest_state *state, const uint8_t *data, size_t size);
int crc32c_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size);
int crc32c_update_x86_vpclmul_avx512(union digest_state *state, const uint8_t *data, size_t size);
int crc64_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size);
int crc64_update_x86_vpclmul_avx512(union digest_state *state, const uint8_t *data, size_t size);
void crc_fold_init(void);
void crc_fold_avx2_init(void);
void crc_fold_avx512_init(void);
#endif

#endif
