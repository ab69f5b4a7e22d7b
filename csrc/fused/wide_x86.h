/*
 * What the fused pass does in registers of 512 bits, an instruction or a few at a time.
 *
 * The compiler knows nothing of these registers, zmm16 to zmm31: it does not use them itself (TARGET_FUSED sees to that), and nothing
 * may be called while they hold something. There is a reason: after an instruction has written more than 256 bits of zmm0 to zmm15, every
 * instruction of SHA-NI, which has no newer encoding, takes hundreds of cycles (Sapphire Rapids), until a vzeroupper. The upper sixteen do no harm.
 */
#ifndef ENGINE_FUSED_WIDE_X86_H
#define ENGINE_FUSED_WIDE_X86_H

#include "fused/fused.h"
#include "gcm/gcm_x86.h"

#define COUNTER "%%zmm16"
#define MASK "%%zmm17" /* what encrypts the next block, under way */
#define KEY "%%zmm18"
#define REVERSE "%%zmm19"
#define FOUR "%%zmm20"
#define SEALED "%%zmm21" /* the last block, reversed */
#define HASH "%%zmm22"
#define HASH_BY "%%zmm23"
#define LOW "%%zmm24"
#define MIDDLE "%%zmm25"
#define HIGH "%%zmm26"
#define PART "%%zmm27"
#define REDUCER "%%zmm28"
#define CRC "%%zmm29"
#define CRC_BY "%%zmm30"
#define CRC_PART "%%zmm31"

#define WIDE(instructions, ...) __asm__ volatile(instructions ::__VA_ARGS__ : "memory")
#define BLOCK_AT(bytes) "m"(*(const uint8_t(*)[AES_BLOCK])(bytes))
#define FOUR_BLOCKS_AT(bytes) "m"(*(const uint8_t(*)[FUSED_BLOCK])(bytes))

struct wide_constants {
    uint8_t reverse[AES_BLOCK];
    uint32_t four[4];
    uint64_t one[2]; /* times x, as powers of H are */
    uint64_t reducer[2];
    uint32_t counts[16];
    uint64_t crc_start[2];
};

static const struct wide_constants wide_constants = {
    .reverse = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
    .four = {4},
    .one = {1, GCM_REDUCER_HIGH},
    .reducer = {GCM_REDUCER_HIGH, GCM_REDUCER_HIGH},
    .counts = {[0] = -4u, [4] = -3u, [8] = -2u, [12] = -1u}, /* four before the first: they are added first */
    .crc_start = {1, 0},
};

/* One round of AES, 1 to 14. */
TARGET_FUSED static ALWAYS_INLINE void wide_make_mask(const struct gcm_x86 *gcm, const int round)
{
    if (round < AES_ROUNDS)
        WIDE("vbroadcasti32x4 %0, " KEY "\n\tvaesenc " KEY ", " MASK ", " MASK, BLOCK_AT(gcm->round_keys[round]));
    else
        WIDE("vbroadcasti32x4 %0, " KEY "\n\tvaesenclast " KEY ", " MASK ", " MASK, BLOCK_AT(gcm->round_keys[round]));
}

TARGET_FUSED static ALWAYS_INLINE void wide_begin_mask(const struct gcm_x86 *gcm)
{
    WIDE("vpaddd " FOUR ", " COUNTER ", " COUNTER "\n\tvbroadcasti32x4 %0, " KEY "\n\t"
         "vpshufb " REVERSE ", " COUNTER ", " MASK "\n\tvpxord " KEY ", " MASK ", " MASK,
         BLOCK_AT(gcm->round_keys[0]));
}

TARGET_FUSED static ALWAYS_INLINE void wide_begin_gcm(const struct gcm_x86 *gcm)
{
    WIDE("vbroadcasti32x4 %0, " REVERSE "\n\tvbroadcasti32x4 %1, " FOUR "\n\t"
         "vbroadcasti32x4 %2, " HASH_BY "\n\tvbroadcasti32x4 %3, " REDUCER,
         BLOCK_AT(wide_constants.reverse), BLOCK_AT(wide_constants.four), BLOCK_AT(wide_constants.one),
         BLOCK_AT(wide_constants.reducer));
    WIDE("vbroadcasti32x4 %0, " COUNTER "\n\tvpaddd %1, " COUNTER ", " COUNTER "\n\tvmovdqu32 %2, %%xmm22", BLOCK_AT(gcm->counter),
         FOUR_BLOCKS_AT(wide_constants.counts), BLOCK_AT(gcm->hash));
    wide_begin_mask(gcm);
#pragma GCC unroll 16
    for (int round = 1; round <= AES_ROUNDS; round++)
        wide_make_mask(gcm, round);
}

TARGET_FUSED static ALWAYS_INLINE void wide_crypt(const uint8_t *data, uint8_t *out)
{
    WIDE("vpxord %0, " MASK ", " SEALED, FOUR_BLOCKS_AT(data));
    __asm__ volatile("vmovdqu64 " SEALED ", %0\n\tvpshufb " REVERSE ", " SEALED ", " SEALED : "=m"(*(uint8_t(*)[FUSED_BLOCK])out));
}

enum { GCM_HASH_PARTS = 6 };

/* GHASH of the block before, in parts; the block `SEALED` comes onto it with the last. */
TARGET_FUSED static ALWAYS_INLINE void wide_hash(const struct gcm_x86 *gcm, const int part)
{
    if (part == 0)
        WIDE("vpclmulqdq $0x00, " HASH_BY ", " HASH ", " LOW "\n\tvpclmulqdq $0x01, " HASH_BY ", " HASH ", " MIDDLE, );
    else if (part == 1)
        WIDE("vpclmulqdq $0x10, " HASH_BY ", " HASH ", " PART "\n\tvpclmulqdq $0x11, " HASH_BY ", " HASH ", " HIGH, );
    else if (part == 2)
        WIDE("vpxord " PART ", " MIDDLE ", " MIDDLE "\n\tvpclmulqdq $0x00, " REDUCER ", " LOW ", " PART "\n\t"
             "vpshufd $0x4e, " LOW ", " LOW, );
    else if (part == 3)
        WIDE("vpternlogd $0x96, " PART ", " LOW ", " MIDDLE "\n\tvbroadcasti32x4 %0, " HASH_BY, BLOCK_AT(gcm->powers[GCM_POWERS - 4]));
    else if (part == 4)
        WIDE("vpclmulqdq $0x00, " REDUCER ", " MIDDLE ", " PART "\n\tvpshufd $0x4e, " MIDDLE ", " MIDDLE, );
    else if (part == 5)
        WIDE("vpternlogd $0x96, " PART ", " MIDDLE ", " HIGH "\n\tvpxord " HIGH ", " SEALED ", " HASH, );
}

TARGET_FUSED static ALWAYS_INLINE void wide_end_gcm(struct gcm_x86 *gcm, uint8_t lanes[4][AES_BLOCK])
{
    __asm__ volatile("vmovdqu32 %%xmm16, %0\n\tvmovdqu64 " HASH ", %1"
                     : "=m"(gcm->counter), "=m"(*(uint8_t(*)[4][AES_BLOCK])lanes));
}

/* The register belongs onto the first eight bytes, where it is; one times it is the first product. */
TARGET_FUSED static ALWAYS_INLINE void wide_begin_crc(const uint64_t *crc)
{
    WIDE("vmovq %0, %%xmm29\n\tvbroadcasti32x4 %1, " CRC_BY, "m"(*crc), BLOCK_AT(wide_constants.crc_start));
}

TARGET_FUSED static ALWAYS_INLINE void wide_crc(const uint8_t *data)
{
    WIDE("vpclmulqdq $0x00, " CRC_BY ", " CRC ", " CRC_PART "\n\tvpclmulqdq $0x11, " CRC_BY ", " CRC ", " CRC "\n\t"
         "vpternlogd $0x96, %0, " CRC_PART ", " CRC "\n\tvbroadcasti32x4 %1, " CRC_BY,
         FOUR_BLOCKS_AT(data), BLOCK_AT(fused_crc64_folding));
}

TARGET_FUSED static ALWAYS_INLINE void wide_end_crc(uint8_t *remainder)
{
    __asm__ volatile("vmovdqu64 " CRC ", %0" : "=m"(*(uint8_t(*)[FUSED_BLOCK])remainder));
}

/* Leave nothing in the registers. */
TARGET_FUSED static ALWAYS_INLINE void wide_wipe(void)
{
    __asm__ volatile(".irp register, 16, 17, 18, 21, 22, 23, 24, 25, 26, 27, 29, 31\n\t"
                     "vpxord %%zmm\\register, %%zmm\\register, %%zmm\\register\n\t"
                     ".endr" ::);
}

#endif
