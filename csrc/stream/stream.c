/*
 * The one pass over a part. Bytes come in by update, by the pump or decoded from chunks. They are digested and, if a
 * key was given, sealed, at once where a fused row can, and leave into the sink.
 *
 *     STREAM_OPEN --finish--> STREAM_FINISHED        a failure after bytes were taken: --> STREAM_BROKEN
 *
 * The buffer is mapped from the system and unmapped with the stream: malloc would keep one for every stream that was
 * ever open at once.
 */
#include "stream/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/assert.h"
#include "kernels/registry.h"

/* A span is what a single write takes. */
enum { SPAN_SIZE = ENGINE_PUMP_BUFFER_SIZE };

int engine_stream_open(uint32_t digests, int out_fd, engine_stream **stream)
{
    ENGINE_ASSERT(digests >> ENGINE_ALGORITHM_COUNT == 0);
    *stream = calloc(1, sizeof **stream);
    if (*stream == NULL)
        return ENGINE_E_MEMORY;
    sink_open(&(*stream)->sink, out_fd);
    const int status = digests_begin(&(*stream)->digests, digests);
    if (status != ENGINE_OK) {
        engine_stream_close(*stream);
        *stream = NULL;
    }
    return status;
}

int engine_stream_open_sealed(uint32_t digests, int out_fd, const engine_key *upload_key, uint32_t part_number,
                              engine_stream **stream)
{
    int status = engine_stream_open(digests, out_fd, stream);
    if (status != ENGINE_OK)
        return status;
    status = sealer_open(&(*stream)->sealer, upload_key, part_number);
    if (status != ENGINE_OK) {
        engine_stream_close(*stream);
        *stream = NULL;
    }
    return status;
}

void engine_stream_close(engine_stream *stream)
{
    if (stream == NULL)
        return;
    sealer_close(stream->sealer);
    digests_discard(&stream->digests);
    if (stream->buffer != NULL)
        munmap(stream->buffer, ENGINE_PUMP_BUFFER_SIZE);
    free(stream);
}

uint8_t *stream_buffer(struct engine_stream *stream)
{
    if (stream->buffer != NULL)
        return stream->buffer;
    void *const pages = mmap(NULL, ENGINE_PUMP_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stream->buffer = pages != MAP_FAILED ? pages : NULL;
    return stream->buffer;
}

int stream_begin_call(const struct engine_stream *stream, struct engine_report *report)
{
    /* Set each field by itself: another thread may be reading the size, and must not see it cleared. */
    report->size = stream->size;
    report->moved = 0;
    report->at_end = false;
    report->os_error = 0;
    report->offset = 0;
    switch (stream->state) {
    case STREAM_OPEN:
        return ENGINE_OK;
    case STREAM_FINISHED:
        return ENGINE_E_STREAM_FINISHED;
    case STREAM_BROKEN:
        break;
    }
    return ENGINE_E_STREAM_BROKEN;
}

/* Seal segment by segment. Each is digested when it is sealed, unless so many streams do the same that it pays to
 * meet them less often. */
static int seal_span(struct engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report)
{
    int status = ENGINE_OK;
    if (size > ENGINE_SEGMENT_SIZE && digests_in_company(&stream->digests)) {
        status = sealer_digest_ahead(stream->sealer, &stream->digests);
        if (status == ENGINE_OK)
            status = digests_go_ahead(&stream->digests, data, size);
    }
    while (size > 0 && status == ENGINE_OK) {
        const size_t room = sealer_room(stream->sealer), piece = size < room ? size : room;
        status = sealer_take(stream->sealer, data, piece, piece < size, &stream->digests, &stream->sink, report);
        data += piece;
        size -= piece;
    }
    sealer_wipe_key(stream->sealer);
    return status;
}

static int take_span(struct engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report)
{
    if (stream->sealer != NULL)
        return seal_span(stream, data, size, report);
    const int status = digest_span(&stream->digests, data, size);
    return status == ENGINE_OK ? sink_write(&stream->sink, data, size, report) : status;
}

/* Wipe the keys as soon as they are not needed, not only when the handle is closed. */
static void end_sealing(engine_stream *stream)
{
    sealer_close(stream->sealer);
    stream->sealer = NULL;
}

int stream_take(struct engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report)
{
    ENGINE_ASSERT(stream->state == STREAM_OPEN);
    while (size > 0) {
        const size_t span = size < SPAN_SIZE ? size : SPAN_SIZE;
        const int status = take_span(stream, data, span, report);
        if (status != ENGINE_OK) {
            stream->state = STREAM_BROKEN;
            end_sealing(stream);
            return status;
        }
        data += span;
        size -= span;
        stream->size += span;
        report->moved += span;
        report->size = stream->size;
    }
    return ENGINE_OK;
}

int engine_stream_update(engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report)
{
    const int status = stream_begin_call(stream, report);
    return status == ENGINE_OK ? stream_take(stream, data, size, report) : status;
}

static int finish_sealing(engine_stream *stream, struct engine_report *report)
{
    const int status =
        stream->sealer != NULL ? sealer_finish(stream->sealer, &stream->digests, &stream->sink, report) : ENGINE_OK;
    end_sealing(stream);
    return status;
}

int engine_stream_finish(engine_stream *stream, struct engine_report *report)
{
    int status = stream_begin_call(stream, report);
    if (status != ENGINE_OK)
        return status == ENGINE_E_STREAM_FINISHED ? ENGINE_OK : status;
    status = finish_sealing(stream, report);
    if (status == ENGINE_OK)
        status = digests_finish(&stream->digests);
    stream->state = status == ENGINE_OK ? STREAM_FINISHED : STREAM_BROKEN;
    return status;
}

void engine_stream_digest(engine_stream *stream, int algorithm, uint8_t *out)
{
    ENGINE_ASSERT(algorithm >= 0 && algorithm < ENGINE_ALGORITHM_COUNT);
    ENGINE_ASSERT((stream->digests.set >> algorithm & 1) != 0 && stream->state == STREAM_FINISHED);
    memcpy(out, stream->digests.results[algorithm], registry_algorithm(algorithm)->digest_size);
}
