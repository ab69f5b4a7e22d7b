/*
 * MD5 on x86-64 in general registers, as fast as its chain of dependencies allows.
 */
#include "md5/md5.h"

#if defined(TARGET_X86_64)
#include "md5/md5_x86.h"

#define NOTHING(step)

void md5_blocks_x86_bmi(uint32_t h[4], const uint8_t *data, size_t blocks)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (; blocks > 0; blocks--, data += MD5_BLOCK) {
        md5_fetch_ahead(data);
        const uint32_t before[4] = {a, b, c, d};
        MD5_STEPS(MD5_F, MD5_G, MD5_H, MD5_I, NOTHING, data, a, b, c, d)
        a += before[0];
        b += before[1];
        c += before[2];
        d += before[3];
    }
    h[0] = a;
    h[1] = b;
    h[2] = c;
    h[3] = d;
}
#endif
