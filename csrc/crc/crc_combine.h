/*
 * CRCs of joined pieces, from the CRCs and sizes of the pieces.
 */
#ifndef ENGINE_CRC_CRC_COMBINE_H
#define ENGINE_CRC_CRC_COMBINE_H

#include <stdbool.h>

void crc_combine_init(void);

/* Whether combining answers as the chosen rows do; they must have been chosen. */
bool crc_combine_answers(void);

#endif
