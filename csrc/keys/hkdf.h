/*
 * HKDF-SHA-256, RFC 5869, and the HMAC it is made of.
 */
#ifndef ENGINE_KEYS_HKDF_H
#define ENGINE_KEYS_HKDF_H

#include <stddef.h>
#include <stdint.h>

#include "engine.h"

enum { HASH_SIZE = 32, EXPANDED_SIZE_MAX = 255 * HASH_SIZE };

int hmac_sha256(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size, uint8_t *out);

/* `out` takes HASH_SIZE bytes. */
int hkdf_extract(const uint8_t *salt, size_t salt_size, const uint8_t *secret, size_t secret_size, uint8_t *out);

/* Make at most EXPANDED_SIZE_MAX bytes from a key of HASH_SIZE bytes; `info` has at most ENGINE_INFO_SIZE_MAX. On
 * failure `out` is wiped. */
int hkdf_expand(const uint8_t *key, const uint8_t *info, size_t info_size, uint8_t *out, size_t out_size);

#endif
