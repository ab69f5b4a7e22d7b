/*
 * All three CRCs are reflected: bit 0 of the register is the highest power of x, so a byte enters at the low end and
 * the register moves right. T[0][b] is the register after the byte b, and T[k][b] the register after b and then k zero
 * bytes. All of it is linear, so a step over n bytes adds the register to the first bytes, and then adds up
 * T[n-1][first byte] ... T[0][last byte].
 *
 * The look-ups that do not need the register are added first, in pairs, so that only four of them (32 bits) or eight
 * (64 bits) stand between one step's register and the next. Against one long sum that made CRC-32 a third faster, from
 * 2.8 to 3.8 GB/s (gcc 12, Zen 5). The tables take 16 KiB and 32 KiB, and stay in a first-level cache beside the data.
 *
 * Source: M. Kounavis, F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", IEEE ToC 57
 * (2008).
 */
#include "crc/crc_table.h"

#include "common/bytes.h"

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
    for (unsigned byte = 0; byte < 256; byte++)
        tables->of[0][byte] = (uint32_t)register_after_byte(polynomial, byte);
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
    for (int k = 1; k < 16; k++)
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

/* Look up four bytes in the tables `first` down to `first - 3`. */
static inline uint32_t four_32(const struct crc32_tables *tables, int first, uint32_t bytes)
{
    return (tables->of[first][bytes & 0xff] ^ tables->of[first - 1][bytes >> 8 & 0xff]) ^
           (tables->of[first - 2][bytes >> 16 & 0xff] ^ tables->of[first - 3][bytes >> 24]);
}

static inline uint64_t four_64(const struct crc64_tables *tables, int first, uint32_t bytes)
{
    return (tables->of[first][bytes & 0xff] ^ tables->of[first - 1][bytes >> 8 & 0xff]) ^
           (tables->of[first - 2][bytes >> 16 & 0xff] ^ tables->of[first - 3][bytes >> 24]);
}

uint32_t crc32_by_tables(const struct crc32_tables *tables, uint32_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 16; data += 16, size -= 16) {
        const uint64_t low = load_u64_little(data), high = load_u64_little(data + 8);
        const uint32_t without_register =
            four_32(tables, 11, (uint32_t)(low >> 32)) ^
            (four_32(tables, 7, (uint32_t)high) ^ four_32(tables, 3, (uint32_t)(high >> 32)));
        crc = without_register ^ four_32(tables, 15, (uint32_t)low ^ crc);
    }
    for (; size > 0; data++, size--)
        crc = crc >> 8 ^ tables->of[0][(crc ^ *data) & 0xff];
    return crc;
}

uint64_t crc64_by_tables(const struct crc64_tables *tables, uint64_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 16; data += 16, size -= 16) {
        const uint64_t low = load_u64_little(data) ^ crc, high = load_u64_little(data + 8);
        const uint64_t without_register =
            four_64(tables, 7, (uint32_t)high) ^ four_64(tables, 3, (uint32_t)(high >> 32));
        crc = without_register ^ (four_64(tables, 15, (uint32_t)low) ^ four_64(tables, 11, (uint32_t)(low >> 32)));
    }
    for (; size > 0; data++, size--)
        crc = crc >> 8 ^ tables->of[0][(crc ^ *data) & 0xff];
    return crc;
}
