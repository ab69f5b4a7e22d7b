/*
 * SHA-256 by the instructions made for it: two rounds each, four rounds a step.
 *
 * The instructions want the state as {A, B, E, F} and {C, D, G, H}, highest lane first. W holds the last sixteen words of the schedule,
 * four a register; a step makes the four that are needed sixteen rounds later.
 *
 * Source: Intel SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
 */
#include "sha256/sha256.h"

#if defined(TARGET_X86_64)
#include <immintrin.h>

#include "sha256/sha256_constants.h"

TARGET_SHA static inline __m128i load(const void *from)
{
    return _mm_loadu_si128(from);
}

/* Four rounds with the words w0; then w0 becomes the words sixteen rounds later, unless there are none. */
#define STEP(i, w0, w1, w2, w3)                                                                                  \
    do {                                                                                                         \
        const __m128i sum = _mm_add_epi32(w0, load(&sha256_constants[4 * (i)]));                                 \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                                           \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));                                  \
        if ((i) < 12)                                                                                            \
            w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3); \
    } while (0)

#define FOUR_STEPS(i)                 \
    do {                              \
        STEP((i) + 0, w0, w1, w2, w3); \
        STEP((i) + 1, w1, w2, w3, w0); \
        STEP((i) + 2, w2, w3, w0, w1); \
        STEP((i) + 3, w3, w0, w1, w2); \
    } while (0)

TARGET_SHA void sha256_blocks_x86_sha(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i badc = _mm_shuffle_epi32(load(h), 0xb1), hgfe = _mm_shuffle_epi32(load(h + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (; blocks > 0; blocks--, data += SHA256_BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w0 = _mm_shuffle_epi8(load(data), big_endian), w1 = _mm_shuffle_epi8(load(data + 16), big_endian);
        __m128i w2 = _mm_shuffle_epi8(load(data + 32), big_endian), w3 = _mm_shuffle_epi8(load(data + 48), big_endian);
        FOUR_STEPS(0);
        FOUR_STEPS(4);
        FOUR_STEPS(8);
        FOUR_STEPS(12);
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif
