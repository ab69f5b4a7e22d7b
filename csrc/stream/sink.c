/*
 * Writes at an offset of its own, so that the descriptor's position, which others may share, is neither used nor moved.
 *
 * A part's bytes past its first mebibyte do not stay in the page cache: a huge upload would evict what others read, and
 * on a virtual machine each page by which a cache grows costs a fault of the host too, which is more than the copy.
 * Large writes carry RWF_DONTCACHE (Linux 6.14): the kernel writes them back at once and releases the pages, and the
 * next write takes the same ones. Smaller writes would be written back in pieces as small. For those, and where the
 * flag is refused, every full mebibyte is followed by the request to start its write-back, so that the fsync at the end
 * of a part finds little to do, and by the advice to drop what lies far behind. benchmarks/writing.py has the figures,
 * also of O_DIRECT: that spares the copy, but nothing is hashed while it writes.
 *
 * SYNC_FILE_RANGE_WRITE alone promises nothing and, unlike its waiting siblings, does not consume a write-back error
 * that fsync must see.
 */
#include "stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HINT_SIZE = 1024 * 1024,
    KEPT_BEHIND = 8 * HINT_SIZE, /* may still be on its way to the disk, so it is not dropped */
    UNCACHED_SIZE_MIN = 256 * 1024,
    FILE_PAGE_SIZE = 4096
};

#if defined(RWF_NOWAIT) && !defined(RWF_DONTCACHE) /* headers older than the kernel */
#define RWF_DONTCACHE 0x00000080
#endif

void sink_open(struct sink *sink, int fd)
{
    *sink = (struct sink){.fd = fd, .hints = true, .uncached = true};
}

static void hint_write_back(struct sink *sink)
{
#ifdef SYNC_FILE_RANGE_WRITE
    while (sink->hints && sink->written - sink->hinted >= HINT_SIZE) {
        sink->hints = sync_file_range(sink->fd, (off_t)sink->hinted, HINT_SIZE, SYNC_FILE_RANGE_WRITE) == 0;
        if (sink->hinted >= KEPT_BEHIND)
            (void)posix_fadvise(sink->fd, (off_t)(sink->hinted - KEPT_BEHIND), HINT_SIZE, POSIX_FADV_DONTNEED);
        sink->hinted += HINT_SIZE;
    }
#else
    (void)sink;
#endif
}

/* Whether the error may mean that the file, the kernel or a filter of system calls (EPERM) refuses such writes. A
 * plain write will show. */
static bool is_refusal(int error)
{
    return error == EOPNOTSUPP || error == EINVAL || error == ENOSYS || error == EPERM;
}

/* Write some bytes. A page that the next write completes stays cached: the kernel would have to read it back. */
static ssize_t write_some(struct sink *sink, const uint8_t *data, size_t size)
{
    const off_t offset = (off_t)sink->written;
#ifdef RWF_DONTCACHE
    const uint64_t end = sink->written + size;
    if (sink->uncached && size >= UNCACHED_SIZE_MIN && end >= HINT_SIZE) {
        const struct iovec piece = {.iov_base = (void *)data, .iov_len = size - end % FILE_PAGE_SIZE};
        const ssize_t written = pwritev2(sink->fd, &piece, 1, offset, RWF_DONTCACHE);
        if (written >= 0 || !is_refusal(errno))
            return written;
        sink->uncached = false;
    }
#endif
    return pwrite(sink->fd, data, size, offset);
}

int sink_write(struct sink *sink, const uint8_t *data, size_t size, struct engine_report *report)
{
    if (sink->fd < 0)
        return ENGINE_OK;
    while (size > 0) {
        const ssize_t written = write_some(sink, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            /* POSIX lets no write of a positive size return 0; a device that does would make this loop endless. */
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
