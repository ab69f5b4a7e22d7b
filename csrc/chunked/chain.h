/*
 * The signatures of a signed body. Each chunk's signature covers the one before it, and the first covers the request's
 * own, so that no chunk can be changed, dropped, repeated or moved. The chain does not know the framing.
 */
#ifndef ENGINE_CHUNKED_CHAIN_H
#define ENGINE_CHUNKED_CHAIN_H

#include "kernels/row.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 64 };

struct chain {
    uint8_t key[ENGINE_SIGNING_KEY_SIZE];
    char previous[SHA256_HEX_SIZE];                /* the last signature that was verified, in hex */
    char context[ENGINE_CHUNKED_CONTEXT_SIZE_MAX]; /* two lines: the request's time, the credential's scope */
    size_t context_size;
    union digest_state digest; /* of the current chunk */
};

/* Copy what the chain needs and begin the first chunk. On failure nothing is left to close. */
int chain_open(struct chain *chain, const uint8_t *key, const char *seed, const char *context, size_t context_size);

/* Forget the key and release the digest; allowed at any time, and twice. */
void chain_close(struct chain *chain);

/* Take bytes of the current chunk. */
int chain_take(struct chain *chain, const uint8_t *data, size_t size);

/* End the current chunk: tell whether `claimed` (SHA256_SIZE bytes) is its signature, and begin the next if it is. */
int chain_end_chunk(struct chain *chain, const uint8_t *claimed, bool *matches);

/* Tell whether `claimed` signs the trailer, given as its canonical text. */
int chain_check_trailer(struct chain *chain, const char *text, size_t size, const uint8_t *claimed, bool *matches);

#endif
