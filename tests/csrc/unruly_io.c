/*
 * Preloaded over libc: read, pread and pwrite that behave as badly as POSIX allows. UNRULY_IO is a seed for short counts and EINTR.
 * UNRULY_HINTS logs calls of sync_file_range into the file of that name, a line of offset, size and flags each, and those of
 * posix_fadvise and of writes with UNRULY_UNCACHED; UNRULY_HINTS_REFUSED refuses hints. UNRULY_MEMORY has no pages for the C core, once.
 * UNRULY_UNCACHED says what becomes of writes past the page cache, a letter a call, the last one of all that follow: `a`ll is written,
 * `s`ome is, `i`nterrupted, `r`efused by the file system, `v`: invalid, `f`ailed, `n`ever to be called. File systems need not have them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long long state;

static unsigned next_random(void)
{
    if (state == 0)
        state = strtoull(getenv("UNRULY_IO"), NULL, 10) * 2 + 1;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33);
}

/* 0: be interrupted; otherwise how much of `size` to do. */
static size_t mood(size_t size)
{
    const unsigned dice = next_random() % 4;
    if (dice == 0 || size == 0)
        return 0;
    return dice == 1 ? 1 : next_random() % size + 1;
}

#define MISBEHAVE(function, fd, ...)                                     \
    if (getenv("UNRULY_IO") != NULL && fd > 2 && size > 0) {             \
        size = mood(size);                                               \
        if (size == 0) {                                                 \
            errno = EINTR;                                               \
            return -1;                                                   \
        }                                                                \
    }                                                                    \
    return real_##function(fd, __VA_ARGS__)

#define REAL(type, function, ...)                                        \
    static type (*real_##function)(__VA_ARGS__);                         \
    if (real_##function == NULL)                                         \
        *(void **)&real_##function = dlsym(RTLD_NEXT, #function)

ssize_t read(int fd, void *buffer, size_t size)
{
    REAL(ssize_t, read, int, void *, size_t);
    MISBEHAVE(read, fd, buffer, size);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
    REAL(ssize_t, pread, int, void *, size_t, off_t);
    MISBEHAVE(pread, fd, buffer, size, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    MISBEHAVE(pwrite, fd, buffer, size, offset);
}

static void log_hint(long long offset, long long size, const char *kind, unsigned flags)
{
    if (getenv("UNRULY_HINTS") != NULL) {
        FILE *log = fopen(getenv("UNRULY_HINTS"), "a");
        fprintf(log, "%s%lld %lld %u\n", kind, offset, size, flags);
        fclose(log);
    }
}

static ssize_t write_uncached(int fd, const struct iovec *piece, off_t offset)
{
    static size_t calls;
    const char *plan = getenv("UNRULY_UNCACHED");
    const char outcome = plan[calls < strlen(plan) ? calls : strlen(plan) - 1];

    calls++;
    log_hint(offset, (long long)piece->iov_len, "uncached ", 0);
    errno = outcome == 'i' ? EINTR : outcome == 'r' ? EOPNOTSUPP : outcome == 'v' ? EINVAL : EIO;
    if (outcome == 'a' || outcome == 's')
        return pwrite(fd, piece->iov_base, outcome == 'a' ? piece->iov_len : piece->iov_len / 3 + 1, offset);
    if (outcome == 'n')
        abort();
    return -1;
}

ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    if (count != 1 || flags != 0x80)
        abort();
    if (getenv("UNRULY_UNCACHED") != NULL)
        return write_uncached(fd, pieces, offset);
    return pwrite(fd, pieces->iov_base, pieces->iov_len, offset);
}

/* Only the C core finds no memory, once; Python has its arenas from mmap too. */
static int is_of_the_core(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 && strstr(info.dli_fname, "_native") != NULL;
}

void *mmap(void *start, size_t size, int protection, int flags, int fd, off_t offset)
{
    REAL(void *, mmap, void *, size_t, int, int, int, off_t);
    if (getenv("UNRULY_MEMORY") != NULL && is_of_the_core(__builtin_return_address(0))) {
        unsetenv("UNRULY_MEMORY");
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real_mmap(start, size, protection, flags, fd, offset);
}

int posix_fadvise(int fd, off_t offset, off_t size, int advice)
{
    (void)fd;
    log_hint(offset, size, "advise ", (unsigned)advice);
    return 0;
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    (void)fd;
    log_hint(offset, size, "", flags);
    if (getenv("UNRULY_HINTS_REFUSED") != NULL) {
        errno = ESPIPE;
        return -1;
    }
    return 0;
}
