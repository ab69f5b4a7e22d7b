/*
 * Reads a sealed part at any offset. No plaintext is returned before its authentication tag has been verified, and a
 * range reads only the segments that it touches. A segment that is wanted whole is opened directly into the caller's
 * buffer. Of others the last one opened is kept, so that reading on in small steps does not open it again.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/assert.h"
#include "keys/pages.h"
#include "sealed/part_key.h"
#include "stream/stream.h"

struct engine_unsealer { /* keys come first */
    struct part_key part;
    struct gcm gcm;      /* wiped between calls */
    int fd;              /* borrowed; -1: the part is in memory */
    const uint8_t *data; /* the sealed part, during a call, if it is in memory */
    uint64_t sealed_size;
    uint64_t size;  /* of the plaintext */
    uint64_t last;  /* index of the last segment */
    bool holds_one; /* `segment` has the plaintext of segment `held` */
    uint64_t held;
    uint8_t segment[SEGMENT_SIZE];
    uint8_t sealed[SEALED_SEGMENT_SIZE];
};

_Static_assert(offsetof(struct engine_unsealer, segment) <= KEY_ROOM, "keys are wiped");

void engine_unsealer_close(engine_unsealer *unsealer)
{
    secret_pages_give_back(unsealer, sizeof *unsealer);
}

/* Read exactly `size` bytes at `offset` of the sealed part. */
static int fetch(const engine_unsealer *unsealer, uint64_t offset, uint8_t *out, size_t size,
                 struct engine_report *report)
{
    if (unsealer->fd < 0) {
        memcpy(out, unsealer->data + offset, size);
        return ENGINE_OK;
    }
    while (size > 0) {
        const ssize_t got = pread(unsealer->fd, out, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            report->os_error = errno;
            report->offset = offset;
            return ENGINE_E_READ;
        }
        if (got == 0)
            return ENGINE_E_SEALED_DAMAGED; /* the file has become shorter since it was opened */
        out += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return ENGINE_OK;
}

/* Compute the plaintext's size from the sealed part's. Returns false for a size that no part has. */
static bool measure(engine_unsealer *unsealer)
{
    if (unsealer->sealed_size < HEADER_SIZE + ENGINE_TAG_SIZE)
        return false;
    const uint64_t body = unsealer->sealed_size - HEADER_SIZE;
    unsealer->last = (body - 1) / SEALED_SEGMENT_SIZE;
    unsealer->size = body - (unsealer->last + 1) * ENGINE_TAG_SIZE;
    const uint64_t rest = body - unsealer->last * SEALED_SEGMENT_SIZE;
    return unsealer->last < UINT32_MAX && (rest > ENGINE_TAG_SIZE || (rest == ENGINE_TAG_SIZE && unsealer->last == 0));
}

static int begin(engine_unsealer *unsealer, const engine_key *upload_key, uint32_t part_number,
                 struct engine_report *report)
{
    uint8_t header[HEADER_SIZE];
    if (!measure(unsealer))
        return ENGINE_E_SEALED_FORMAT;
    const int status = fetch(unsealer, 0, header, sizeof header, report);
    return status == ENGINE_OK ? part_key_of_header(&unsealer->part, upload_key, part_number, header) : status;
}

static int measure_file(int fd, uint64_t *size, struct engine_report *report)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        report->os_error = errno;
        return ENGINE_E_READ;
    }
    *size = (uint64_t)facts.st_size;
    return ENGINE_OK;
}

static size_t size_of_segment(const engine_unsealer *unsealer, uint64_t index)
{
    return index < unsealer->last ? SEGMENT_SIZE : (size_t)(unsealer->size - index * SEGMENT_SIZE);
}

static int open_segment(engine_unsealer *unsealer, uint64_t index, uint8_t *out, struct engine_report *report)
{
    const size_t size = size_of_segment(unsealer, index);
    const uint64_t offset = HEADER_SIZE + index * SEALED_SEGMENT_SIZE;
    int status = fetch(unsealer, offset, unsealer->sealed, size + ENGINE_TAG_SIZE, report);
    if (status == ENGINE_OK)
        status = part_key_open(&unsealer->part, &unsealer->gcm, (uint32_t)index, index == unsealer->last,
                               unsealer->sealed, size, out);
    return status;
}

static int hold_segment(engine_unsealer *unsealer, uint64_t index, struct engine_report *report)
{
    if (unsealer->holds_one && unsealer->held == index)
        return ENGINE_OK;
    const int status = open_segment(unsealer, index, unsealer->segment, report);
    unsealer->holds_one = status == ENGINE_OK;
    unsealer->held = index;
    return status;
}

int engine_unsealer_open(const engine_key *upload_key, uint32_t part_number, int in_fd, engine_unsealer **opened,
                         struct engine_report *report)
{
    *report = (struct engine_report){0};
    engine_unsealer *const unsealer = *opened = secret_pages_take(sizeof *unsealer);
    if (unsealer == NULL)
        return ENGINE_E_MEMORY;
    unsealer->fd = in_fd;
    int status = measure_file(in_fd, &unsealer->sealed_size, report);
    if (status == ENGINE_OK)
        status = begin(unsealer, upload_key, part_number, report);
    if (status == ENGINE_OK && unsealer->size == 0)
        status = hold_segment(unsealer, 0,
                              report); /* nobody will read it, but a truncated part must not pass for an empty one */
    gcm_wipe(&unsealer->gcm);
    if (status != ENGINE_OK) {
        engine_unsealer_close(unsealer);
        *opened = NULL;
    }
    return status;
}

uint64_t engine_unsealer_size(const engine_unsealer *unsealer)
{
    return unsealer->size;
}

static int read_all(engine_unsealer *unsealer, uint64_t offset, uint8_t *out, size_t size, struct engine_report *report)
{
    while (size > 0 && offset < unsealer->size) {
        const uint64_t index = offset / SEGMENT_SIZE;
        const size_t within = offset % SEGMENT_SIZE, there = size_of_segment(unsealer, index) - within;
        const size_t piece = size < there ? size : there;
        const bool is_whole = within == 0 && piece == there && !(unsealer->holds_one && unsealer->held == index);
        const int status =
            is_whole ? open_segment(unsealer, index, out, report) : hold_segment(unsealer, index, report);
        if (status != ENGINE_OK)
            return status;
        if (!is_whole)
            memcpy(out, unsealer->segment + within, piece);
        out += piece;
        offset += piece;
        size -= piece;
        report->moved += piece;
    }
    return ENGINE_OK;
}

int engine_unsealer_read(engine_unsealer *unsealer, uint64_t offset, uint8_t *out, size_t size,
                         struct engine_report *report)
{
    *report = (struct engine_report){0};
    const int status = read_all(unsealer, offset, out, size, report);
    gcm_wipe(&unsealer->gcm);
    return status;
}

static int feed_all(engine_unsealer *unsealer, uint64_t offset, uint64_t length, struct engine_stream *stream,
                    struct engine_report *report)
{
    while (length > 0 && offset < unsealer->size) {
        const size_t within = offset % SEGMENT_SIZE;
        int status = hold_segment(unsealer, offset / SEGMENT_SIZE, report);
        if (status != ENGINE_OK)
            return status;
        const size_t there = size_of_segment(unsealer, unsealer->held) - within,
                     piece = length < there ? (size_t)length : there;
        status = stream_take(stream, unsealer->segment + within, piece, report);
        if (status != ENGINE_OK)
            return status;
        offset += piece;
        length -= piece;
    }
    return ENGINE_OK;
}

int engine_unsealer_feed(engine_unsealer *unsealer, uint64_t offset, uint64_t length, engine_stream *stream,
                         struct engine_report *report)
{
    ENGINE_ASSERT(length <= ENGINE_PUMP_CALL_SIZE_MAX);
    int status = stream_begin_call(stream, report);
    if (status == ENGINE_OK)
        status = feed_all(unsealer, offset, length, stream, report);
    gcm_wipe(&unsealer->gcm);
    return status;
}

int engine_unseal(const engine_key *upload_key, uint32_t part_number, const uint8_t *sealed, size_t sealed_size,
                  uint8_t *out)
{
    struct engine_report report = {0};
    engine_unsealer *const unsealer = secret_pages_take(sizeof *unsealer);
    if (unsealer == NULL)
        return ENGINE_E_MEMORY;
    unsealer->fd = -1;
    unsealer->data = sealed;
    unsealer->sealed_size = sealed_size;
    int status = begin(unsealer, upload_key, part_number, &report);
    uint64_t segments = 0;
    for (; status == ENGINE_OK && segments <= unsealer->last; segments++)
        status = open_segment(unsealer, segments, out + segments * SEGMENT_SIZE, &report);
    if (status != ENGINE_OK && segments > 1)
        OPENSSL_cleanse(out, (segments - 1) * SEGMENT_SIZE); /* the segment that failed is wiped already */
    gcm_wipe(&unsealer->gcm);
    engine_unsealer_close(unsealer);
    return status;
}
