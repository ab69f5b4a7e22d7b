/*
 * Combines the CRCs of pieces. Without its conditioning, a CRC is the message as a polynomial, times a power of x,
 * modulo the CRC's own polynomial P. So appending n bytes multiplies what came before by x^(8n). The ones that every
 * CRC here starts from and ends with cancel out:
 *
 *     crc(A B) = crc(A) * x^(8|B|) + crc(B)    modulo P, over GF(2)
 *
 * All pieces of an upload but the last have one size, so x^(8n) is kept as long as the size stays the same; then a
 * piece costs one product.
 */
#include "crc/crc_combine.h"

#include <string.h>

#include "common/bytes.h"
#include "crc/crc_ring.h"
#include "kernels/choose.h"
#include "kernels/registry.h"

void engine_crc_combine(int algorithm, const uint8_t *crcs, const uint64_t *sizes, size_t count, uint8_t *out)
{
    const struct crc_ring *ring = crc_ring_of(1u << algorithm);
    const size_t width = registry_algorithm(algorithm)->digest_size;
    uint64_t size = 0, shift = ring->one, whole = 0;

    for (size_t i = 0; i < count; i++) {
        if (sizes[i] != size) {
            size = sizes[i];
            shift = crc_shift_over(ring, size);
        }
        whole = crc_product(ring, shift, whole) ^ load_big(crcs + i * width, width);
    }
    store_big(out, whole, width);
}

static bool combining_answers(int algorithm)
{
    static const uint64_t sizes[] = {1, 6, 2};
    const struct algorithm *crc = registry_algorithm(algorithm);
    uint8_t crcs[3 * ENGINE_DIGEST_SIZE_MAX], whole[ENGINE_DIGEST_SIZE_MAX];

    for (size_t i = 0, at = 0; i < 3; at += sizes[i++])
        if (run_row(registry_chosen_row(algorithm), nine_digits + at, sizes[i], crcs + i * crc->digest_size) !=
            ENGINE_OK)
            return false;
    engine_crc_combine(algorithm, crcs, sizes, 3, whole);
    return memcmp(whole, crc->answer_of_nine, crc->digest_size) == 0;
}

bool crc_combine_answers(void)
{
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++)
        if ((1 << i & ENGINE_CRCS) != 0 && !combining_answers(i))
            return false;
    return true;
}
