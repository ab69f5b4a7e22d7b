/*
 * What runs after each of MD5's 64 steps in the fused pass on x86-64, where it is kept, and what it costs.
 *
 * MD5 is one chain of dependencies and leaves most of the processor idle; SHA-256 runs in units that MD5 does not need,
 * and four blocks of AES and GHASH and the CRC are some ninety instructions. The processor looks a few hundred
 * instructions ahead, and its scheduler holds about a hundred that wait. So what is to run beside MD5 must stand beside
 * it: a piece of it after each step. All steps of MD5 are volatile, which keeps this order; in gcc 12's own order
 * SHA-256 beside MD5 cost 40 cycles a block, in this one it costs none.
 *
 * Cycles for a block of 64 bytes. Sapphire Rapids, gcc 12; "-" was not measured. The rows that exist keep MD5 in
 * general registers, or, with VECTORS, its first and last rounds in vectors.
 *
 *     what runs beside MD5                MD5 in general registers    first and last round in vectors    all in vectors
 *     nothing                             288                         -                                  257
 *     SHA-256 (130 alone)                 288                         267                                305
 *     CRC64NVME, wide                     -                           -                                  261
 *     all three, wide                     -                           270                                -
 *     AES-256-GCM, narrow                 288                         271                                -
 *     AES-256-GCM and CRC64NVME, narrow   288                         273                                -
 *     all three, narrow                   288                         289, so there is no such row       -
 *
 * In vectors, each step of the first and last rounds takes a cycle less (md5/md5_x86.h), which saves 32 cycles a block;
 * moving the words to vectors and back costs six. SHA-256 then runs beside the middle rounds only, two quarters a step.
 * Its instructions take three to six cycles, and when one of them ends, an instruction of MD5 that waits for the same
 * port waits longer: so all of MD5 in vectors costs 305.
 *
 * Registers:
 *
 *     general          the words of MD5, and pointers. The compiler assigns them.
 *     xmm0 to xmm15    the words of MD5, with VECTORS; the state of SHA-256, its schedule and a sum; for the narrow
 *                      pieces counter, mask, last block, sum of products, CRC. The compiler assigns them, and spills.
 *     ymm16 to ymm31   wide: see the list in wide_x86.h. The compiler does not know that they are in use.
 */
#ifndef ENGINE_FUSED_SCHEDULE_X86_H
#define ENGINE_FUSED_SCHEDULE_X86_H

#include <stdint.h>

enum {
    NO = -1,    /* nothing */
    ENTER = 1,  /* the words of MD5 move into vectors */
    LEAVE = 2,  /* they move back into general registers */
    CRYPT = 15, /* encrypt; lower numbers are rounds of AES that make the mask */
    FOLD = 1    /* fold the bytes into the CRC */
};

/* A row of the pass does what stands in its columns, from left to right. */
struct schedule {
    int8_t md5_words;     /* with VECTORS */
    int8_t sha256;        /* which of SHA-256's 64 quarters of a turn */
    int8_t sha256_beside; /* the same with VECTORS; the quarter after it follows at once */
    int8_t wide_aes;      /* which round, for all four blocks of 16 bytes; one block of 64 ahead */
    int8_t wide_hash;     /* which part of GHASH, of the block of 64 bytes before */
    int8_t wide_crc;
    int8_t narrow_aes;  /* which round, for block step / 16 of four */
    int8_t narrow_hash; /* which part of GHASH, of the block of 16 bytes before that */
    int8_t narrow_crc;
};

/* clang-format off */
static const struct schedule schedule[64] = {
    /*          MD5   SHA-256    wide:  AES GHASH CRC   narrow: AES GHASH CRC */
    [ 0] = {   NO,  0, NO,   CRYPT, NO,   NO,       0, NO,   NO},
    [ 1] = {   NO,  1, NO,      NO, NO,   NO,       1,  0,   NO},
    [ 2] = {   NO,  2, NO,      NO, NO,   NO,       2, NO,   NO},
    [ 3] = {   NO,  3, NO,       0, NO,   NO,       3,  1,   NO},
    [ 4] = {   NO,  4, NO,      NO, NO,   NO,       4, NO,   NO},
    [ 5] = {   NO,  5, NO,      NO, NO,   NO,       5,  2,   NO},
    [ 6] = {   NO,  6, NO,      NO, NO,   NO,       6, NO,   NO},
    [ 7] = {   NO,  7, NO,       1, NO,   NO,       7,  3,   NO},
    [ 8] = {   NO,  8, NO,      NO, NO,   NO,       8, NO,   NO},
    [ 9] = {   NO,  9, NO,      NO, NO,   NO,       9,  4,   NO},
    [10] = {   NO, 10, NO,      NO, NO,   NO,      10, NO,   NO},
    [11] = {   NO, 11, NO,       2, NO,   NO,      11,  5,   NO},
    [12] = {   NO, 12, NO,      NO, NO,   NO,      12, NO,   NO},
    [13] = {   NO, 13, NO,      NO, NO,   NO,      13, NO,   NO},
    [14] = {   NO, 14, NO,      NO, NO,   NO,      14, NO, FOLD},
    [15] = {LEAVE, 15, NO,       3, NO,   NO,   CRYPT, NO,   NO},
    [16] = {   NO, 16, NO,      NO, NO,   NO,       0, NO,   NO},
    [17] = {   NO, 17, NO,      NO, NO,   NO,       1,  0,   NO},
    [18] = {   NO, 18, NO,      NO, NO,   NO,       2, NO,   NO},
    [19] = {   NO, 19, NO,       4, NO,   NO,       3,  1,   NO},
    [20] = {   NO, 20, NO,      NO, NO,   NO,       4, NO,   NO},
    [21] = {   NO, 21, NO,      NO, NO,   NO,       5,  2,   NO},
    [22] = {   NO, 22, NO,      NO, NO,   NO,       6, NO,   NO},
    [23] = {   NO, 23, NO,       5, NO,   NO,       7,  3,   NO},
    [24] = {   NO, 24,  0,      NO, NO,   NO,       8, NO,   NO},
    [25] = {   NO, 25,  2,      NO, NO,   NO,       9,  4,   NO},
    [26] = {   NO, 26,  4,      NO, NO,   NO,      10, NO,   NO},
    [27] = {   NO, 27,  6,       6, NO,   NO,      11,  5,   NO},
    [28] = {   NO, 28,  8,      NO,  0,   NO,      12, NO,   NO},
    [29] = {   NO, 29, 10,      NO, NO,   NO,      13, NO,   NO},
    [30] = {   NO, 30, 12,      NO, NO,   NO,      14, NO, FOLD},
    [31] = {   NO, 31, 14,       7,  1,   NO,   CRYPT, NO,   NO},
    [32] = {   NO, 32, 16,      NO, NO,   NO,       0, NO,   NO},
    [33] = {   NO, 33, 18,      NO, NO,   NO,       1,  0,   NO},
    [34] = {   NO, 34, 20,      NO,  2,   NO,       2, NO,   NO},
    [35] = {   NO, 35, 22,       8, NO,   NO,       3,  1,   NO},
    [36] = {   NO, 36, 24,      NO, NO,   NO,       4, NO,   NO},
    [37] = {   NO, 37, 26,      NO,  3,   NO,       5,  2,   NO},
    [38] = {   NO, 38, 28,      NO, NO,   NO,       6, NO,   NO},
    [39] = {   NO, 39, 30,       9, NO,   NO,       7,  3,   NO},
    [40] = {   NO, 40, 32,      NO,  4,   NO,       8, NO,   NO},
    [41] = {   NO, 41, 34,      NO, NO,   NO,       9,  4,   NO},
    [42] = {   NO, 42, 36,      NO, NO,   NO,      10, NO,   NO},
    [43] = {   NO, 43, 38,      10,  5,   NO,      11,  5,   NO},
    [44] = {   NO, 44, 40,      NO, NO,   NO,      12, NO,   NO},
    [45] = {   NO, 45, 42,      NO, NO,   NO,      13, NO,   NO},
    [46] = {   NO, 46, 44,      NO,  6,   NO,      14, NO, FOLD},
    [47] = {ENTER, 47, 46,      11, NO,   NO,   CRYPT, NO,   NO},
    [48] = {   NO, 48, 48,      NO, NO,   NO,       0, NO,   NO},
    [49] = {   NO, 49, 50,      NO,  7,   NO,       1,  0,   NO},
    [50] = {   NO, 50, 52,      NO, NO,   NO,       2, NO,   NO},
    [51] = {   NO, 51, 54,      12, NO,   NO,       3,  1,   NO},
    [52] = {   NO, 52, 56,      NO, NO,   NO,       4, NO,   NO},
    [53] = {   NO, 53, 58,      NO, NO,   NO,       5,  2,   NO},
    [54] = {   NO, 54, 60,      NO, NO,   NO,       6, NO,   NO},
    [55] = {   NO, 55, 62,      13, NO,   NO,       7,  3,   NO},
    [56] = {   NO, 56, NO,      NO, NO,   NO,       8, NO,   NO},
    [57] = {   NO, 57, NO,      NO, NO,   NO,       9,  4,   NO},
    [58] = {   NO, 58, NO,      NO, NO,   NO,      10, NO,   NO},
    [59] = {   NO, 59, NO,      14, NO,   NO,      11,  5,   NO},
    [60] = {   NO, 60, NO,      NO, NO, FOLD,      12, NO,   NO},
    [61] = {   NO, 61, NO,      NO, NO,   NO,      13, NO,   NO},
    [62] = {   NO, 62, NO,      NO, NO,   NO,      14, NO, FOLD},
    [63] = {   NO, 63, NO,      NO, NO,   NO,   CRYPT, NO,   NO},
};
/* clang-format on */

#endif
