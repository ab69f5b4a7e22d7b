/*
 * Arithmetic with polynomials modulo that of a CRC: what folding and combining CRCs need.
 */
#ifndef ENGINE_CRC_CRC_RING_H
#define ENGINE_CRC_CRC_RING_H

#include <stdint.h>

enum { CRC_SIZE_BITS = 64 };

struct crc_ring {
    uint64_t polynomial;            /* reversed */
    uint64_t one;                   /* x^0 */
    uint64_t powers[CRC_SIZE_BITS]; /* x^(8 * 2^k) */
};

/* Fill the tables of powers. Called once, by engine_init(). */
void crc_ring_init(void);

/* Return the ring of a CRC (an ENGINE_DIGEST_CRC* bit). */
const struct crc_ring *crc_ring_of(uint32_t digest);

uint64_t crc_product(const struct crc_ring *ring, uint64_t a, uint64_t b);

/* Return x^(8 * size), by which appending `size` bytes multiplies what comes before. */
uint64_t crc_shift_over(const struct crc_ring *ring, uint64_t size);

/* Return x^exponent modulo the polynomial of a CRC (an ENGINE_DIGEST_CRC* bit), reflected: bit 63 is x^0. */
uint64_t crc_power_of_x(uint32_t digest, unsigned exponent);

#endif
