/*
 * The base64 of a key, as a request's header has it.
 */
#ifndef ENGINE_KEYS_BASE64_H
#define ENGINE_KEYS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode the one way to write ENGINE_KEY_SIZE bytes; false for any other text, and then `out` holds nothing of it. */
bool base64_decode_key(const char *text, size_t size, uint8_t *out);

#endif
