/*
 * The row that runs on any processor: libcrypto's EVP. Its contexts lie on the ordinary heap and are wiped when freed,
 * so each is made for one call of ours and never kept.
 */
#include "gcm/gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { OPEN, SEAL };

static void discard(union gcm_state *state)
{
    EVP_CIPHER_CTX_free(state->libcrypto);
    state->libcrypto = NULL;
}

static int begin(union gcm_state *state, const uint8_t *key)
{
    state->libcrypto = EVP_CIPHER_CTX_new();
    if (state->libcrypto == NULL)
        return ENGINE_E_MEMORY;
    return EVP_CipherInit_ex(state->libcrypto, EVP_aes_256_gcm(), NULL, key, NULL, SEAL) == 1 ? ENGINE_OK
                                                                                              : ENGINE_E_LIBCRYPTO;
}

/* Do everything but the tag. */
static bool run(EVP_CIPHER_CTX *context, int direction, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                const uint8_t *data, size_t size, uint8_t *out)
{
    int done;
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, direction) == 1 &&
           (aad_size == 0 || EVP_CipherUpdate(context, NULL, &done, aad, (int)aad_size) == 1) &&
           (size == 0 || EVP_CipherUpdate(context, out, &done, data, (int)size) == 1);
}

static int seal(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *data,
                size_t size, uint8_t *out)
{
    uint8_t nothing[ENGINE_TAG_SIZE];
    int done;
    const bool sealed = run(state->libcrypto, SEAL, nonce, aad, aad_size, data, size, out) &&
                        EVP_CipherFinal_ex(state->libcrypto, nothing, &done) == 1 &&
                        EVP_CIPHER_CTX_ctrl(state->libcrypto, EVP_CTRL_AEAD_GET_TAG, ENGINE_TAG_SIZE, out + size) == 1;
    return sealed ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

static int open_sealed(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                       const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    const size_t size = sealed_size - ENGINE_TAG_SIZE;
    uint8_t nothing[ENGINE_TAG_SIZE];
    int done, status = ENGINE_E_LIBCRYPTO;
    if (run(state->libcrypto, OPEN, nonce, aad, aad_size, sealed, size, out) &&
        EVP_CIPHER_CTX_ctrl(state->libcrypto, EVP_CTRL_AEAD_SET_TAG, ENGINE_TAG_SIZE, (void *)(sealed + size)) == 1)
        status = EVP_CipherFinal_ex(state->libcrypto, nothing, &done) == 1 ? ENGINE_OK : ENGINE_E_SEALED_DAMAGED;
    if (status != ENGINE_OK)
        OPENSSL_cleanse(out, size);
    return status;
}

const struct gcm_row gcm_row_libcrypto = {"libcrypto", 0, begin, seal, open_sealed, discard, NULL};
