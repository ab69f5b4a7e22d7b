/*
 * What calls that handle keys leave on the stack: after each, the part of it that is not in use is searched for every key there was.
 *
 *     stack_driver
 *
 * Prints how many keys each call left, one "name: number" a line.
 */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "engine.h"
#include "keys/hkdf.h"

enum { ABOVE = 2048, SEARCHED = 32 * 1024, WANTED_MAX = 8, BOTH = 2 * ENGINE_KEY_SIZE };

static const uint8_t salt[] = "salt", info[] = "info", nonce[ENGINE_NONCE_SIZE];
static const char text[] = "bWFya2VkIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzISE=";

static uint8_t raw[ENGINE_KEY_SIZE] = "marked key of thirty-two bytes!!", out[BOTH], wrapped[ENGINE_WRAPPED_KEY_SIZE];
static uint8_t wanted[WANTED_MAX][ENGINE_KEY_SIZE], left[SEARCHED];
static int wanted_count;
static engine_key *root, *made;

static void want(const uint8_t *key)
{
    ENGINE_ASSERT(wanted_count < WANTED_MAX);
    memcpy(wanted[wanted_count++], key, ENGINE_KEY_SIZE);
}

static void forget_a_key(void)
{
    volatile uint8_t copy[ENGINE_KEY_SIZE];
    for (int i = 0; i < ENGINE_KEY_SIZE; i++)
        copy[i] = raw[i];
    (void)copy[0];
}

static void expand(void)
{
    ENGINE_ASSERT(hkdf_expand(raw, info, sizeof info, out, BOTH) == ENGINE_OK);
}

static void extract_and_expand(void)
{
    ENGINE_ASSERT(engine_hkdf(raw, sizeof raw, salt, sizeof salt, info, sizeof info, out, ENGINE_KEY_SIZE) == ENGINE_OK);
}

static void read_text(void)
{
    ENGINE_ASSERT(engine_key_of_base64(text, sizeof text - 1, &made) == ENGINE_OK);
    engine_key_close(made);
}

static void derive(void)
{
    ENGINE_ASSERT(engine_key_derive(root, salt, sizeof salt, info, sizeof info, &made) == ENGINE_OK);
    engine_key_close(made);
}

static void wrap(void)
{
    ENGINE_ASSERT(engine_key_wrap(root, nonce, NULL, 0, root, wrapped) == ENGINE_OK);
}

static void unwrap(void)
{
    ENGINE_ASSERT(engine_key_unwrap(root, nonce, NULL, 0, wrapped, &made) == ENGINE_OK);
    engine_key_close(made);
}

/* Below what is needed to look at it afterwards. */
static __attribute__((noinline)) void run_below(void (*call)(void))
{
    volatile uint8_t room[ABOVE];
    room[0] = 0;
    call();
    room[ABOVE - 1] = room[0];
}

static __attribute__((noinline)) void clear_what_is_left(void)
{
    volatile uint8_t room[SEARCHED + 2 * ABOVE];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

/* Without any call, which would write over what is looked for. */
static __attribute__((noinline)) void copy_what_is_left(void)
{
    const volatile uint8_t *const end = (const volatile uint8_t *)((uintptr_t)__builtin_frame_address(0) - ABOVE / 2);
    for (int i = 0; i < SEARCHED; i++)
        left[i] = end[i - SEARCHED];
}

static void look_after(const char *name, void (*call)(void))
{
    int found = 0;
    clear_what_is_left();
    run_below(call);
    copy_what_is_left();
    for (int i = 0; i < wanted_count; i++)
        found += memmem(left, sizeof left, wanted[i], ENGINE_KEY_SIZE) != NULL;
    printf("%s: %d\n", name, found);
}

int main(void)
{
    ENGINE_ASSERT(engine_init() == ENGINE_OK && engine_key_of_bytes(raw, &root) == ENGINE_OK);
    want(raw);
    expand();
    want(out);
    want(out + ENGINE_KEY_SIZE);
    extract_and_expand();
    want(out);
    ENGINE_ASSERT(hkdf_extract(salt, sizeof salt, raw, sizeof raw, out) == ENGINE_OK);
    want(out);
    look_after("forgotten", forget_a_key);
    look_after("expand", expand);
    look_after("extract and expand", extract_and_expand);
    look_after("read", read_text);
    look_after("derive", derive);
    look_after("wrap", wrap);
    look_after("unwrap", unwrap);
    return 0;
}
