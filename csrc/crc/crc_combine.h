/*
 * The test at load of engine_crc_combine(), which combines the CRCs of pieces.
 */
#ifndef ENGINE_CRC_CRC_COMBINE_H
#define ENGINE_CRC_CRC_COMBINE_H

#include <stdbool.h>

/* Whether combining gives what the chosen rows give for the whole. The rows must have been chosen. */
bool crc_combine_answers(void);

#endif
