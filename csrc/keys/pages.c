/*
 * Every taker gets a mapping of its own: MADV_DONTDUMP works on whole pages, and nothing else may share them.
 *
 * Plaintext behind the keys is not wiped, but nobody sees it again either: the system clears pages before it gives them
 * to another process. Wiping a buffer of which a small part has used little would cost more than encrypting the part.
 *
 * The system may refuse mlock (RLIMIT_MEMLOCK) and MADV_DONTDUMP (other than Linux) without harm to the work. A fork
 * leaves the pages readable in the child, which needs the keys of an open store as much as its parent.
 */
#include "keys/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

static size_t whole_pages(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *secret_pages_take(size_t size)
{
    const size_t room = whole_pages(size);
    void *const pages = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
#ifdef MADV_DONTDUMP
    (void)madvise(pages, room, MADV_DONTDUMP);
#endif
    (void)mlock(pages, size < KEY_ROOM ? size : KEY_ROOM);
    return pages;
}

void secret_pages_give_back(void *pages, size_t size)
{
    if (pages == NULL)
        return;
    OPENSSL_cleanse(pages, size < KEY_ROOM ? size : KEY_ROOM);
    (void)munmap(pages, whole_pages(size));
}
