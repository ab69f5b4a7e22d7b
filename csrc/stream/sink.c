/*
 * Writing with pwrite at an offset of our own, so that the descriptor's position, which others may share, is neither used nor moved.
 *
 * Every full mebibyte is followed by the request to start its write-back, so that the fsync at the end of a part finds little to do.
 * SYNC_FILE_RANGE_WRITE alone promises nothing and, unlike its waiting siblings, does not consume a write-back error that fsync must see.
 */
#include "stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { HINT_SIZE = 1024 * 1024 };

void sink_open(struct sink *sink, int fd)
{
    *sink = (struct sink){.fd = fd, .hints = true};
}

static void hint_write_back(struct sink *sink)
{
#ifdef SYNC_FILE_RANGE_WRITE
    while (sink->hints && sink->written - sink->hinted >= HINT_SIZE) {
        sink->hints = sync_file_range(sink->fd, (off_t)sink->hinted, HINT_SIZE, SYNC_FILE_RANGE_WRITE) == 0;
        sink->hinted += HINT_SIZE;
    }
#else
    (void)sink;
#endif
}

int sink_write(struct sink *sink, const uint8_t *data, size_t size, struct engine_report *report)
{
    if (sink->fd < 0)
        return ENGINE_OK;
    while (size > 0) {
        const ssize_t written = pwrite(sink->fd, data, size, (off_t)sink->written);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            /* POSIX lets no write of a positive size return 0; a device that does would loop here for ever. */
            report->os_error = written < 0 ? errno : EIO;
            report->offset = sink->written;
            return ENGINE_E_WRITE;
        }
        data += written;
        size -= (size_t)written;
        sink->written += (uint64_t)written;
    }
    hint_write_back(sink);
    return ENGINE_OK;
}
