/*
 * Source: Amazon S3 API Reference, "Signature calculations for the authorization header: transferring payload in
 * multiple chunks", and the page after it, on trailing headers.
 */
#include "chunked/chain.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/assert.h"
#include "kernels/registry.h"

#define CHUNK_ALGORITHM "AWS4-HMAC-SHA256-PAYLOAD\n"
#define TRAILER_ALGORITHM "AWS4-HMAC-SHA256-TRAILER\n"
#define HASH_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"

enum { TEXT_SIZE_MAX = sizeof CHUNK_ALGORITHM + ENGINE_CHUNKED_CONTEXT_SIZE_MAX + 3 * (SHA256_HEX_SIZE + 1) };

/* A string to sign, while it is put together. */
struct text {
    char bytes[TEXT_SIZE_MAX];
    size_t size;
};

static const struct kernel_row *sha256_row(void)
{
    return registry_chosen_row(__builtin_ctz(ENGINE_DIGEST_SHA256));
}

static void text_add(struct text *text, const char *piece, size_t size)
{
    ENGINE_ASSERT(size <= sizeof text->bytes - text->size);
    memcpy(text->bytes + text->size, piece, size);
    text->size += size;
}

static void to_hex(const uint8_t *bytes, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
}

int chain_open(struct chain *chain, const uint8_t *key, const char *seed, const char *context, size_t context_size)
{
    ENGINE_ASSERT(context_size <= sizeof chain->context);
    const int status = sha256_row()->begin(&chain->digest);
    if (status != ENGINE_OK) {
        sha256_row()->discard(&chain->digest);
        return status;
    }
    memcpy(chain->key, key, sizeof chain->key);
    memcpy(chain->previous, seed, sizeof chain->previous);
    memcpy(chain->context, context, context_size);
    chain->context_size = context_size;
    return ENGINE_OK;
}

void chain_close(struct chain *chain)
{
    OPENSSL_cleanse(chain->key, sizeof chain->key);
    sha256_row()->discard(&chain->digest);
}

int chain_take(struct chain *chain, const uint8_t *data, size_t size)
{
    return sha256_row()->update(&chain->digest, data, size);
}

/* Check a signature. All strings to sign begin alike; `digest` is what they end with. */
static int check(struct chain *chain, const char *algorithm, const char *middle, const uint8_t *digest,
                 const uint8_t *claimed, bool *matches)
{
    struct text text = {.size = 0};
    char digest_hex[SHA256_HEX_SIZE];
    uint8_t signature[SHA256_SIZE];

    to_hex(digest, digest_hex);
    text_add(&text, algorithm, strlen(algorithm));
    text_add(&text, chain->context, chain->context_size);
    text_add(&text, chain->previous, sizeof chain->previous);
    text_add(&text, "\n", 1);
    text_add(&text, middle, strlen(middle));
    text_add(&text, digest_hex, sizeof digest_hex);
    const unsigned char *const done = HMAC(EVP_sha256(), chain->key, (int)sizeof chain->key,
                                           (const unsigned char *)text.bytes, text.size, signature, NULL);
    if (done == NULL)
        return ENGINE_E_LIBCRYPTO;
    *matches = CRYPTO_memcmp(signature, claimed, sizeof signature) == 0;
    if (*matches)
        to_hex(signature, chain->previous);
    OPENSSL_cleanse(signature, sizeof signature);
    return ENGINE_OK;
}

int chain_end_chunk(struct chain *chain, const uint8_t *claimed, bool *matches)
{
    uint8_t digest[SHA256_SIZE];
    int status = sha256_row()->finish(&chain->digest, digest);
    if (status == ENGINE_OK)
        status = check(chain, CHUNK_ALGORITHM, HASH_OF_NOTHING, digest, claimed, matches);
    sha256_row()->discard(&chain->digest);
    return status == ENGINE_OK ? sha256_row()->begin(&chain->digest) : status;
}

int chain_check_trailer(struct chain *chain, const char *text, size_t size, const uint8_t *claimed, bool *matches)
{
    uint8_t digest[SHA256_SIZE];
    int status = chain_take(chain, (const uint8_t *)text, size);
    if (status == ENGINE_OK)
        status = sha256_row()->finish(&chain->digest, digest);
    return status == ENGINE_OK ? check(chain, TRAILER_ALGORITHM, "", digest, claimed, matches) : status;
}
