/*
 * Decodes the base64 of a key, as it is in a request's header.
 */
#ifndef ENGINE_KEYS_BASE64_H
#define ENGINE_KEYS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode the only way to write ENGINE_KEY_SIZE bytes. Returns false for any other text, and leaves nothing of it in
 * `out`. */
bool base64_decode_key(const char *text, size_t size, uint8_t *out);

#endif
