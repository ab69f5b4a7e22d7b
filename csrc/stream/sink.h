/*
 * Writes the bytes of a stream to a borrowed descriptor, in order from its offset 0 on.
 */
#ifndef ENGINE_STREAM_SINK_H
#define ENGINE_STREAM_SINK_H

#include "engine.h"

struct sink {
    int fd;           /* -1: nothing is written */
    uint64_t written; /* bytes written, and the offset of the next */
    uint64_t hinted;  /* bytes whose write-back was requested */
    bool hints;       /* false once the file has refused a hint */
    bool uncached;    /* false once the file has refused a write past the page cache */
};

void sink_open(struct sink *sink, int fd);

/* Write all of it, or fail with ENGINE_E_WRITE and the errno in the report. */
int sink_write(struct sink *sink, const uint8_t *data, size_t size, struct engine_report *report);

#endif
