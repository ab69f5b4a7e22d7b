/*
 * The four functions that make a digest of libcrypto a kernel row. An algorithm's file adds only its EVP_MD.
 */
#ifndef ENGINE_COMMON_LIBCRYPTO_H
#define ENGINE_COMMON_LIBCRYPTO_H

#include <openssl/evp.h>
#include <openssl/opensslv.h>

#include "kernels/row.h"

#if OPENSSL_VERSION_MAJOR < 3
#error "OpenSSL 3 or newer is needed"
#endif

int libcrypto_begin(union digest_state *state, const EVP_MD *algorithm);
int libcrypto_update(union digest_state *state, const uint8_t *data, size_t size);
int libcrypto_finish(union digest_state *state, uint8_t *out);
void libcrypto_discard(union digest_state *state);

#endif
