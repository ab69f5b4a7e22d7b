/*
 * From how many streams on lanes are sooner done than fused passes, each stream by itself.
 *
 * That depends on the processor and on every row that it can use, so it is measured when the core is loaded, in a few
 * tenths of a millisecond, and never known by a row's name.
 */
#ifndef ENGINE_LANES_WORTH_H
#define ENGINE_LANES_WORTH_H

#include <stdint.h>

struct lanes_worth {
    int pays;        /* with fewer streams, each by itself is faster; 0 if that is always so */
    int block_alone; /* nanoseconds that a stream by itself takes for a block of all that can be fused */
};

/* Measure. Called once, by engine_init(), after all rows are chosen. */
void lanes_worth_init(void);

/* Return the worth of lanes for MD5, SHA-256 or both. */
struct lanes_worth lanes_worth_of(uint32_t digests);

#endif
