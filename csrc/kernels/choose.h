/*
 * Chooses the row of an algorithm that is used on this processor.
 */
#ifndef ENGINE_KERNELS_CHOOSE_H
#define ENGINE_KERNELS_CHOOSE_H

#include "kernels/row.h"

/* The choice for one algorithm: bit i of `usable` is row i; `chosen` is the first usable row, -1 if none is. */
struct choice {
    uint32_t usable;
    int chosen;
};

struct choice choose_row(const struct algorithm *algorithm, uint32_t features);

/* Digest `data` in one go with one row. */
int run_row(const struct kernel_row *row, const uint8_t *data, size_t size, uint8_t *out);

#endif
