/*
 * ENGINE_ASSERT is a check that stays in release builds: Python compiles every extension with -DNDEBUG, which would
 * remove assert(). It is for mistakes in our own code only, never for input.
 */
#ifndef ENGINE_COMMON_ASSERT_H
#define ENGINE_COMMON_ASSERT_H

#include <stdio.h>
#include <stdlib.h>

#define ENGINE_ASSERT(condition)                                                                            \
    do {                                                                                                    \
        if (!(condition)) {                                                                                 \
            fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", __FILE__, __LINE__, __func__, #condition); \
            abort();                                                                                        \
        }                                                                                                   \
    } while (0)

#endif
