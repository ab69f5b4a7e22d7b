/*
 * Fuzzes the combination of CRCs. For every CRC and row this must hold: the CRCs of pieces combine to the CRC of the
 * whole.
 *
 *     byte 0    how many cuts        bytes 1-4    where they are        the rest    the bytes
 */
#include <string.h>

#include "common/assert.h"
#include "engine.h"

enum { HEAD = 5, PIECES_MAX = 64, CRC_SIZE_MAX = 8 };

static size_t cut(uint64_t *sizes, size_t count, size_t size, uint32_t state)
{
    size_t left = size, made = 0;
    while (made + 1 < count && left > 0) {
        state = state * 1103515245 + 12345;
        sizes[made] = (state >> 8) % (left + 1);
        left -= sizes[made++];
    }
    sizes[made++] = left;
    return made;
}

static void check(int algorithm, int row, const uint8_t *data, size_t size, const uint64_t *sizes, size_t count)
{
    const size_t crc_size = (size_t)engine_algorithm_digest_size(algorithm);
    uint8_t crcs[PIECES_MAX * CRC_SIZE_MAX], whole[CRC_SIZE_MAX], combined[CRC_SIZE_MAX];
    const uint8_t *piece = data;
    for (size_t i = 0; i < count; i++) {
        ENGINE_ASSERT(engine_digest_row_run(algorithm, row, piece, sizes[i], crcs + i * crc_size) == ENGINE_OK);
        piece += sizes[i];
    }
    ENGINE_ASSERT(engine_digest_row_run(algorithm, row, data, size, whole) == ENGINE_OK);
    engine_crc_combine(algorithm, crcs, sizes, count, combined);
    ENGINE_ASSERT(memcmp(whole, combined, crc_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t sizes[PIECES_MAX];
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    if (size < HEAD)
        return 0;
    uint32_t state;
    memcpy(&state, data + 1, sizeof state);
    const size_t count = cut(sizes, data[0] % PIECES_MAX + 1, size - HEAD, state);
    for (int i = 0; i < engine_row_count(); i++) {
        struct engine_row_info row;
        engine_row_describe(i, &row);
        if (row.family == ENGINE_ROW_DIGEST && (row.digests & ENGINE_CRCS) != 0 && row.usable)
            check(__builtin_ctz(row.digests), row.index, data + HEAD, size - HEAD, sizes, count);
    }
    return 0;
}
