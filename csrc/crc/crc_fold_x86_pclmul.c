/*
 * CRCs by carry-less multiplication: 128 bytes a step, as eight independent blocks of 16.
 *
 * A block stands for a polynomial X. The D bits that follow it in the message multiply it by x^D, and modulo the CRC's
 * polynomial X * x^D is the sum of two products: of its upper half with x^(D + 64) and of its lower half with x^D, both
 * reduced beforehand to 64 bits. So a block is folded onto the one 128 bytes later (D = 1024). At the end all are
 * folded onto the last (D = 128), which leaves one block with the remainder of the whole. The tables finish that block
 * and the bytes after it.
 *
 * Registers are reflected: bit 0 of a block is its highest power of x, so its upper half is the low quadword. A product
 * of two reflected quadwords comes out one bit too low, as if multiplied by x once more; so the constants have one
 * power less.
 *
 * Source: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
 */
#include "crc/crc.h"

#if defined(TARGET_X86_64)
#include <wmmintrin.h>

#include "crc/crc_ring.h"
#include "crc/crc_table.h"

enum { BLOCK = 16, LANES = 8, STEP = LANES * BLOCK };

/* x^(D + 64 - 1), x^(D - 1) */
struct folding {
    uint64_t a_step[2];
    uint64_t a_block[2];
};

static struct folding crc32_folding, crc32c_folding, crc64_folding;

static void fill(struct folding *folding, uint32_t digest)
{
    for (int half = 0; half < 2; half++) {
        folding->a_step[half] = crc_power_of_x(digest, 8 * STEP + 63 - 64 * half);
        folding->a_block[half] = crc_power_of_x(digest, 8 * BLOCK + 63 - 64 * half);
    }
}

void crc_fold_init(void)
{
    fill(&crc32_folding, ENGINE_DIGEST_CRC32);
    fill(&crc32c_folding, ENGINE_DIGEST_CRC32C);
    fill(&crc64_folding, ENGINE_DIGEST_CRC64NVME);
}

TARGET_PCLMUL static inline __m128i block_at(const uint8_t *data)
{
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

TARGET_PCLMUL static inline __m128i fold(__m128i block, __m128i by, __m128i onto)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(block, by, 0x00), _mm_clmulepi64_si128(block, by, 0x11)),
                         onto);
}

/* Fold all full blocks, at least one step of them, into the one block `out`. Returns how many bytes they were. */
TARGET_PCLMUL static size_t fold_blocks(const struct folding *folding, uint64_t crc, const uint8_t *data, size_t size,
                                        uint8_t *out)
{
    const __m128i a_step = block_at((const uint8_t *)folding->a_step),
                  a_block = block_at((const uint8_t *)folding->a_block);
    __m128i lanes[LANES];
    size_t done = STEP;

    for (int i = 0; i < LANES; i++)
        lanes[i] = block_at(data + BLOCK * i);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)crc));
    for (; size - done >= STEP; done += STEP)
        for (int i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], a_step, block_at(data + done + BLOCK * i));
    for (int i = 1; i < LANES; i++)
        lanes[i] = fold(lanes[i - 1], a_block, lanes[i]);
    for (; size - done >= BLOCK; done += BLOCK)
        lanes[LANES - 1] = fold(lanes[LANES - 1], a_block, block_at(data + done));
    _mm_storeu_si128((__m128i *)(void *)out, lanes[LANES - 1]);
    return done;
}

static int update32(const struct folding *folding, const struct crc32_tables *tables, union digest_state *state,
                    const uint8_t *data, size_t size)
{
    uint8_t last[BLOCK];
    if (size >= STEP) {
        const size_t done = fold_blocks(folding, (uint32_t)state->crc, data, size, last);
        state->crc = crc32_by_tables(tables, 0, last, BLOCK);
        data += done;
        size -= done;
    }
    state->crc = crc32_by_tables(tables, (uint32_t)state->crc, data, size);
    return ENGINE_OK;
}

int crc32_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size)
{
    return update32(&crc32_folding, &crc32_iso_hdlc_tables, state, data, size);
}

int crc32c_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size)
{
    return update32(&crc32c_folding, &crc32_castagnoli_tables, state, data, size);
}

int crc64_update_x86_pclmul(union digest_state *state, const uint8_t *data, size_t size)
{
    uint8_t last[BLOCK];
    if (size >= STEP) {
        const size_t done = fold_blocks(&crc64_folding, state->crc, data, size, last);
        state->crc = crc64_by_tables(&crc64_nvme_tables, 0, last, BLOCK);
        data += done;
        size -= done;
    }
    state->crc = crc64_by_tables(&crc64_nvme_tables, state->crc, data, size);
    return ENGINE_OK;
}
#endif
