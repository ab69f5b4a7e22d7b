/*
 * The folding of crc_fold_x86_pclmul.c in registers of 256 bits, for processors without AVX-512: 256 bytes a step. The
 * last full step leaves 256 bytes that carry the remainder of everything before; the narrower row takes those and the
 * bytes behind.
 */
#include "crc/crc.h"

#if defined(TARGET_X86_64)
#include <immintrin.h>

#include "crc/crc_ring.h"

enum { WIDE = 32, LANES = 8, STEP = LANES * WIDE };

/* x^(8 * STEP + 64 - 1), x^(8 * STEP - 1) */
static uint64_t crc32_folding[2], crc32c_folding[2], crc64_folding[2];

static void fill(uint64_t *folding, uint32_t digest)
{
    folding[0] = crc_power_of_x(digest, 8 * STEP + 63);
    folding[1] = crc_power_of_x(digest, 8 * STEP - 1);
}

void crc_fold_avx2_init(void)
{
    fill(crc32_folding, ENGINE_DIGEST_CRC32);
    fill(crc32c_folding, ENGINE_DIGEST_CRC32C);
    fill(crc64_folding, ENGINE_DIGEST_CRC64NVME);
}

TARGET_VPCLMUL_AVX2 static inline __m256i load(const uint8_t *data)
{
    return _mm256_loadu_si256((const void *)data);
}

TARGET_VPCLMUL_AVX2 static inline __m256i fold(__m256i block, __m256i by, __m256i onto)
{
    const __m256i low = _mm256_clmulepi64_epi128(block, by, 0x00), high = _mm256_clmulepi64_epi128(block, by, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(low, high), onto);
}

/* Fold all full steps, at least one, into the STEP bytes of `rest`. Returns how many bytes they were. */
TARGET_VPCLMUL_AVX2 static size_t fold_steps(const uint64_t *folding, uint64_t crc, const uint8_t *data, size_t size,
                                             uint8_t *rest)
{
    const __m256i by = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)folding));
    __m256i lanes[LANES];
    size_t done = STEP;

#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        lanes[i] = load(data + WIDE * i);
    lanes[0] = _mm256_xor_si256(lanes[0], _mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)crc)));
    for (; size - done >= STEP; done += STEP)
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++) {
            lanes[i] = fold(lanes[i], by, load(data + done + WIDE * i));
        }
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        _mm256_storeu_si256((void *)(rest + WIDE * i), lanes[i]);
    return done;
}

/* Fold the full steps, then let the narrower row take what they leave and the bytes behind. */
static int update(const uint64_t *folding, int (*narrower)(union digest_state *, const uint8_t *, size_t),
                  union digest_state *state, const uint8_t *data, size_t size)
{
    if (size >= 2 * STEP) {
        uint8_t rest[STEP];
        const size_t done = fold_steps(folding, state->crc, data, size, rest);
        state->crc = 0;
        narrower(state, rest, STEP);
        data += done;
        size -= done;
    }
    return narrower(state, data, size);
}

int crc32_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size)
{
    return update(crc32_folding, crc32_update_x86_pclmul, state, data, size);
}

int crc32c_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size)
{
    return update(crc32c_folding, crc32c_update_x86_pclmul, state, data, size);
}

int crc64_update_x86_vpclmul_avx2(union digest_state *state, const uint8_t *data, size_t size)
{
    return update(crc64_folding, crc64_update_x86_pclmul, state, data, size);
}
#endif
