/*
 * Computes with polynomials modulo that of a CRC. A product takes as many steps of shift and add as the CRC has bits,
 * about 50 ns, so 10,000 parts are combined in a millisecond without carry-less multiplication. x^(8n) is the product
 * of tabulated powers x^(8 * 2^k), one for each bit that is set in n.
 *
 * Registers are reflected, as in crc_table.c: x^0 is the highest bit, and multiplying by x shifts right.
 */
#include "crc/crc_ring.h"

#include "common/assert.h"
#include "crc/crc_table.h"
#include "engine.h"

static struct crc_ring crc32_ring = {.polynomial = CRC32_ISO_HDLC_REVERSED, .one = UINT64_C(1) << 31};
static struct crc_ring crc32c_ring = {.polynomial = CRC32_CASTAGNOLI_REVERSED, .one = UINT64_C(1) << 31};
static struct crc_ring crc64nvme_ring = {.polynomial = CRC64_NVME_REVERSED, .one = UINT64_C(1) << 63};

uint64_t crc_product(const struct crc_ring *ring, uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    for (uint64_t term = ring->one; term != 0; term >>= 1) {
        sum ^= b & -(uint64_t)((a & term) != 0);
        b = b >> 1 ^ (ring->polynomial & -(b & 1));
    }
    return sum;
}

static void fill_powers(struct crc_ring *ring)
{
    ring->powers[0] = ring->one >> 8;
    for (int k = 1; k < CRC_SIZE_BITS; k++)
        ring->powers[k] = crc_product(ring, ring->powers[k - 1], ring->powers[k - 1]);
}

void crc_ring_init(void)
{
    fill_powers(&crc32_ring);
    fill_powers(&crc32c_ring);
    fill_powers(&crc64nvme_ring);
}

uint64_t crc_shift_over(const struct crc_ring *ring, uint64_t size)
{
    uint64_t shift = ring->one;
    for (int k = 0; size != 0; k++, size >>= 1)
        if ((size & 1) != 0)
            shift = crc_product(ring, shift, ring->powers[k]);
    return shift;
}

const struct crc_ring *crc_ring_of(uint32_t digest)
{
    switch (digest) {
    case ENGINE_DIGEST_CRC32:
        return &crc32_ring;
    case ENGINE_DIGEST_CRC32C:
        return &crc32c_ring;
    default:
        ENGINE_ASSERT(digest == ENGINE_DIGEST_CRC64NVME);
        return &crc64nvme_ring;
    }
}

uint64_t crc_power_of_x(uint32_t digest, unsigned exponent)
{
    const struct crc_ring *ring = crc_ring_of(digest);
    return crc_product(ring, crc_shift_over(ring, exponent / 8), ring->one >> exponent % 8)
           << __builtin_clzll(ring->one);
}
