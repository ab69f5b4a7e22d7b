/*
 * Every attempt to upload a part has a key of its own, since its salt is drawn here and nowhere else: no two attempts
 * share a key and a nonce, even if a part is uploaded again. Segments follow STREAM (Hoang, Reyhanitabar, Rogaway,
 * Vizar 2015): the nonce holds the segment's number and whether it is the last, so that no segment can be moved,
 * repeated, dropped or cut off.
 */
#include "sealed/part_key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/bytes.h"
#include "keys/hkdf.h"

#define DOMAIN "partwright v1"

enum {
    INFO_SIZE_MAX = sizeof DOMAIN + 8 + 4 + SALT_SIZE,
    SALT_AT = PREAMBLE_SIZE,
    COMMITMENT_AT = SALT_AT + SALT_SIZE
};

static const uint8_t preamble[PART_NUMBER_AT] = {'P', 'W', 'E', 1, 1, 0, 0, 0, 0, SEGMENT_SIZE >> 16, 0, 0};

_Static_assert(SEGMENT_SIZE == 1 << 16, "the preamble says so");
_Static_assert(COMMITMENT_AT + ENGINE_COMMITMENT_SIZE == HEADER_SIZE, "the header ends with the commitment");

/* Write domain || label || BE32 part number || salt. Returns the size. */
static size_t write_info(uint8_t *info, const char *label, const uint8_t *header)
{
    const size_t label_size = strlen(label);
    uint8_t *at = info;
    memcpy(at, DOMAIN, sizeof DOMAIN - 1);
    at += sizeof DOMAIN - 1;
    memcpy(at, label, label_size);
    at += label_size;
    memcpy(at, header + PART_NUMBER_AT, PREAMBLE_SIZE - PART_NUMBER_AT + SALT_SIZE);
    return (size_t)(at - info) + PREAMBLE_SIZE - PART_NUMBER_AT + SALT_SIZE;
}

static int commit(const struct part_key *part, const engine_key *upload_key, uint8_t *commitment)
{
    uint8_t info[INFO_SIZE_MAX];
    const size_t size = write_info(info, "commit", part->header);
    return hkdf_expand(upload_key->bytes, info, size, commitment, ENGINE_COMMITMENT_SIZE);
}

static int derive(struct part_key *part, const engine_key *upload_key)
{
    uint8_t info[INFO_SIZE_MAX];
    const size_t size = write_info(info, "part", part->header);
    return hkdf_expand(upload_key->bytes, info, size, part->secret, sizeof part->secret);
}

static void write_preamble(uint8_t *header, uint32_t part_number)
{
    memcpy(header, preamble, sizeof preamble);
    store_big(header + PART_NUMBER_AT, part_number, 4);
}

int part_key_new(struct part_key *part, const engine_key *upload_key, uint32_t part_number)
{
    write_preamble(part->header, part_number);
    if (RAND_bytes(part->header + SALT_AT, SALT_SIZE) != 1)
        return ENGINE_E_LIBCRYPTO;
    const int status = commit(part, upload_key, part->header + COMMITMENT_AT);
    return status == ENGINE_OK ? derive(part, upload_key) : status;
}

int part_key_of_header(struct part_key *part, const engine_key *upload_key, uint32_t part_number, const uint8_t *header)
{
    uint8_t commitment[ENGINE_COMMITMENT_SIZE];
    if (memcmp(header, preamble, sizeof preamble) != 0)
        return ENGINE_E_SEALED_FORMAT;
    memcpy(part->header, header, HEADER_SIZE);
    write_preamble(part->header, part_number);
    const int status = commit(part, upload_key, commitment);
    if (status != ENGINE_OK)
        return status;
    if (memcmp(part->header, header, PREAMBLE_SIZE) != 0 ||
        CRYPTO_memcmp(commitment, header + COMMITMENT_AT, sizeof commitment) != 0)
        return ENGINE_E_KEY_MISMATCH;
    return derive(part, upload_key);
}

static void write_nonce(const struct part_key *part, uint32_t index, bool is_last, uint8_t *nonce)
{
    memcpy(nonce, part->secret + ENGINE_KEY_SIZE, NONCE_PREFIX_SIZE);
    store_big(nonce + NONCE_PREFIX_SIZE, index, 4);
    nonce[ENGINE_NONCE_SIZE - 1] = is_last;
}

int part_key_seal(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last, const uint8_t *data,
                  size_t size, uint8_t *out)
{
    uint8_t nonce[ENGINE_NONCE_SIZE];
    write_nonce(part, index, is_last, nonce);
    const int status = gcm_prepare(gcm, gcm_alone_row(), part->secret);
    return status != ENGINE_OK
               ? status
               : gcm_alone_row()->seal(&gcm->state, nonce, part->header, PREAMBLE_SIZE, data, size, out);
}

int part_key_seal_digested(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last,
                           struct digests *digests, const uint8_t *data, size_t size, uint8_t *out)
{
    uint8_t nonce[ENGINE_NONCE_SIZE];
    write_nonce(part, index, is_last, nonce);
    const int status = gcm_prepare(gcm, gcm_chosen_row(), part->secret);
    return status != ENGINE_OK
               ? status
               : digests_seal(digests, &gcm->state, nonce, part->header, PREAMBLE_SIZE, data, size, out);
}

int part_key_open(const struct part_key *part, struct gcm *gcm, uint32_t index, bool is_last, const uint8_t *sealed,
                  size_t size, uint8_t *out)
{
    uint8_t nonce[ENGINE_NONCE_SIZE];
    write_nonce(part, index, is_last, nonce);
    const int status = gcm_prepare(gcm, gcm_alone_row(), part->secret);
    return status != ENGINE_OK ? status
                               : gcm_alone_row()->open(&gcm->state, nonce, part->header, PREAMBLE_SIZE, sealed,
                                                       size + ENGINE_TAG_SIZE, out);
}
