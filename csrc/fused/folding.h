/*
 * Two constants of CRC64NVME that the fused pass folds with. Filled by engine_init(), only read afterwards.
 */
#ifndef ENGINE_FUSED_FOLDING_H
#define ENGINE_FUSED_FOLDING_H

#include "fused/fused.h"

#if defined(TARGET_FUSED)
/* Fold the remainder over the 64 bytes that follow: x^(512 + 63), x^(512 - 1). */
extern uint64_t fused_crc64_folding[2];

/* Fold it over the 16 bytes that follow; aligned, since it is an operand of SSE instructions. */
extern uint64_t fused_crc64_folding_near[2];

void fused_folding_init(void);
#endif

#endif
