/*
 * MD5 on x86-64, in the lowest lane of vector registers: its chain is shorter there.
 */
#include "md5/md5.h"

#if defined(TARGET_X86_64)
#include "md5/md5_x86.h"

#define NOTHING(step)

void md5_blocks_x86_avx512vl(uint32_t h[4], const uint8_t *data, size_t blocks)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    __m128i a_vector, b_vector, c_vector, d_vector, t_vector;
    MD5_TO_VECTOR(a)
    MD5_TO_VECTOR(b)
    MD5_TO_VECTOR(c)
    MD5_TO_VECTOR(d)
    for (; blocks > 0; blocks--, data += MD5_BLOCK) {
        md5_fetch_ahead(data);
        const __m128i before[4] = {a_vector, b_vector, c_vector, d_vector};
        MD5_STEPS(MD5_VECTOR_F, MD5_VECTOR_G, MD5_VECTOR_H, MD5_VECTOR_I, NOTHING)
        a_vector = _mm_add_epi32(a_vector, before[0]);
        b_vector = _mm_add_epi32(b_vector, before[1]);
        c_vector = _mm_add_epi32(c_vector, before[2]);
        d_vector = _mm_add_epi32(d_vector, before[3]);
    }
    MD5_FROM_VECTOR(a)
    MD5_FROM_VECTOR(b)
    MD5_FROM_VECTOR(c)
    MD5_FROM_VECTOR(d)
    h[0] = a;
    h[1] = b;
    h[2] = c;
    h[3] = d;
}
#endif
