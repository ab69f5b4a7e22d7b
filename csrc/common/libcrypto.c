/*
 * Digests by libcrypto's EVP: the row that runs on any processor.
 */
#include "common/libcrypto.h"

#include <openssl/crypto.h>

int libcrypto_begin(union digest_state *state, const EVP_MD *algorithm)
{
    state->libcrypto = EVP_MD_CTX_new();
    if (state->libcrypto == NULL)
        return ENGINE_E_MEMORY;
    return EVP_DigestInit_ex(state->libcrypto, algorithm, NULL) == 1 ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

int libcrypto_update(union digest_state *state, const uint8_t *data, size_t size)
{
    return EVP_DigestUpdate(state->libcrypto, data, size) == 1 ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

int libcrypto_finish(union digest_state *state, uint8_t *out)
{
    return EVP_DigestFinal_ex(state->libcrypto, out, NULL) == 1 ? ENGINE_OK : ENGINE_E_LIBCRYPTO;
}

void libcrypto_discard(union digest_state *state)
{
    EVP_MD_CTX_free(state->libcrypto);
    state->libcrypto = NULL;
}

const char *engine_libcrypto_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
