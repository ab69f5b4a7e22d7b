/*
 * The pieces of AES-256-GCM and CRC64NVME that the fused pass does in registers of 256 bits, a few instructions at a
 * time.
 *
 * Registers of 512 bits would be slower: while an instruction of that width runs, one of the three units for vectors
 * (Sapphire Rapids, port 1) takes no others, and MD5 in vectors waits for the remaining two. With all of MD5 in vectors
 * and CRC64NVME beside it, a block took 272 cycles in 512 bits and 261 in 256. With MD5 in general registers both
 * widths are equally fast.
 *
 * The compiler does not know that ymm16 to ymm31 are in use: it never uses them itself (TARGET_FUSED makes sure of it),
 * and no function may be called while they hold something. The lower sixteen would not do: SHA-NI has no newer
 * encoding, and while the upper halves of ymm0 to ymm15 hold something, each of its instructions must merge its result
 * with them, which costs a fifth or more.
 *
 * GHASH. Each of the two lanes sees every second block of 16 bytes. After four blocks a lane's x becomes x H^4 + b0 H^2
 * + b1, where b0 is in SEALED_0 and b1 in SEALED_1. The first time x is the state from before, and is multiplied by H^2
 * only, since it belongs onto b0.
 */
#ifndef ENGINE_FUSED_WIDE_X86_H
#define ENGINE_FUSED_WIDE_X86_H

#include "fused/folding.h"
#include "gcm/gcm_x86.h"

#define COUNTER "%%ymm16"
#define MASK_0 "%%ymm17" /* the mask for the next block of 64 bytes, while it is made */
#define MASK_1 "%%ymm18"
#define KEY "%%ymm19"
#define SEALED_0 "%%ymm20" /* the last four blocks, reversed */
#define SEALED_1 "%%ymm21"
#define HASH "%%ymm22"
#define HASH_BY "%%ymm23" /* H^4 */
#define HALF_BY "%%ymm24" /* H^2 */
#define LOW "%%ymm25"
#define MIDDLE "%%ymm26"
#define HIGH "%%ymm27"
#define PART "%%ymm28"
#define CRC_0 "%%ymm29"
#define CRC_1 "%%ymm30"
#define CRC_BY "%%ymm31"

enum { WIDTH = 32 };

#define WIDE(instructions, ...) __asm__ volatile(instructions ::__VA_ARGS__ : "memory")
#define BLOCK_AT(bytes) "m"(*(const uint8_t(*)[AES_BLOCK])(bytes))
#define TWO_BLOCKS_AT(bytes) "m"(*(const uint8_t(*)[WIDTH])(bytes))

struct wide_constants {
    uint8_t reverse[WIDTH];
    uint32_t two[8], four[8], before[8];
    uint64_t reducer[4];
    uint64_t crc_start[2];
};

static const struct wide_constants wide_constants = {
    .reverse = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
                15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
    .two = {[0] = 2, [4] = 2},
    .four = {[0] = 4, [4] = 4},
    .before = {[0] = -4u, [4] = -3u}, /* four below the first counter, since four are added before use */
    .reducer = {GCM_REDUCER_HIGH, GCM_REDUCER_HIGH, GCM_REDUCER_HIGH, GCM_REDUCER_HIGH},
    .crc_start = {1, 0},
};

/* Do round 1 to 14 of AES. */
TARGET_FUSED static ALWAYS_INLINE void wide_make_mask(const struct gcm_x86 *gcm, const int round)
{
    if (round < AES_ROUNDS)
        WIDE("vbroadcasti32x4 %0, " KEY "\n\tvaesenc " KEY ", " MASK_0 ", " MASK_0 "\n\tvaesenc " KEY ", " MASK_1
             ", " MASK_1,
             BLOCK_AT(gcm->round_keys[round]));
    else
        WIDE("vbroadcasti32x4 %0, " KEY "\n\tvaesenclast " KEY ", " MASK_0 ", " MASK_0 "\n\tvaesenclast " KEY
             ", " MASK_1 ", " MASK_1,
             BLOCK_AT(gcm->round_keys[round]));
}

TARGET_FUSED static ALWAYS_INLINE void wide_begin_mask(const struct gcm_x86 *gcm)
{
    WIDE("vpaddd %0, " COUNTER ", " COUNTER "\n\tvpaddd %1, " COUNTER ", " MASK_1 "\n\t"
         "vpshufb %2, " COUNTER ", " MASK_0 "\n\tvpshufb %2, " MASK_1 ", " MASK_1 "\n\tvbroadcasti32x4 %3, " KEY "\n\t"
         "vpxord " KEY ", " MASK_0 ", " MASK_0 "\n\tvpxord " KEY ", " MASK_1 ", " MASK_1,
         TWO_BLOCKS_AT(wide_constants.four), TWO_BLOCKS_AT(wide_constants.two), TWO_BLOCKS_AT(wide_constants.reverse),
         BLOCK_AT(gcm->round_keys[0]));
}

TARGET_FUSED static ALWAYS_INLINE void wide_begin_gcm(const struct gcm_x86 *gcm)
{
    WIDE("vbroadcasti32x4 %0, " COUNTER "\n\tvpaddd %1, " COUNTER ", " COUNTER "\n\tvmovdqu32 %2, %%xmm22\n\t"
         "vbroadcasti32x4 %3, " HASH_BY "\n\tvmovdqa64 " HASH_BY ", " HALF_BY,
         BLOCK_AT(gcm->counter), TWO_BLOCKS_AT(wide_constants.before), BLOCK_AT(gcm->hash),
         BLOCK_AT(gcm->powers[GCM_POWERS - 2]));
    wide_begin_mask(gcm);
#pragma GCC unroll 16
    for (int round = 1; round <= AES_ROUNDS; round++)
        wide_make_mask(gcm, round);
}

/* Encrypt, and fetch the memory half a page ahead that will be written, as md5_fetch_ahead() fetches what will be read.
 */
TARGET_FUSED static ALWAYS_INLINE void wide_crypt(const uint8_t *data, uint8_t *out)
{
    __asm__ volatile("prefetcht0 2048(%0)" ::"r"(out));
    WIDE("vpxord %0, " MASK_0 ", " SEALED_0 "\n\tvpxord %1, " MASK_1 ", " SEALED_1, TWO_BLOCKS_AT(data),
         TWO_BLOCKS_AT(data + WIDTH));
    __asm__ volatile("vmovdqu64 " SEALED_0 ", %0\n\tvmovdqu64 " SEALED_1 ", %1\n\t"
                     "vpshufb %2, " SEALED_0 ", " SEALED_0 "\n\tvpshufb %2, " SEALED_1 ", " SEALED_1
                     : "=m"(*(uint8_t(*)[WIDTH])out), "=m"(*(uint8_t(*)[WIDTH])(out + WIDTH))
                     : TWO_BLOCKS_AT(wide_constants.reverse));
}

enum { GCM_HASH_PARTS = 8 };

/* Do one part of GHASH of the four blocks. */
TARGET_FUSED static ALWAYS_INLINE void wide_hash(const struct gcm_x86 *gcm, const int part)
{
    if (part == 0)
        WIDE("vpclmulqdq $0x00, " HASH_BY ", " HASH ", " LOW "\n\tvpclmulqdq $0x01, " HASH_BY ", " HASH ", " MIDDLE, );
    else if (part == 1)
        WIDE("vpclmulqdq $0x10, " HASH_BY ", " HASH ", " PART "\n\tvpclmulqdq $0x11, " HASH_BY ", " HASH ", " HIGH
             "\n\t"
             "vpxord " PART ", " MIDDLE ", " MIDDLE "\n\tvbroadcasti32x4 %0, " HASH_BY,
             BLOCK_AT(gcm->powers[GCM_POWERS - 4]));
    else if (part == 2)
        WIDE("vpclmulqdq $0x00, " HALF_BY ", " SEALED_0 ", " PART "\n\tvpxord " PART ", " LOW ", " LOW "\n\t"
             "vpclmulqdq $0x01, " HALF_BY ", " SEALED_0 ", " PART "\n\tvpxord " PART ", " MIDDLE ", " MIDDLE, );
    else if (part == 3)
        WIDE("vpclmulqdq $0x10, " HALF_BY ", " SEALED_0 ", " PART "\n\tvpxord " PART ", " MIDDLE ", " MIDDLE "\n\t"
             "vpclmulqdq $0x11, " HALF_BY ", " SEALED_0 ", " PART "\n\tvpxord " PART ", " HIGH ", " HIGH, );
    else if (part == 4)
        WIDE("vpclmulqdq $0x00, %0, " LOW ", " PART "\n\tvpshufd $0x4e, " LOW ", " LOW,
             TWO_BLOCKS_AT(wide_constants.reducer));
    else if (part == 5)
        WIDE("vpternlogd $0x96, " PART ", " LOW ", " MIDDLE, );
    else if (part == 6)
        WIDE("vpclmulqdq $0x00, %0, " MIDDLE ", " PART "\n\tvpshufd $0x4e, " MIDDLE ", " MIDDLE,
             TWO_BLOCKS_AT(wide_constants.reducer));
    else if (part == 7)
        WIDE("vpternlogd $0x96, " PART ", " MIDDLE ", " HIGH "\n\tvpxord " HIGH ", " SEALED_1 ", " HASH, );
}

TARGET_FUSED static ALWAYS_INLINE void wide_end_gcm(struct gcm_x86 *gcm, uint8_t lanes[2][AES_BLOCK])
{
    __asm__ volatile("vmovdqu32 %%xmm16, %0\n\tvmovdqu64 " HASH ", %1"
                     : "=m"(gcm->counter), "=m"(*(uint8_t(*)[2][AES_BLOCK])lanes));
}

/* The register is added to the first eight bytes: it lies there already, and the first product is one times it. */
TARGET_FUSED static ALWAYS_INLINE void wide_begin_crc(const uint64_t *crc)
{
    WIDE("vmovq %0, %%xmm29\n\tvpxord " CRC_1 ", " CRC_1 ", " CRC_1 "\n\tvbroadcasti32x4 %1, " CRC_BY, "m"(*crc),
         BLOCK_AT(wide_constants.crc_start));
}

TARGET_FUSED static ALWAYS_INLINE void wide_crc(const uint8_t *data)
{
    WIDE("vpclmulqdq $0x00, " CRC_BY ", " CRC_0 ", " PART "\n\tvpclmulqdq $0x11, " CRC_BY ", " CRC_0 ", " CRC_0 "\n\t"
         "vpternlogd $0x96, %0, " PART ", " CRC_0 "\n\t"
         "vpclmulqdq $0x00, " CRC_BY ", " CRC_1 ", " PART "\n\tvpclmulqdq $0x11, " CRC_BY ", " CRC_1 ", " CRC_1 "\n\t"
         "vpternlogd $0x96, %1, " PART ", " CRC_1 "\n\tvbroadcasti32x4 %2, " CRC_BY,
         TWO_BLOCKS_AT(data), TWO_BLOCKS_AT(data + WIDTH), BLOCK_AT(fused_crc64_folding));
}

TARGET_FUSED static ALWAYS_INLINE void wide_end_crc(uint8_t *remainder)
{
    __asm__ volatile("vmovdqu64 " CRC_0 ", %0\n\tvmovdqu64 " CRC_1 ", %1"
                     : "=m"(*(uint8_t(*)[WIDTH])remainder), "=m"(*(uint8_t(*)[WIDTH])(remainder + WIDTH)));
}

/* Clear all sixteen registers. */
TARGET_FUSED static ALWAYS_INLINE void wide_wipe(void)
{
    __asm__ volatile(".irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
                     "vpxord %%ymm\\register, %%ymm\\register, %%ymm\\register\n\t"
                     ".endr" ::);
}

#undef COUNTER
#undef MASK_0
#undef MASK_1
#undef KEY
#undef SEALED_0
#undef SEALED_1
#undef HASH
#undef HASH_BY
#undef HALF_BY
#undef LOW
#undef MIDDLE
#undef HIGH
#undef PART
#undef CRC_0
#undef CRC_1
#undef CRC_BY
#undef WIDE
#undef BLOCK_AT
#undef TWO_BLOCKS_AT

#endif
