/*
 * The portable CRC kernels: sixteen bytes a step through sixteen tables ("slicing by 16").
 */
#ifndef ENGINE_CRC_CRC_TABLE_H
#define ENGINE_CRC_CRC_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* The polynomials, bit-reversed: ITU-T V.42, RFC 3720 12.1, NVM Express Command Set 1.0 5.2.1.3.4. */
#define CRC32_ISO_HDLC_REVERSED 0xedb88320u
#define CRC32_CASTAGNOLI_REVERSED 0x82f63b78u
#define CRC64_NVME_REVERSED 0x9a6c9329ac4bc9b5u

struct crc32_tables {
    uint32_t of[16][256];
};
struct crc64_tables {
    uint64_t of[16][256];
};

/* Filled by crc_tables_init(), only read afterwards. */
extern struct crc32_tables crc32_iso_hdlc_tables, crc32_castagnoli_tables;
extern struct crc64_tables crc64_nvme_tables;

void crc_tables_init(void);

/* Carry the register `crc` over `size` bytes. Nothing is complemented here. */
uint32_t crc32_by_tables(const struct crc32_tables *tables, uint32_t crc, const uint8_t *data, size_t size);
uint64_t crc64_by_tables(const struct crc64_tables *tables, uint64_t crc, const uint8_t *data, size_t size);

#endif
