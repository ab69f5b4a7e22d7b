/*
 * The format of a sealed part, docs/encryption-format.md, and the key of one.
 *
 *     header     "PWE" 01, suite 01, 00 00 00, BE32 segment size, BE32 part number; salt 32, commitment 32
 *     segments   ciphertext of 65,536 bytes, tag 16; the last one shorter, or empty if the part is empty
 */
#ifndef ENGINE_SEALED_PART_KEY_H
#define ENGINE_SEALED_PART_KEY_H

#include "gcm/gcm.h"
#include "keys/key.h"
#include "stream/digests.h"

enum {
    SEGMENT_SIZE = ENGINE_SEGMENT_SIZE,
    SEALED_SEGMENT_SIZE = SEGMENT_SIZE + ENGINE_TAG_SIZE,
    HEADER_SIZE = ENGINE_SEALED_HEADER_SIZE,
    PREAMBLE_SIZE = 16, /* the header before the salt; every tag authenticates it */
    PART_NUMBER_AT = 12,
    SALT_SIZE = 32,
    NONCE_PREFIX_SIZE = 7
};

/* Lives in secret pages, as a member of its user. */
struct part_key {
    uint8_t secret[ENGINE_KEY_SIZE + NONCE_PREFIX_SIZE]; /* the key, then the prefix of all its nonces */
    uint8_t header[HEADER_SIZE];
};

/* Begin a new part: make a header with a fresh salt, and the key derived from it. */
int part_key_new(struct part_key *part, const engine_key *upload_key, uint32_t part_number);

/* Derive the key of the part whose header is given. Fails with ENGINE_E_SEALED_FORMAT, or with ENGINE_E_KEY_MISMATCH
 * before the key has touched any data. */
int part_key_of_header(struct part_key *part, const engine_key *upload_key, uint32_t part_number,
                       const uint8_t *header);

/* Seal or open segment `index`; `size` is the size of its plaintext. The second also digests it. */
int part_key_seal(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last, const uint8_t *data,
                  size_t size, uint8_t *out);
int part_key_seal_digested(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last,
                           struct digests *digests, const uint8_t *data, size_t size, uint8_t *out);
int part_key_open(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last, const uint8_t *sealed,
                  size_t size, uint8_t *out);

#endif
