/*
 * MD5 on x86-64, in the lowest lane of vector registers, where its chain is shorter.
 */
#include "md5/md5.h"

#if defined(TARGET_X86_64)
#include "md5/md5_x86.h"

#define NOTHING(step)

void md5_blocks_x86_avx512vl(uint32_t h[4], const uint8_t *data, size_t blocks)
{
    __m128i a = md5_to_vector(h[0]), b = md5_to_vector(h[1]), c = md5_to_vector(h[2]), d = md5_to_vector(h[3]);
    for (; blocks > 0; blocks--, data += MD5_BLOCK) {
        md5_fetch_ahead(data);
        const __m128i before[4] = {a, b, c, d};
        MD5_STEPS(MD5_VECTOR_F, MD5_VECTOR_G, MD5_VECTOR_H, MD5_VECTOR_I, NOTHING, data, a, b, c, d)
        a = _mm_add_epi32(a, before[0]);
        b = _mm_add_epi32(b, before[1]);
        c = _mm_add_epi32(c, before[2]);
        d = _mm_add_epi32(d, before[3]);
    }
    h[0] = md5_from_vector(a);
    h[1] = md5_from_vector(b);
    h[2] = md5_from_vector(c);
    h[3] = md5_from_vector(d);
}
#endif
