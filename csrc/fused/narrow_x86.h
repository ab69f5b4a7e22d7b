/*
 * The same pieces as in wide_x86.h, by AES-NI and PCLMULQDQ in registers of 128 bits, for processors without VAES and
 * VPCLMULQDQ.
 *
 * There are sixteen such registers, and SHA-256 wants eight of them. So there is only one mask: the blocks of 16 bytes
 * are encrypted one after another, one round of AES after each step of MD5, and keys and constants are read from
 * memory. The compiler assigns the registers and may keep secrets on the stack, which fused.c wipes. All instructions
 * are in the encoding of SSE, as those of SHA-NI are.
 *
 * GHASH. Each block is multiplied while the next one is encrypted, by the power of H that its place among four demands;
 * after the fourth the sum is reduced. The first time the sum is the state from before, which a reduction does not
 * change, and the block is zero.
 *
 * CRC64NVME is folded from each block of 16 bytes onto the next: each time takes a few cycles, and four times fit into
 * a block of MD5.
 */
#ifndef ENGINE_FUSED_NARROW_X86_H
#define ENGINE_FUSED_NARROW_X86_H

#include "crc/crc_table.h"
#include "fused/folding.h"
#include "gcm/gcm_x86.h"

struct narrow_x86 {
    __m128i counter, mask, sealed; /* `sealed` is the last block of ciphertext, reversed */
    __m128i low, middle, high;     /* the sum of products */
    __m128i crc;
    const uint64_t *crc_by;
};

struct narrow_constants {
    _Alignas(AES_BLOCK) uint8_t reverse[AES_BLOCK];
    _Alignas(AES_BLOCK) uint32_t one[4];
    _Alignas(AES_BLOCK) uint64_t reducer[2];
    _Alignas(AES_BLOCK) uint64_t crc_start[2];
};

static const struct narrow_constants narrow_constants = {
    .reverse = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
    .one = {1},
    .reducer = {GCM_REDUCER_HIGH, GCM_REDUCER_HIGH},
    .crc_start = {1, 0},
};

/* An operand in memory. SSE instructions other than movdqu want it at a multiple of 16. */
#define NARROW_AT(bytes) "m"(*(const uint8_t(*)[AES_BLOCK])(bytes))

TARGET_FUSED static ALWAYS_INLINE void narrow_begin_gcm(struct narrow_x86 *narrow, const struct gcm_x86 *gcm)
{
    narrow->counter = gcm_load(gcm->counter);
    narrow->sealed = narrow->low = narrow->middle = _mm_setzero_si128();
    narrow->high = gcm_load(gcm->hash);
}

/* Do round 0 to 14 of AES. */
TARGET_FUSED static ALWAYS_INLINE void narrow_make_mask(struct narrow_x86 *narrow, const struct gcm_x86 *gcm,
                                                        const int round)
{
    if (round == 0)
        __asm__ volatile("movdqa %[Counter], %[Mask]\n\tpaddd %[One], %[Counter]\n\tpshufb %[Reverse], %[Mask]\n\tpxor "
                         "%[Key], %[Mask]"
                         : [Mask] "=&x"(narrow->mask), [Counter] "+x"(narrow->counter)
                         : [One] NARROW_AT(narrow_constants.one), [Reverse] NARROW_AT(narrow_constants.reverse),
                           [Key] NARROW_AT(gcm->round_keys[0]));
    else if (round < AES_ROUNDS)
        __asm__ volatile("aesenc %1, %0" : "+x"(narrow->mask) : NARROW_AT(gcm->round_keys[round]));
    else
        __asm__ volatile("aesenclast %1, %0" : "+x"(narrow->mask) : NARROW_AT(gcm->round_keys[round]));
}

/* Encrypt block 0 to 3 of four; the hash of everything before is added to the first. */
TARGET_FUSED static ALWAYS_INLINE void narrow_crypt(struct narrow_x86 *narrow, const int block, const uint8_t *data,
                                                    uint8_t *out)
{
    __asm__ volatile("movdqu %[Data], %[Sealed]\n\tpxor %[Mask], %[Sealed]\n\tmovdqu %[Sealed], %[Out]\n\tpshufb "
                     "%[Reverse], %[Sealed]"
                     : [Sealed] "=&x"(narrow->sealed), [Out] "=m"(*(uint8_t(*)[AES_BLOCK])(out + AES_BLOCK * block))
                     : [Mask] "x"(narrow->mask), [Data] NARROW_AT(data + AES_BLOCK * block),
                       [Reverse] NARROW_AT(narrow_constants.reverse));
    if (block == 0)
        __asm__ volatile("pxor %1, %0" : "+x"(narrow->sealed) : "x"(narrow->high));
}

/* Add the product of one half of the last block and one half of a power of H. */
#define NARROW_ADD_PRODUCT(halves, power, sum)                                        \
    __asm__ volatile("movdqa %2, %1\n\tpclmulqdq $" #halves ", %3, %1\n\tpxor %1, %0" \
                     : "+x"(sum), "=&x"(product)                                      \
                     : "x"(narrow->sealed), NARROW_AT(power))

/* Half a reduction, as in gcm_reduce_half(). */
#define NARROW_REDUCE(lower, onto)                                                                                    \
    __asm__ volatile("movdqa %1, %2\n\tpclmulqdq $0x00, %3, %2\n\tpshufd $0x4e, %1, %1\n\tpxor %1, %0\n\tpxor %2, %0" \
                     : "+x"(onto), "+x"(lower), "=&x"(product)                                                        \
                     : NARROW_AT(narrow_constants.reducer))

enum { NARROW_HASH_PARTS = 6 };

/* Do one part of GHASH of the last block, number `block` of four. The last two parts reduce the sum, after the fourth
 * block only. */
TARGET_FUSED static ALWAYS_INLINE void narrow_hash(struct narrow_x86 *narrow, const struct gcm_x86 *gcm,
                                                   const int block, const int part)
{
    const uint8_t *const power = gcm->powers[GCM_POWERS - 4 + block];
    __m128i product;
    if (part == 0 && block == 0)
        narrow->low = narrow->middle = narrow->high = _mm_setzero_si128();
    if (part == 0)
        NARROW_ADD_PRODUCT(0x00, power, narrow->low);
    else if (part == 1)
        NARROW_ADD_PRODUCT(0x01, power, narrow->middle);
    else if (part == 2)
        NARROW_ADD_PRODUCT(0x10, power, narrow->middle);
    else if (part == 3)
        NARROW_ADD_PRODUCT(0x11, power, narrow->high);
    else if (part == 4 && block == 3)
        NARROW_REDUCE(narrow->low, narrow->middle);
    else if (part == 5 && block == 3)
        NARROW_REDUCE(narrow->middle, narrow->high);
}

TARGET_FUSED static ALWAYS_INLINE void narrow_end_gcm(struct narrow_x86 *narrow, struct gcm_x86 *gcm)
{
#pragma GCC unroll 16
    for (int part = 0; part < NARROW_HASH_PARTS; part++)
        narrow_hash(narrow, gcm, 3, part);
    gcm_store(gcm->counter, narrow->counter);
    gcm_store(gcm->hash, narrow->high);
}

/* The register is added to the first eight bytes: it lies there already, and the first product is one times it. */
TARGET_FUSED static ALWAYS_INLINE void narrow_begin_crc(struct narrow_x86 *narrow, const uint64_t *crc)
{
    narrow->crc = _mm_loadl_epi64((const void *)crc);
    narrow->crc_by = narrow_constants.crc_start;
}

TARGET_FUSED static ALWAYS_INLINE void narrow_crc(struct narrow_x86 *narrow, const uint8_t *block)
{
    __m128i part;
    __asm__ volatile("movdqa %[Crc], %[Part]\n\tpclmulqdq $0x00, %[By], %[Crc]\n\tpclmulqdq $0x11, %[By], %[Part]\n\t"
                     "pxor %[Part], %[Crc]\n\tmovdqu %[Block], %[Part]\n\tpxor %[Part], %[Crc]"
                     : [Crc] "+x"(narrow->crc), [Part] "=&x"(part)
                     : [By] NARROW_AT(narrow->crc_by), [Block] NARROW_AT(block));
    narrow->crc_by = fused_crc64_folding_near;
}

TARGET_FUSED static ALWAYS_INLINE void narrow_end_crc(const struct narrow_x86 *narrow, uint64_t *crc)
{
    uint8_t remainder[AES_BLOCK];
    gcm_store(remainder, narrow->crc);
    *crc = crc64_by_tables(&crc64_nvme_tables, 0, remainder, sizeof remainder);
}

#undef NARROW_AT
#undef NARROW_ADD_PRODUCT
#undef NARROW_REDUCE

#endif
