/*
 * CRCs of joined pieces, from the CRCs and sizes of the pieces.
 */
#ifndef ENGINE_CRC_CRC_COMBINE_H
#define ENGINE_CRC_CRC_COMBINE_H

#include <stdbool.h>
#include <stdint.h>

void crc_combine_init(void);

/* x^exponent modulo the polynomial of a CRC (an ENGINE_DIGEST_CRC* bit), reflected: bit 63 is x^0. */
uint64_t crc_power_of_x(uint32_t digest, unsigned exponent);

/* Whether combining answers as the chosen rows do; they must have been chosen. */
bool crc_combine_answers(void);

#endif
