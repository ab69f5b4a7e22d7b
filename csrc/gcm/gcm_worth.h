/*
 * Whether a row of AES-256-GCM is worth its place: libcrypto's has instructions of its own for many processors.
 *
 * That depends on the processor and on libcrypto's version, so it is measured when the core is loaded, in less than a
 * tenth of a millisecond, and never known by a row's name.
 */
#ifndef ENGINE_GCM_GCM_WORTH_H
#define ENGINE_GCM_GCM_WORTH_H

#include <stdbool.h>

#include "gcm/gcm.h"

/* Whether the row seals a message no later than libcrypto does. If that cannot be measured, it does. */
bool gcm_row_pays(const struct gcm_row *row);

#endif
