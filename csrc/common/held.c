/*
 * The padding is that of MD4 and all its descendants: RFC 1321 3.1 and 3.2, FIPS 180-4 5.1.1.
 */
#include "common/held.h"

#include <string.h>

enum { LENGTH_SIZE = 8, LENGTH_AT = HELD_BLOCK - LENGTH_SIZE };

void held_update(uint32_t *h, uint64_t *size, uint8_t *held, hash_blocks *blocks, const uint8_t *data, size_t data_size)
{
    const size_t there = *size % HELD_BLOCK;
    *size += data_size;
    if (there > 0) {
        const size_t room = HELD_BLOCK - there, piece = data_size < room ? data_size : room;
        memcpy(held + there, data, piece);
        if (piece < room)
            return;
        blocks(h, held, 1);
        data += piece;
        data_size -= piece;
    }
    if (data_size >= HELD_BLOCK)
        blocks(h, data, data_size / HELD_BLOCK);
    if (data_size % HELD_BLOCK > 0)
        memcpy(held, data + data_size / HELD_BLOCK * HELD_BLOCK, data_size % HELD_BLOCK);
}

void held_finish(uint32_t *h, uint64_t size, uint8_t *held, hash_blocks *blocks, const uint8_t *length)
{
    size_t there = size % HELD_BLOCK;
    held[there++] = 0x80;
    if (there > LENGTH_AT) {
        memset(held + there, 0, HELD_BLOCK - there);
        blocks(h, held, 1);
        there = 0;
    }
    memset(held + there, 0, LENGTH_AT - there);
    memcpy(held + LENGTH_AT, length, LENGTH_SIZE);
    blocks(h, held, 1);
}
