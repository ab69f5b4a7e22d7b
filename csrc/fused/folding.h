/*
 * The constants by which the fused pass folds CRC64NVME. Filled by engine_init(), only read afterwards.
 */
#ifndef ENGINE_FUSED_FOLDING_H
#define ENGINE_FUSED_FOLDING_H

#include "fused/fused.h"

#if defined(TARGET_FUSED)
/* x^(512 + 63), x^(512 - 1): these fold over the 64 bytes that follow. */
extern uint64_t fused_crc64_folding[2];

/* x^(128 + 63), x^(128 - 1): these fold over the 16 bytes that follow. Aligned, since SSE instructions have them as
 * operands. */
extern uint64_t fused_crc64_folding_near[2];

void fused_folding_init(void);
#endif

#endif
