/*
 * The rounds of SHA-256 by the instructions made for it, in pieces that can stand between other work.
 *
 * An instruction does two rounds and wants the state as {A, B, E, F} and {C, D, G, H}, highest lane first. `w` holds
 * the last sixteen words of the schedule, four a register. A turn does four rounds with one register, and replaces its
 * words with those that are needed sixteen rounds later.
 *
 * Source: Intel SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
 */
#ifndef ENGINE_SHA256_SHA256_X86_H
#define ENGINE_SHA256_SHA256_X86_H

#include <immintrin.h>
#include <stdbool.h>

#include "cpu/target.h"
#include "sha256/sha256_constants.h"

struct sha256_x86 {
    __m128i abef, cdgh, abef_before, cdgh_before;
    __m128i w[4], sum;
};

TARGET_SHA static inline __m128i sha256_x86_words(const void *from)
{
    return _mm_loadu_si128(from);
}

TARGET_SHA static ALWAYS_INLINE void sha256_x86_load(struct sha256_x86 *sha, const uint32_t *h)
{
    const __m128i badc = _mm_shuffle_epi32(sha256_x86_words(h), 0xb1),
                  hgfe = _mm_shuffle_epi32(sha256_x86_words(h + 4), 0x1b);
    sha->abef = _mm_alignr_epi8(badc, hgfe, 8);
    sha->cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
}

TARGET_SHA static ALWAYS_INLINE void sha256_x86_store(const struct sha256_x86 *sha, uint32_t *h)
{
    const __m128i feba = _mm_shuffle_epi32(sha->abef, 0x1b), dchg = _mm_shuffle_epi32(sha->cdgh, 0xb1);
    _mm_storeu_si128((void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

TARGET_SHA static ALWAYS_INLINE void sha256_x86_begin_block(struct sha256_x86 *sha, const uint8_t *data)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    sha->abef_before = sha->abef;
    sha->cdgh_before = sha->cdgh;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        sha->w[i] = _mm_shuffle_epi8(sha256_x86_words(data + 16 * i), big_endian);
}

/* Do SHA256MSG1, or the same by rotations of AVX-512VL. On Sapphire Rapids SHA256MSG1 keeps all other instructions
 * from being decoded for four cycles; those in its place take one. That matters most while another thread shares the
 * core: with all that the fused pass does, a block then takes 290 cycles instead of 325. */
TARGET_SHA static ALWAYS_INLINE __m128i sha256_x86_message_1(__m128i w, __m128i w1, const bool by_rotations)
{
    if (!by_rotations)
        return _mm_sha256msg1_epu32(w, w1);
    __m128i later = _mm_alignr_epi8(w1, w, 4), sigma, part;
    __asm__("vprord $7, %[Later], %[Sigma]\n\t"
            "vprord $18, %[Later], %[Part]\n\t"
            "vpsrld $3, %[Later], %[Later]\n\t"
            "vpternlogd $0x96, %[Part], %[Later], %[Sigma]"
            : [Sigma] "=&x"(sigma), [Part] "=&x"(part), [Later] "+x"(later));
    return _mm_add_epi32(w, sigma);
}

/* Do quarter 0 to 3 of turn 0 to 15. */
TARGET_SHA static ALWAYS_INLINE void sha256_x86_quarter(struct sha256_x86 *sha, const int turn, const int quarter,
                                                        const bool by_rotations)
{
    __m128i *const w = &sha->w[turn % 4];
    const __m128i w1 = sha->w[(turn + 1) % 4], w2 = sha->w[(turn + 2) % 4], w3 = sha->w[(turn + 3) % 4];
    if (quarter == 0) {
        sha->sum = _mm_add_epi32(*w, sha256_x86_words(&sha256_constants[4 * turn]));
    } else if (quarter == 1) {
        sha->cdgh = _mm_sha256rnds2_epu32(sha->cdgh, sha->abef, sha->sum);
        sha->sum = _mm_shuffle_epi32(sha->sum, 0x0e);
    } else if (quarter == 2) {
        if (turn < 12)
            *w = _mm_add_epi32(sha256_x86_message_1(*w, w1, by_rotations), _mm_alignr_epi8(w3, w2, 4));
    } else {
        sha->abef = _mm_sha256rnds2_epu32(sha->abef, sha->cdgh, sha->sum);
        if (turn < 12)
            *w = _mm_sha256msg2_epu32(*w, w3);
    }
}

TARGET_SHA static ALWAYS_INLINE void sha256_x86_end_block(struct sha256_x86 *sha)
{
    sha->abef = _mm_add_epi32(sha->abef, sha->abef_before);
    sha->cdgh = _mm_add_epi32(sha->cdgh, sha->cdgh_before);
}

#endif
