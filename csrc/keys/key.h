/*
 * A secret of 32 bytes in pages of its own.
 */
#ifndef ENGINE_KEYS_KEY_H
#define ENGINE_KEYS_KEY_H

#include "engine.h"

struct engine_key {
    uint8_t bytes[ENGINE_KEY_SIZE];
};

#endif
