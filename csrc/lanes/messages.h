/*
 * Hashes whole messages, a lane each.
 */
#ifndef ENGINE_LANES_MESSAGES_H
#define ENGINE_LANES_MESSAGES_H

#include "lanes/lanes.h"

/* Digest `count` messages, at most as many as the row has lanes. A digest that the row does not compute is not
 * written. */
void lanes_digest(const struct lanes_row *row, int count, const uint8_t *const *data, const size_t *sizes,
                  uint8_t *md5s, uint8_t *sha256s);

#endif
