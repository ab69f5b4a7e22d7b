/*
 * The 64 steps of MD5 on x86-64, with room for other work after each.
 *
 * MD5 is one chain of dependencies, and only latency can be saved: everything that does not depend on `late`, the word
 * made by the step before, is added up before that arrives. A step of the second round is then a chain of four
 * instructions, since its function is a sum of two terms that share no bit, (late & old) + (middle & ~old). A step of
 * the third round is one too (xor, add, rotate, add); a step of the first and the last is a chain of five. That is 288
 * cycles a block. It is written in assembly since gcc 12 adds in an order of its own, which costs five cycles more.
 *
 * With AVX-512VL any function of three words is one instruction, and there is a rotation: in the lowest lane of a
 * vector register every step is a chain of four (vpternlogd, vpaddd, vprold, vpaddd), 256 cycles a block, where each of
 * these takes one cycle (FEATURE_ONE_CYCLE_VECTORS). A word and its constant are broadcast from memory, since other
 * operands in memory are read as whole vectors.
 *
 * Source: RFC 1321 3.4.
 */
#ifndef ENGINE_MD5_MD5_X86_H
#define ENGINE_MD5_MD5_X86_H

#include <emmintrin.h>
#include <stdint.h>

#include "cpu/target.h"

/* A word of the message, at any alignment. */
typedef uint32_t __attribute__((aligned(1), may_alias)) md5_word;

/* A word that arrives late holds up the whole chain, so the bytes half a page ahead are prefetched: the processor
 * itself looks ahead some fifty cycles, and an L2 miss takes more. There need not be memory. From cold caches that
 * saves half a per cent of updates of 1 MiB, and two and a half of updates of 64 KiB; from warm caches nothing
 * (Sapphire Rapids). */
static inline void md5_fetch_ahead(const uint8_t *data)
{
    __asm__ volatile("prefetcht0 2048(%0)" ::"r"(data));
}

#define MD5_WORD_AT(block, word) (*(const md5_word *)((block) + 4 * (word)))

/* A step. `sum`, `late`, `middle`, `old` are variables, the words a, b, c, d of the standard; `block` points to the
 * 64 bytes of the message. */
#define MD5_STEP(block, sum, late, middle, old, word, by, constant, function)                              \
    {                                                                                                      \
        uint32_t term;                                                                                     \
        __asm__ volatile(                                                                                  \
            "addl $" #constant ", %k[Sum]\n\t"                                                             \
            "addl %[Word], %k[Sum]\n\t" function "addl %k[Term], %k[Sum]\n\t"                              \
            "roll $" #by ", %k[Sum]\n\t"                                                                   \
            "addl %k[Late], %k[Sum]"                                                                       \
            : [Sum] "+r"(sum), [Term] "=&r"(term)                                                          \
            : [Late] "r"(late), [Middle] "r"(middle), [Old] "r"(old), [Word] "m"(MD5_WORD_AT(block, word)) \
            : "cc");                                                                                       \
    }

#define MD5_F(block, sum, late, middle, old, word, by, constant)                                                \
    MD5_STEP(block, sum, late, middle, old, word, by, constant,                                                 \
             "movl %k[Middle], %k[Term]\n\txorl %k[Old], %k[Term]\n\tandl %k[Late], %k[Term]\n\txorl %k[Old], " \
             "%k[Term]\n\t")
#define MD5_G(block, sum, late, middle, old, word, by, constant)                                                \
    MD5_STEP(block, sum, late, middle, old, word, by, constant,                                                 \
             "andnl %k[Middle], %k[Old], %k[Term]\n\taddl %k[Term], %k[Sum]\n\tmovl %k[Old], %k[Term]\n\tandl " \
             "%k[Late], %k[Term]\n\t")
#define MD5_H(block, sum, late, middle, old, word, by, constant) \
    MD5_STEP(block, sum, late, middle, old, word, by, constant,  \
             "movl %k[Middle], %k[Term]\n\txorl %k[Old], %k[Term]\n\txorl %k[Late], %k[Term]\n\t")
#define MD5_I(block, sum, late, middle, old, word, by, constant) \
    MD5_STEP(block, sum, late, middle, old, word, by, constant,  \
             "movl %k[Old], %k[Term]\n\tnotl %k[Term]\n\torl %k[Late], %k[Term]\n\txorl %k[Middle], %k[Term]\n\t")

/* A step with words in vectors. `table` is the truth table of the round's function, by middle, late and old. */
#define MD5_VECTOR_STEP(block, sum, late, middle, old, word, by, constant, table)                      \
    {                                                                                                  \
        static const uint32_t added = constant;                                                        \
        __m128i term;                                                                                  \
        __asm__ volatile("vpaddd %[Added]%{1to4%}, %[Sum], %[Sum]\n\t"                                 \
                         "vpaddd %[Word]%{1to4%}, %[Sum], %[Sum]\n\t"                                  \
                         "vmovdqa %[Middle], %[Term]\n\t"                                              \
                         "vpternlogd $" #table ", %[Old], %[Late], %[Term]\n\t"                        \
                         "vpaddd %[Term], %[Sum], %[Sum]\n\t"                                          \
                         "vprold $" #by ", %[Sum], %[Sum]\n\t"                                         \
                         "vpaddd %[Late], %[Sum], %[Sum]"                                              \
                         : [Sum] "+x"(sum), [Term] "=&x"(term)                                         \
                         : [Late] "x"(late), [Middle] "x"(middle), [Old] "x"(old), [Added] "m"(added), \
                           [Word] "m"(MD5_WORD_AT(block, word)));                                      \
    }

#define MD5_VECTOR_F(block, sum, late, middle, old, word, by, constant) \
    MD5_VECTOR_STEP(block, sum, late, middle, old, word, by, constant, 0xe2)
#define MD5_VECTOR_G(block, sum, late, middle, old, word, by, constant) \
    MD5_VECTOR_STEP(block, sum, late, middle, old, word, by, constant, 0xd8)
#define MD5_VECTOR_H(block, sum, late, middle, old, word, by, constant) \
    MD5_VECTOR_STEP(block, sum, late, middle, old, word, by, constant, 0x96)
#define MD5_VECTOR_I(block, sum, late, middle, old, word, by, constant) \
    MD5_VECTOR_STEP(block, sum, late, middle, old, word, by, constant, 0x2d)

static ALWAYS_INLINE __m128i md5_to_vector(uint32_t word)
{
    return _mm_cvtsi32_si128((int)word);
}

static ALWAYS_INLINE uint32_t md5_from_vector(__m128i word)
{
    return (uint32_t)_mm_cvtsi128_si32(word);
}

/* All steps in order, each expanded by the macro of its round. BETWEEN(step) is expanded after it. */
/* clang-format off */
#define MD5_STEPS(F, G, H, I, BETWEEN, block, a, b, c, d) \
    F(block, a, b, c, d, 0, 7, 0xd76aa478) BETWEEN(0)    \
    F(block, d, a, b, c, 1, 12, 0xe8c7b756) BETWEEN(1)   \
    F(block, c, d, a, b, 2, 17, 0x242070db) BETWEEN(2)   \
    F(block, b, c, d, a, 3, 22, 0xc1bdceee) BETWEEN(3)   \
    F(block, a, b, c, d, 4, 7, 0xf57c0faf) BETWEEN(4)    \
    F(block, d, a, b, c, 5, 12, 0x4787c62a) BETWEEN(5)   \
    F(block, c, d, a, b, 6, 17, 0xa8304613) BETWEEN(6)   \
    F(block, b, c, d, a, 7, 22, 0xfd469501) BETWEEN(7)   \
    F(block, a, b, c, d, 8, 7, 0x698098d8) BETWEEN(8)    \
    F(block, d, a, b, c, 9, 12, 0x8b44f7af) BETWEEN(9)   \
    F(block, c, d, a, b, 10, 17, 0xffff5bb1) BETWEEN(10) \
    F(block, b, c, d, a, 11, 22, 0x895cd7be) BETWEEN(11) \
    F(block, a, b, c, d, 12, 7, 0x6b901122) BETWEEN(12)  \
    F(block, d, a, b, c, 13, 12, 0xfd987193) BETWEEN(13) \
    F(block, c, d, a, b, 14, 17, 0xa679438e) BETWEEN(14) \
    F(block, b, c, d, a, 15, 22, 0x49b40821) BETWEEN(15) \
    G(block, a, b, c, d, 1, 5, 0xf61e2562) BETWEEN(16)   \
    G(block, d, a, b, c, 6, 9, 0xc040b340) BETWEEN(17)   \
    G(block, c, d, a, b, 11, 14, 0x265e5a51) BETWEEN(18) \
    G(block, b, c, d, a, 0, 20, 0xe9b6c7aa) BETWEEN(19)  \
    G(block, a, b, c, d, 5, 5, 0xd62f105d) BETWEEN(20)   \
    G(block, d, a, b, c, 10, 9, 0x02441453) BETWEEN(21)  \
    G(block, c, d, a, b, 15, 14, 0xd8a1e681) BETWEEN(22) \
    G(block, b, c, d, a, 4, 20, 0xe7d3fbc8) BETWEEN(23)  \
    G(block, a, b, c, d, 9, 5, 0x21e1cde6) BETWEEN(24)   \
    G(block, d, a, b, c, 14, 9, 0xc33707d6) BETWEEN(25)  \
    G(block, c, d, a, b, 3, 14, 0xf4d50d87) BETWEEN(26)  \
    G(block, b, c, d, a, 8, 20, 0x455a14ed) BETWEEN(27)  \
    G(block, a, b, c, d, 13, 5, 0xa9e3e905) BETWEEN(28)  \
    G(block, d, a, b, c, 2, 9, 0xfcefa3f8) BETWEEN(29)   \
    G(block, c, d, a, b, 7, 14, 0x676f02d9) BETWEEN(30)  \
    G(block, b, c, d, a, 12, 20, 0x8d2a4c8a) BETWEEN(31) \
    H(block, a, b, c, d, 5, 4, 0xfffa3942) BETWEEN(32)   \
    H(block, d, a, b, c, 8, 11, 0x8771f681) BETWEEN(33)  \
    H(block, c, d, a, b, 11, 16, 0x6d9d6122) BETWEEN(34) \
    H(block, b, c, d, a, 14, 23, 0xfde5380c) BETWEEN(35) \
    H(block, a, b, c, d, 1, 4, 0xa4beea44) BETWEEN(36)   \
    H(block, d, a, b, c, 4, 11, 0x4bdecfa9) BETWEEN(37)  \
    H(block, c, d, a, b, 7, 16, 0xf6bb4b60) BETWEEN(38)  \
    H(block, b, c, d, a, 10, 23, 0xbebfbc70) BETWEEN(39) \
    H(block, a, b, c, d, 13, 4, 0x289b7ec6) BETWEEN(40)  \
    H(block, d, a, b, c, 0, 11, 0xeaa127fa) BETWEEN(41)  \
    H(block, c, d, a, b, 3, 16, 0xd4ef3085) BETWEEN(42)  \
    H(block, b, c, d, a, 6, 23, 0x04881d05) BETWEEN(43)  \
    H(block, a, b, c, d, 9, 4, 0xd9d4d039) BETWEEN(44)   \
    H(block, d, a, b, c, 12, 11, 0xe6db99e5) BETWEEN(45) \
    H(block, c, d, a, b, 15, 16, 0x1fa27cf8) BETWEEN(46) \
    H(block, b, c, d, a, 2, 23, 0xc4ac5665) BETWEEN(47)  \
    I(block, a, b, c, d, 0, 6, 0xf4292244) BETWEEN(48)   \
    I(block, d, a, b, c, 7, 10, 0x432aff97) BETWEEN(49)  \
    I(block, c, d, a, b, 14, 15, 0xab9423a7) BETWEEN(50) \
    I(block, b, c, d, a, 5, 21, 0xfc93a039) BETWEEN(51)  \
    I(block, a, b, c, d, 12, 6, 0x655b59c3) BETWEEN(52)  \
    I(block, d, a, b, c, 3, 10, 0x8f0ccc92) BETWEEN(53)  \
    I(block, c, d, a, b, 10, 15, 0xffeff47d) BETWEEN(54) \
    I(block, b, c, d, a, 1, 21, 0x85845dd1) BETWEEN(55)  \
    I(block, a, b, c, d, 8, 6, 0x6fa87e4f) BETWEEN(56)   \
    I(block, d, a, b, c, 15, 10, 0xfe2ce6e0) BETWEEN(57) \
    I(block, c, d, a, b, 6, 15, 0xa3014314) BETWEEN(58)  \
    I(block, b, c, d, a, 13, 21, 0x4e0811a1) BETWEEN(59) \
    I(block, a, b, c, d, 4, 6, 0xf7537e82) BETWEEN(60)   \
    I(block, d, a, b, c, 11, 10, 0xbd3af235) BETWEEN(61) \
    I(block, c, d, a, b, 2, 15, 0x2ad7d2bb) BETWEEN(62)  \
    I(block, b, c, d, a, 9, 21, 0xeb86d391) BETWEEN(63)
/* clang-format on */

#endif
