#include "gcm/gcm_worth.h"

#include <stdlib.h>
#include <time.h>

/* Of so many samples the least counts, as in lanes/worth.c. */
enum { SIZE = 16 * 1024, SAMPLES = 8 };

struct bench {
    union gcm_state of_row, of_libcrypto;
    uint8_t data[SIZE], sealed[SIZE + ENGINE_TAG_SIZE];
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Keep the time of a message if it is the least. */
static void seal(const struct gcm_row *row, union gcm_state *state, struct bench *bench, int64_t *least)
{
    static const uint8_t nonce[ENGINE_NONCE_SIZE];
    const int64_t start = now();
    row->seal(state, nonce, NULL, 0, bench->data, SIZE, bench->sealed);
    const int64_t taken = now() - start;
    if (*least == 0 || taken < *least)
        *least = taken;
}

/* Both take turns, so that a clock that changes is the same for both. */
static bool is_no_later(const struct gcm_row *row, struct bench *bench)
{
    int64_t own = 0, of_libcrypto = 0;
    for (int i = 0; i < SAMPLES; i++) {
        seal(row, &bench->of_row, bench, &own);
        seal(&gcm_row_libcrypto, &bench->of_libcrypto, bench, &of_libcrypto);
    }
    return own <= of_libcrypto;
}

bool gcm_row_pays(const struct gcm_row *row)
{
    static const uint8_t key[ENGINE_KEY_SIZE];
    struct bench *const bench = calloc(1, sizeof *bench);
    if (bench == NULL)
        return true;
    const bool is_ready =
        row->begin(&bench->of_row, key) == ENGINE_OK && gcm_row_libcrypto.begin(&bench->of_libcrypto, key) == ENGINE_OK;
    const bool pays = !is_ready || is_no_later(row, bench);
    row->discard(&bench->of_row);
    gcm_row_libcrypto.discard(&bench->of_libcrypto);
    free(bench);
    return pays;
}
