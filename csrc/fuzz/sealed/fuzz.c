/*
 * Fuzzes the readers of sealed parts with bytes that may be a sealed part. Besides what the sanitizers check, this must
 * hold: the reader of memory and the reader of files agree, the latter at any offset; a refused part leaves no
 * plaintext.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/assert.h"
#include "engine.h"

enum { PART_NUMBER = 7 };

static engine_key *open_key(void)
{
    static const uint8_t bytes[ENGINE_KEY_SIZE] = "thirty-two bytes of part root...";
    engine_key *key;
    ENGINE_ASSERT(engine_init() == ENGINE_OK && engine_key_of_bytes(bytes, &key) == ENGINE_OK);
    return key;
}

/* Read the file in pieces of pseudo-random sizes, the last ones first; ENGINE_OK if all of it is `plain`. */
static int read_backwards(engine_unsealer *unsealer, uint64_t size, const uint8_t *plain)
{
    struct engine_report report;
    uint32_t cuts = (uint32_t)size + 1;
    for (uint64_t end = size; end > 0;) {
        cuts = cuts * 1103515245 + 12345;
        const uint64_t piece = cuts / 65536 % end + 1, start = end - piece;
        uint8_t *const out = malloc(piece);
        const int status = engine_unsealer_read(unsealer, start, out, piece, &report);
        ENGINE_ASSERT(status != ENGINE_OK || report.moved == piece);
        ENGINE_ASSERT(status != ENGINE_OK || plain == NULL || memcmp(out, plain + start, piece) == 0);
        free(out);
        if (status != ENGINE_OK)
            return status;
        end = start;
    }
    return ENGINE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    engine_key *const key = open_key();
    uint8_t *const plain = calloc(1, size + 1);
    const int in_memory = engine_unseal(key, PART_NUMBER, data, size, plain);
    for (size_t i = 0; in_memory != ENGINE_OK && i < size; i++)
        ENGINE_ASSERT(plain[i] == 0);

    struct engine_report report;
    engine_unsealer *unsealer;
    const int fd = memfd_create("sealed", 0);
    ENGINE_ASSERT(write(fd, data, size) == (ssize_t)size);
    int in_file = engine_unsealer_open(key, PART_NUMBER, fd, &unsealer, &report);
    if (in_file == ENGINE_OK) {
        const uint64_t plain_size = engine_unsealer_size(unsealer);
        ENGINE_ASSERT(engine_sealed_size(plain_size) == size);
        in_file = read_backwards(unsealer, plain_size, in_memory == ENGINE_OK ? plain : NULL);
        engine_unsealer_close(unsealer);
    }
    ENGINE_ASSERT((in_file == ENGINE_OK) == (in_memory == ENGINE_OK));
    close(fd);
    free(plain);
    engine_key_close(key);
    return 0;
}
