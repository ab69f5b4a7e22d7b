/*
 * All digests by their index, and the row of each that is used.
 */
#ifndef ENGINE_KERNELS_REGISTRY_H
#define ENGINE_KERNELS_REGISTRY_H

#include "kernels/row.h"

/* Test the rows and choose one for each algorithm; false if an algorithm has none that passes. Called once, by
 * engine_init(). */
bool registry_init(uint32_t features);

const struct algorithm *registry_algorithm(int algorithm);
const struct kernel_row *registry_chosen_row(int algorithm);

/* The rows of all algorithms, for engine_row_describe(). */
int registry_row_count(void);
void registry_describe(int index, struct engine_row_info *info);

#endif
