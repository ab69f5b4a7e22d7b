/*
 * Tells which kind of file system a descriptor lies on. The caller decides which kinds it trusts with data.
 */
#include "engine.h"

#include <errno.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

int engine_file_system_type(int fd, uint32_t *type, struct engine_report *report)
{
    *report = (struct engine_report){0};
    *type = 0;
#ifdef __linux__
    struct statfs facts;
    if (fstatfs(fd, &facts) != 0) {
        report->os_error = errno;
        return ENGINE_E_FILE_SYSTEM;
    }
    /* The magics have 32 bits; the field is signed and as wide as a word. */
    *type = (uint32_t)facts.f_type;
#else
    (void)fd;
#endif
    return ENGINE_OK;
}
