/*
 * All three CRCs here are reflected: bit 0 of the register is the highest power of x, so a byte enters at the low end and the register
 * moves right. With T[0][b] the register after the byte b and T[k][b] the register after b and then k zero bytes, a step over n bytes
 * is linear: xor the register into the first bytes, then xor together T[n-1][first byte] ... T[0][last byte]. The look-ups of one step
 * do not wait for each other; that is the whole gain over one byte at a time.
 *
 * Eight tables of 64 bits and sixteen of 32 are both 16 KiB, and stay in a first-level cache beside the data.
 *
 * Source: M. Kounavis, F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", IEEE ToC 57 (2008).
 * Polynomials: ITU-T V.42 (CRC-32), RFC 3720 12.1 (CRC-32C), NVM Express Command Set 1.0, 5.2.1.3.4 (CRC-64), all bit-reversed.
 */
#include "crc/crc_table.h"

#include "common/bytes.h"

#define CRC32_ISO_HDLC_REVERSED 0xedb88320u
#define CRC32_CASTAGNOLI_REVERSED 0x82f63b78u
#define CRC64_NVME_REVERSED 0x9a6c9329ac4bc9b5u

struct crc32_tables crc32_iso_hdlc_tables, crc32_castagnoli_tables;
struct crc64_tables crc64_nvme_tables;

static uint64_t register_after_byte(uint64_t polynomial, uint64_t byte)
{
    for (int bit = 0; bit < 8; bit++)
        byte = byte >> 1 ^ (byte & 1 ? polynomial : 0);
    return byte;
}

static void fill_crc32(struct crc32_tables *tables, uint32_t polynomial)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t crc = (uint32_t)register_after_byte(polynomial, byte);
        tables->of[0][byte] = crc;
    }
    for (int k = 1; k < 16; k++)
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint32_t before = tables->of[k - 1][byte];
            tables->of[k][byte] = before >> 8 ^ tables->of[0][before & 0xff];
        }
}

static void fill_crc64(struct crc64_tables *tables, uint64_t polynomial)
{
    for (unsigned byte = 0; byte < 256; byte++)
        tables->of[0][byte] = register_after_byte(polynomial, byte);
    for (int k = 1; k < 8; k++)
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint64_t before = tables->of[k - 1][byte];
            tables->of[k][byte] = before >> 8 ^ tables->of[0][before & 0xff];
        }
}

void crc_tables_init(void)
{
    fill_crc32(&crc32_iso_hdlc_tables, CRC32_ISO_HDLC_REVERSED);
    fill_crc32(&crc32_castagnoli_tables, CRC32_CASTAGNOLI_REVERSED);
    fill_crc64(&crc64_nvme_tables, CRC64_NVME_REVERSED);
}

/* Eight bytes through the tables `first` down to `first - 7`. */
static inline uint32_t look_up_32(const struct crc32_tables *tables, int first, uint64_t bytes)
{
    uint32_t crc = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        crc ^= tables->of[first - i][bytes >> (8 * i) & 0xff];
    return crc;
}

uint32_t crc32_by_tables(const struct crc32_tables *tables, uint32_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 16; data += 16, size -= 16)
        crc = look_up_32(tables, 15, load_u64_little(data) ^ crc) ^ look_up_32(tables, 7, load_u64_little(data + 8));
    for (; size > 0; data++, size--)
        crc = crc >> 8 ^ tables->of[0][(crc ^ *data) & 0xff];
    return crc;
}

uint64_t crc64_by_tables(const struct crc64_tables *tables, uint64_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 8; data += 8, size -= 8) {
        const uint64_t bytes = load_u64_little(data) ^ crc;
        crc = 0;
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            crc ^= tables->of[7 - i][bytes >> (8 * i) & 0xff];
    }
    for (; size > 0; data++, size--)
        crc = crc >> 8 ^ tables->of[0][(crc ^ *data) & 0xff];
    return crc;
}
