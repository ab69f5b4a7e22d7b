/*
 * Computes the constants; crc/crc_fold_x86_pclmul.c explains folding.
 */
#include "fused/folding.h"

#if defined(TARGET_FUSED)
#include "crc/crc_ring.h"
#include "engine.h"

uint64_t fused_crc64_folding[2];
_Alignas(AES_BLOCK) uint64_t fused_crc64_folding_near[2];

void fused_folding_init(void)
{
    for (int half = 0; half < 2; half++) {
        fused_crc64_folding[half] = crc_power_of_x(ENGINE_DIGEST_CRC64NVME, 8 * FUSED_BLOCK + 63 - 64 * half);
        fused_crc64_folding_near[half] = crc_power_of_x(ENGINE_DIGEST_CRC64NVME, 8 * AES_BLOCK + 63 - 64 * half);
    }
}
#endif
