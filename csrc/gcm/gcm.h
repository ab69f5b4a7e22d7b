/*
 * AES-256-GCM, NIST SP 800-38D, with nonces of 96 bits and tags of 128: the rows, and which of them is used.
 */
#ifndef ENGINE_GCM_GCM_H
#define ENGINE_GCM_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "gcm/gcm_x86_state.h"

/* A prepared key. All zero means that nothing needs releasing. */
union gcm_state {
    void *libcrypto; /* EVP_CIPHER_CTX */
    struct gcm_x86 x86;
};

struct gcm_row {
    const char *name;
    uint32_t needs; /* FEATURE_* bits, all of them */
    int (*begin)(union gcm_state *state, const uint8_t *key);
    /* Encrypt: `out` takes `size` + ENGINE_TAG_SIZE bytes, the tag last. A nonce must be used only once with a key. */
    int (*seal)(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *data,
                size_t size, uint8_t *out);
    /* Decrypt: `out` takes sealed_size - ENGINE_TAG_SIZE bytes. Fails with ENGINE_E_SEALED_DAMAGED if the tag is
     * wrong; on any failure `out` is wiped. */
    int (*open)(union gcm_state *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                const uint8_t *sealed, size_t sealed_size, uint8_t *out);
    void (*discard)(union gcm_state *state); /* wipes the key; allowed at any time, and twice */
    const struct gcm_pieces *pieces; /* how others carry a message on; NULL unless the state is struct gcm_x86 */
};

/* A key that is prepared when it is first needed. All zero means that it is not prepared. */
struct gcm {
    union gcm_state state;
    const struct gcm_row *row; /* for which it is prepared */
};

extern const struct gcm_row gcm_row_libcrypto;

#if defined(TARGET_X86_64)
extern const struct gcm_row gcm_row_x86_aesni, gcm_row_x86_vaes_avx2, gcm_row_x86_vaes_avx512;

int gcm_x86_begin(union gcm_state *state, const uint8_t *key);
int gcm_x86_seal(gcm_x86_crypt *crypt, union gcm_state *state, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);
int gcm_x86_open(gcm_x86_crypt *crypt, union gcm_state *state, const uint8_t *nonce, const uint8_t *aad,
                 size_t aad_size, const uint8_t *sealed, size_t sealed_size, uint8_t *out);
void gcm_x86_discard(union gcm_state *state);
#endif

/* Test the rows and choose one; false if none passes. Called once, by engine_init(). */
bool gcm_init(uint32_t features);

/* Return the row whose state others carry on, if the processor has one: the best usable row. */
const struct gcm_row *gcm_chosen_row(void);

/* Return the row for messages that are sealed or opened by themselves: libcrypto's if no other is sooner done. */
const struct gcm_row *gcm_alone_row(void);

/* For engine_row_describe(). */
int gcm_row_count(void);
void gcm_describe(int index, struct engine_row_info *info);

/* Prepare the key for a row, unless it is prepared; then use the row's seal() and open(). */
int gcm_prepare(struct gcm *gcm, const struct gcm_row *row, const uint8_t *key);

/* Wipe the prepared key. Allowed at any time. */
void gcm_wipe(struct gcm *gcm);

/* Seal or open one message, with a key that is used only for it. */
int gcm_seal_once(const struct gcm_row *row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                  size_t aad_size, const uint8_t *data, size_t size, uint8_t *out);
int gcm_open_once(const struct gcm_row *row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                  size_t aad_size, const uint8_t *sealed, size_t sealed_size, uint8_t *out);

#endif
