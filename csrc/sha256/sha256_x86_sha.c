/*
 * SHA-256 on x86-64, by the instructions made for it.
 */
#include "sha256/sha256.h"

#if defined(TARGET_X86_64)
#include "sha256/sha256_x86.h"

TARGET_SHA void sha256_blocks_x86_sha(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    struct sha256_x86 sha;
    sha256_x86_load(&sha, h);
    for (; blocks > 0; blocks--, data += SHA256_BLOCK) {
        sha256_x86_begin_block(&sha, data);
#pragma GCC unroll 16
        for (int turn = 0; turn < 16; turn++)
#pragma GCC unroll 4
            for (int quarter = 0; quarter < 4; quarter++)
                sha256_x86_quarter(&sha, turn, quarter, false);
        sha256_x86_end_block(&sha);
    }
    sha256_x86_store(&sha, h);
}
#endif
