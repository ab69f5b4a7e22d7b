/*
 * Which row of AES-256-GCM a message by itself is left to, by a clock that is pretended: a row of ours takes some nanoseconds, and
 * libcrypto's some.
 *
 *     gcm_worth_driver OWN LIBCRYPTO UNDISTURBED    all but one sample in so many take ten times as long
 *
 * Prints the name of that row, and of the one for streams. A key is prepared for one after the other, and what one seals the other opens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int pretend_clock(clockid_t clock, struct timespec *time);

#define clock_gettime pretend_clock
#include "gcm/gcm_worth.c"
#undef clock_gettime

#include "common/assert.h"

static int64_t of_own, of_libcrypto, undisturbed;

/* Called before and after each message, and messages take turns. */
static int pretend_clock(clockid_t clock, struct timespec *time)
{
    static int64_t calls, clock_now;
    const int64_t sample = calls / 4, of_both[] = {of_own, of_libcrypto};
    (void)clock;
    if (calls % 2 == 1)
        clock_now += of_both[calls / 2 % 2] * (sample % undisturbed == 0 ? 1 : 10);
    calls++;
    *time = (struct timespec){(time_t)(clock_now / 1000000000), (long)(clock_now % 1000000000)};
    return 0;
}

static void seal_and_open(const struct gcm_row *sealing, const struct gcm_row *opening)
{
    static const uint8_t key[ENGINE_KEY_SIZE] = {1}, nonce[ENGINE_NONCE_SIZE] = {2}, text[1000] = {3};
    uint8_t sealed[sizeof text + ENGINE_TAG_SIZE], opened[sizeof text];
    struct gcm gcm = {0};
    ENGINE_ASSERT(gcm_prepare(&gcm, sealing, key) == ENGINE_OK && gcm_prepare(&gcm, sealing, key) == ENGINE_OK);
    ENGINE_ASSERT(sealing->seal(&gcm.state, nonce, NULL, 0, text, sizeof text, sealed) == ENGINE_OK);
    ENGINE_ASSERT(gcm_prepare(&gcm, opening, key) == ENGINE_OK);
    ENGINE_ASSERT(opening->open(&gcm.state, nonce, NULL, 0, sealed, sizeof sealed, opened) == ENGINE_OK);
    ENGINE_ASSERT(memcmp(text, opened, sizeof text) == 0);
    gcm_wipe(&gcm);
    gcm_wipe(&gcm);
}

int main(int argc, char **argv)
{
    ENGINE_ASSERT(argc == 4);
    of_own = atoi(argv[1]);
    of_libcrypto = atoi(argv[2]);
    undisturbed = atoi(argv[3]);
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    seal_and_open(gcm_chosen_row(), gcm_alone_row());
    seal_and_open(gcm_alone_row(), gcm_chosen_row());
    printf("%s %s\n", gcm_alone_row()->name, gcm_chosen_row()->name);
    return 0;
}
