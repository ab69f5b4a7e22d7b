/*
 * HKDF has two steps, RFC 5869: extract makes one uniform key of a secret and a salt, and expand makes of that a key
 * for each label.
 *
 *     T(0) = ""    T(i) = HMAC(key, T(i - 1) || info || i)    out = T(1) || T(2) || ...
 */
#include "keys/hkdf.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/assert.h"

int hmac_sha256(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size, uint8_t *out)
{
    return HMAC(EVP_sha256(), key, (int)key_size, data, size, out, NULL) != NULL ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

int hkdf_extract(const uint8_t *salt, size_t salt_size, const uint8_t *secret, size_t secret_size, uint8_t *out)
{
    return hmac_sha256(salt, salt_size, secret, secret_size, out);
}

int hkdf_expand(const uint8_t *key, const uint8_t *info, size_t info_size, uint8_t *out, size_t out_size)
{
    uint8_t text[HASH_SIZE + ENGINE_INFO_SIZE_MAX + 1], block[HASH_SIZE];
    size_t carried = 0;
    int status = ENGINE_OK;

    ENGINE_ASSERT(info_size <= ENGINE_INFO_SIZE_MAX && out_size <= EXPANDED_SIZE_MAX);
    for (size_t done = 0; done < out_size && status == ENGINE_OK; done += HASH_SIZE) {
        memcpy(text, block, carried);
        memcpy(text + carried, info, info_size);
        text[carried + info_size] = (uint8_t)(done / HASH_SIZE + 1);
        status = hmac_sha256(key, HASH_SIZE, text, carried + info_size + 1, block);
        if (status == ENGINE_OK)
            memcpy(out + done, block, out_size - done < HASH_SIZE ? out_size - done : HASH_SIZE);
        carried = HASH_SIZE;
    }
    if (status != ENGINE_OK)
        OPENSSL_cleanse(out, out_size);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(block, sizeof block);
    return status;
}

int engine_hkdf(const uint8_t *secret, size_t secret_size, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                size_t info_size, uint8_t *out, size_t out_size)
{
    uint8_t key[HASH_SIZE];
    int status = hkdf_extract(salt, salt_size, secret, secret_size, key);
    if (status == ENGINE_OK)
        status = hkdf_expand(key, info, info_size, out, out_size);
    OPENSSL_cleanse(key, sizeof key);
    return status;
}
