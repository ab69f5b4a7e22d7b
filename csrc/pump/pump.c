/*
 * Pumps bytes from a descriptor into a stream without passing them through Python: from files, pipes and blocking
 * sockets.
 *
 * The buffer is filled before it is handed on, so that a sender of small pieces does not cause small writes. Bytes that
 * were read are always handed on, even when the next read fails or a signal arrives: they cannot be put back into a
 * pipe. A descriptor in non-blocking mode without bytes is a read error (EAGAIN): whether to wait without a limit is
 * not decided here.
 */
#include <errno.h>
#include <unistd.h>

#include "common/assert.h"
#include "stream/stream.h"

enum source_outcome { SOURCE_FULL, SOURCE_END, SOURCE_INTERRUPTED, SOURCE_FAILED };

struct source {
    int fd;
    int64_t offset; /* of the next pread; negative: use read */
    int os_error;   /* with SOURCE_FAILED */
};

static ssize_t read_some(const struct source *source, uint8_t *buffer, size_t size)
{
    if (source->offset < 0)
        return read(source->fd, buffer, size);
    return pread(source->fd, buffer, size, (off_t)source->offset);
}

/* Read until `size` bytes are there or something else happens. `*filled` tells how many came, in any case. */
static enum source_outcome fill(struct source *source, uint8_t *buffer, size_t size, size_t *filled)
{
    *filled = 0;
    while (*filled < size) {
        const ssize_t got = read_some(source, buffer + *filled, size - *filled);
        if (got == 0)
            return SOURCE_END;
        if (got < 0) {
            source->os_error = errno;
            return errno == EINTR ? SOURCE_INTERRUPTED : SOURCE_FAILED;
        }
        *filled += (size_t)got;
        if (source->offset >= 0)
            source->offset += got;
    }
    return SOURCE_FULL;
}

static int pump_all(struct engine_stream *stream, struct source *source, uint64_t length, struct engine_report *report)
{
    while (report->moved < length) {
        const uint64_t left = length - report->moved;
        const size_t wanted = left < ENGINE_PUMP_BUFFER_SIZE ? (size_t)left : ENGINE_PUMP_BUFFER_SIZE;
        size_t filled;
        const enum source_outcome outcome = fill(source, stream->buffer, wanted, &filled);
        const int status = stream_take(stream, stream->buffer, filled, report);
        if (status != ENGINE_OK)
            return status;
        if (outcome == SOURCE_FAILED) {
            report->os_error = source->os_error;
            report->offset = stream->size;
            return ENGINE_E_READ;
        }
        report->at_end = outcome == SOURCE_END;
        if (outcome != SOURCE_FULL)
            break;
    }
    return ENGINE_OK;
}

int engine_stream_pump(engine_stream *stream, int in_fd, int64_t in_offset, uint64_t length,
                       struct engine_report *report)
{
    struct source source = {.fd = in_fd, .offset = in_offset};

    ENGINE_ASSERT(length <= ENGINE_PUMP_CALL_SIZE_MAX);
    int status = stream_begin_call(stream, report);
    if (status == ENGINE_OK && stream_buffer(stream) == NULL)
        status = ENGINE_E_MEMORY;
    if (status == ENGINE_OK)
        status = pump_all(stream, &source, length, report);
    return status;
}
