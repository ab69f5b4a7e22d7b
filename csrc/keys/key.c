/*
 * A key comes from outside, from a random source, from another key or from a file, and is used only here: its bytes
 * leave only wrapped under another key, or into the file of a key ring.
 */
#include "keys/key.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "gcm/gcm.h"
#include "keys/base64.h"
#include "keys/hkdf.h"
#include "keys/pages.h"

_Static_assert((int)ENGINE_KEY_SIZE == (int)HASH_SIZE, "a key is what HKDF gives and takes");
_Static_assert((int)ENGINE_KEY_SIZE == (int)ENGINE_COMMITMENT_SIZE, "and so is a commitment");

static int key_new(engine_key **key)
{
    *key = secret_pages_take(sizeof **key);
    return *key != NULL ? ENGINE_OK : ENGINE_E_MEMORY;
}

/* Finish a function that makes a key: on failure wipe the key. Returns `status`. */
static int key_done(engine_key **key, int status)
{
    if (status != ENGINE_OK) {
        engine_key_close(*key);
        *key = NULL;
    }
    return status;
}

void engine_key_close(engine_key *key)
{
    secret_pages_give_back(key, sizeof *key);
}

int engine_key_of_bytes(const uint8_t *bytes, engine_key **key)
{
    const int status = key_new(key);
    if (status == ENGINE_OK)
        memcpy((*key)->bytes, bytes, ENGINE_KEY_SIZE);
    return status;
}

int engine_key_of_base64(const char *text, size_t size, engine_key **key)
{
    int status = key_new(key);
    if (status == ENGINE_OK && !base64_decode_key(text, size, (*key)->bytes))
        status = ENGINE_E_KEY_TEXT;
    return key_done(key, status);
}

int engine_key_random(engine_key **key)
{
    int status = key_new(key);
    if (status == ENGINE_OK && RAND_priv_bytes((*key)->bytes, ENGINE_KEY_SIZE) != 1)
        status = ENGINE_E_LIBCRYPTO;
    return key_done(key, status);
}

int engine_key_read(int fd, uint64_t offset, engine_key **key, struct engine_report *report)
{
    *report = (struct engine_report){.offset = offset};
    int status = key_new(key);
    if (status != ENGINE_OK)
        return status;
    const ssize_t got = pread(fd, (*key)->bytes, ENGINE_KEY_SIZE, (off_t)offset);
    if (got != ENGINE_KEY_SIZE) {
        report->os_error = got < 0 ? errno : EIO;
        status = ENGINE_E_READ;
    }
    return key_done(key, status);
}

int engine_key_write(const engine_key *key, int fd, uint64_t offset, struct engine_report *report)
{
    *report = (struct engine_report){.offset = offset};
    const ssize_t written = pwrite(fd, key->bytes, ENGINE_KEY_SIZE, (off_t)offset);
    if (written == ENGINE_KEY_SIZE)
        return ENGINE_OK;
    report->os_error = written < 0 ? errno : EIO;
    return ENGINE_E_WRITE;
}

static int derive(const engine_key *key, const uint8_t *salt, size_t salt_size, const uint8_t *info, size_t info_size,
                  uint8_t *out)
{
    return salt == NULL
               ? hkdf_expand(key->bytes, info, info_size, out, ENGINE_KEY_SIZE)
               : engine_hkdf(key->bytes, ENGINE_KEY_SIZE, salt, salt_size, info, info_size, out, ENGINE_KEY_SIZE);
}

int engine_key_derive(const engine_key *key, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                      size_t info_size, engine_key **derived)
{
    int status = key_new(derived);
    if (status == ENGINE_OK)
        status = derive(key, salt, salt_size, info, info_size, (*derived)->bytes);
    return key_done(derived, status);
}

int engine_key_commit(const engine_key *key, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                      size_t info_size, uint8_t *out)
{
    return derive(key, salt, salt_size, info, info_size, out);
}

int engine_key_hmac(const engine_key *key, const uint8_t *data, size_t size, uint8_t *out)
{
    return hmac_sha256(key->bytes, ENGINE_KEY_SIZE, data, size, out);
}

int engine_key_md5(const engine_key *key, uint8_t *out)
{
    return EVP_Digest(key->bytes, ENGINE_KEY_SIZE, out, NULL, EVP_md5(), NULL) == 1 ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

int engine_key_seal(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const uint8_t *data, size_t size, uint8_t *out)
{
    return gcm_seal_once(gcm_chosen_row(), key->bytes, nonce, aad, aad_size, data, size, out);
}

int engine_key_open(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    return gcm_open_once(gcm_chosen_row(), key->bytes, nonce, aad, aad_size, sealed, sealed_size, out);
}

int engine_key_wrap(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const engine_key *secret, uint8_t *wrapped)
{
    return engine_key_seal(key, nonce, aad, aad_size, secret->bytes, ENGINE_KEY_SIZE, wrapped);
}

int engine_key_unwrap(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                      const uint8_t *wrapped, engine_key **secret)
{
    int status = key_new(secret);
    if (status == ENGINE_OK)
        status = engine_key_open(key, nonce, aad, aad_size, wrapped, ENGINE_WRAPPED_KEY_SIZE, (*secret)->bytes);
    return key_done(secret, status);
}
