/*
 * The steps of a block of SHA-256, FIPS 180-4, for vectors that hold one word of each lane.
 *
 * The including file defines a step: STEP(a, b, c, d, e, f, g, h, i) turns d and h into the next e and a. The other
 * words only change their names, which are the old ones again after eight steps.
 */
#ifndef ENGINE_LANES_SHA256_STEPS_H
#define ENGINE_LANES_SHA256_STEPS_H

#include "sha256/sha256_constants.h"

#define SHA256_EIGHT_STEPS(STEP, i)       \
    STEP(a, b, c, d, e, f, g, h, (i))     \
    STEP(h, a, b, c, d, e, f, g, (i) + 1) \
    STEP(g, h, a, b, c, d, e, f, (i) + 2) \
    STEP(f, g, h, a, b, c, d, e, (i) + 3) \
    STEP(e, f, g, h, a, b, c, d, (i) + 4) \
    STEP(d, e, f, g, h, a, b, c, (i) + 5) \
    STEP(c, d, e, f, g, h, a, b, (i) + 6) \
    STEP(b, c, d, e, f, g, h, a, (i) + 7)

#define SHA256_SIXTEEN_STEPS(STEP, i) \
    SHA256_EIGHT_STEPS(STEP, i)       \
    SHA256_EIGHT_STEPS(STEP, (i) + 8)

#endif
