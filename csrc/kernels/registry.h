/*
 * The chosen rows, for the streams.
 */
#ifndef ENGINE_KERNELS_REGISTRY_H
#define ENGINE_KERNELS_REGISTRY_H

#include "kernels/row.h"

const struct algorithm *registry_algorithm(int algorithm);
const struct kernel_row *registry_chosen_row(int algorithm);

#endif
