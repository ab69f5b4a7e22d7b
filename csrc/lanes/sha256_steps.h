/*
 * The 64 steps of a block of SHA-256, FIPS 180-4, for vectors that hold one word of each lane.
 *
 * A file that includes this says how steps are made: STEP(a, b, c, d, e, f, g, h, i) turns d and h into the next e and a, the others only
 * change their names; EXTEND(i) makes word i of the schedule from the sixteen before it, in the place of word i - 16.
 */
#ifndef ENGINE_LANES_SHA256_STEPS_H
#define ENGINE_LANES_SHA256_STEPS_H

#include "sha256/sha256_constants.h"

#define SHA256_EIGHT_STEPS(STEP, EXTEND, i)           \
    EXTEND(i) STEP(a, b, c, d, e, f, g, h, i)         \
    EXTEND(i + 1) STEP(h, a, b, c, d, e, f, g, i + 1) \
    EXTEND(i + 2) STEP(g, h, a, b, c, d, e, f, i + 2) \
    EXTEND(i + 3) STEP(f, g, h, a, b, c, d, e, i + 3) \
    EXTEND(i + 4) STEP(e, f, g, h, a, b, c, d, i + 4) \
    EXTEND(i + 5) STEP(d, e, f, g, h, a, b, c, i + 5) \
    EXTEND(i + 6) STEP(c, d, e, f, g, h, a, b, i + 6) \
    EXTEND(i + 7) STEP(b, c, d, e, f, g, h, a, i + 7)

#define SHA256_NO_EXTEND(i)

#define SHA256_STEPS(STEP, EXTEND)                \
    SHA256_EIGHT_STEPS(STEP, SHA256_NO_EXTEND, 0) \
    SHA256_EIGHT_STEPS(STEP, SHA256_NO_EXTEND, 8) \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 16)          \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 24)          \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 32)          \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 40)          \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 48)          \
    SHA256_EIGHT_STEPS(STEP, EXTEND, 56)

#endif
