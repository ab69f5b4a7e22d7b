/*
 * The rows of AES-256-GCM, best first. A row is trusted once it has given the known answer in both directions and
 * refused a wrong tag. For long messages no answer is published: there it must agree with libcrypto.
 *
 * A message by itself is left to libcrypto where that is sooner done. A stream never is: what the fused pass saves is
 * more, and it can carry on no other state than ours.
 */
#include "gcm/gcm.h"

#include <string.h>

#include "common/assert.h"
#include "gcm/gcm_worth.h"
#include "kernels/answers.h"
#include "keys/pages.h"

static const struct gcm_row *const rows[] = {
#if defined(TARGET_X86_64)
    &gcm_row_x86_vaes_avx512,
    &gcm_row_x86_vaes_avx2,
    &gcm_row_x86_aesni,
#endif
    &gcm_row_libcrypto,
};

enum { GCM_ROWS = sizeof rows / sizeof rows[0], ANSWER_DATA = 60, ANSWER_AAD = 20 };

/* Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST SP 800-38D refers to. */
static const uint8_t answer_key[ENGINE_KEY_SIZE] = {
    0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
    0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
};
static const uint8_t answer_nonce[ENGINE_NONCE_SIZE] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                                        0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
static const uint8_t answer_aad[ANSWER_AAD] = {
    0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
    0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2,
};
static const uint8_t answer_data[ANSWER_DATA] = {
    0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
    0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
    0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
    0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
};
static const uint8_t answer_sealed[ANSWER_DATA + ENGINE_TAG_SIZE] = {
    0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c,
    0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d,
    0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38, 0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc,
    0xc9, 0xf6, 0x62, 0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b,
};

static uint32_t usable;
static int chosen = -1, alone = -1;

static int seal_with(const struct gcm_row *row, union gcm_state *state, const uint8_t *key, const uint8_t *nonce,
                     const uint8_t *aad, size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    int status = row->begin(state, key);
    if (status == ENGINE_OK)
        status = row->seal(state, nonce, aad, aad_size, data, size, out);
    row->discard(state);
    return status;
}

static int open_with(const struct gcm_row *row, union gcm_state *state, const uint8_t *key, const uint8_t *nonce,
                     const uint8_t *aad, size_t aad_size, const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    ENGINE_ASSERT(sealed_size >= ENGINE_TAG_SIZE);
    int status = row->begin(state, key);
    if (status == ENGINE_OK)
        status = row->open(state, nonce, aad, aad_size, sealed, sealed_size, out);
    row->discard(state);
    return status;
}

/* Long enough for every inner loop, and not a multiple of any block. */
static bool row_agrees_on_a_long_message(const struct gcm_row *row)
{
    enum { SIZE = 1100 };
    union gcm_state state = {0};
    uint8_t data[SIZE], sealed[SIZE + ENGINE_TAG_SIZE], expected[SIZE + ENGINE_TAG_SIZE];
    fill_with_pattern(data, SIZE);
    return seal_with(&gcm_row_libcrypto, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, data, SIZE,
                     expected) == ENGINE_OK &&
           seal_with(row, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, data, SIZE, sealed) == ENGINE_OK &&
           memcmp(sealed, expected, sizeof sealed) == 0 &&
           open_with(row, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, expected, sizeof expected,
                     sealed) == ENGINE_OK &&
           memcmp(sealed, data, SIZE) == 0;
}

static bool row_answers(const struct gcm_row *row)
{
    union gcm_state state = {0};
    uint8_t sealed[sizeof answer_sealed], opened[ANSWER_DATA];
    if (seal_with(row, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, answer_data, ANSWER_DATA, sealed) !=
            ENGINE_OK ||
        memcmp(sealed, answer_sealed, sizeof sealed) != 0 ||
        open_with(row, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, sealed, sizeof sealed, opened) !=
            ENGINE_OK ||
        memcmp(opened, answer_data, sizeof opened) != 0)
        return false;
    sealed[sizeof sealed - 1] ^= 1;
    return open_with(row, &state, answer_key, answer_nonce, answer_aad, ANSWER_AAD, sealed, sizeof sealed, opened) ==
           ENGINE_E_SEALED_DAMAGED;
}

static bool is_usable(int row)
{
    ENGINE_ASSERT(row >= 0 && row < GCM_ROWS);
    return (usable >> row & 1) != 0;
}

bool gcm_init(uint32_t features)
{
    for (int i = GCM_ROWS - 1; i >= 0; i--) {
        if ((rows[i]->needs & ~features) != 0 || !row_answers(rows[i]) || !row_agrees_on_a_long_message(rows[i]))
            continue;
        usable |= 1u << i;
        chosen = i;
    }
    if (chosen < 0)
        return false;
    for (alone = chosen; alone < GCM_ROWS - 1; alone++)
        if (is_usable(alone) && gcm_row_pays(rows[alone]))
            break;
    return true;
}

const struct gcm_row *gcm_chosen_row(void)
{
    ENGINE_ASSERT(chosen >= 0);
    return rows[chosen];
}

const struct gcm_row *gcm_alone_row(void)
{
    ENGINE_ASSERT(alone >= 0);
    return rows[alone];
}

int gcm_prepare(struct gcm *gcm, const struct gcm_row *row, const uint8_t *key)
{
    if (gcm->row == row)
        return ENGINE_OK;
    gcm_wipe(gcm);
    const int status = row->begin(&gcm->state, key);
    if (status == ENGINE_OK)
        gcm->row = row;
    else
        row->discard(&gcm->state);
    return status;
}

void gcm_wipe(struct gcm *gcm)
{
    if (gcm->row != NULL)
        gcm->row->discard(&gcm->state);
    gcm->row = NULL;
}

int gcm_seal_once(const struct gcm_row *row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                  size_t aad_size, const uint8_t *data, size_t size, uint8_t *out)
{
    union gcm_state *const state = secret_pages_take(sizeof *state);
    if (state == NULL)
        return ENGINE_E_MEMORY;
    const int status = seal_with(row, state, key, nonce, aad, aad_size, data, size, out);
    secret_pages_give_back(state, sizeof *state);
    return status;
}

int gcm_open_once(const struct gcm_row *row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                  size_t aad_size, const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    union gcm_state *const state = secret_pages_take(sizeof *state);
    if (state == NULL)
        return ENGINE_E_MEMORY;
    const int status = open_with(row, state, key, nonce, aad, aad_size, sealed, sealed_size, out);
    secret_pages_give_back(state, sizeof *state);
    return status;
}

int gcm_row_count(void)
{
    return GCM_ROWS;
}

void gcm_describe(int index, struct engine_row_info *info)
{
    info->name = rows[index]->name;
    info->seals = true;
    info->needs = rows[index]->needs;
    info->usable = is_usable(index);
    info->chosen = alone == index;
}

/* For tests and benchmarks: the prepared key lies on the stack, and is wiped. */
int engine_gcm_row_seal(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                        const uint8_t *data, size_t size, uint8_t *out)
{
    union gcm_state state = {0};
    return is_usable(row) ? seal_with(rows[row], &state, key, nonce, aad, aad_size, data, size, out)
                          : ENGINE_E_KERNEL_UNUSABLE;
}

int engine_gcm_row_open(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                        const uint8_t *sealed, size_t sealed_size, uint8_t *out)
{
    union gcm_state state = {0};
    return is_usable(row) ? open_with(rows[row], &state, key, nonce, aad, aad_size, sealed, sealed_size, out)
                          : ENGINE_E_KERNEL_UNUSABLE;
}
