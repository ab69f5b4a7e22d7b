/*
 * The inside of a stream, for the files by which bytes come in: update (stream.c), pump, chunked, unsealer.
 */
#ifndef ENGINE_STREAM_STREAM_H
#define ENGINE_STREAM_STREAM_H

#include "sealed/sealer.h"
#include "stream/digests.h"
#include "stream/sink.h"

enum stream_state { STREAM_OPEN, STREAM_FINISHED, STREAM_BROKEN };

struct engine_stream {
    enum stream_state state;
    uint64_t size; /* bytes taken */
    struct digests digests;
    struct sealer *sealer; /* NULL: the bytes are written as they are */
    struct sink sink;
    uint8_t *buffer; /* NULL until stream_buffer() is called */
};

/* Begin a call that brings bytes: clear the report. Returns ENGINE_OK if the stream takes bytes, else the status
 * that says why not. */
int stream_begin_call(const struct engine_stream *stream, struct engine_report *report);

/* Take bytes. Every way in leads here, and every stage sees the bytes in order. Adds what it took to report->moved;
 * any failure breaks the stream. */
int stream_take(struct engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report);

/* Return the stream's buffer of ENGINE_PUMP_BUFFER_SIZE bytes, for the pump; NULL if there is no memory for it. */
uint8_t *stream_buffer(struct engine_stream *stream);

#endif
