/*
 * Fuzzes the stream with pieces of any sizes. This must hold: the digests are those that each algorithm's last row,
 * which runs on any processor, gives for the whole; the file holds the whole, or opens to it if it was sealed.
 *
 *     byte 0       which digests          byte 1      bit 0: sealed; bit 1: pumps from a file alternate with updates
 *     bytes 2-5    how it is cut          the rest    the bytes, repeated up to 8 times so that segments fill
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/assert.h"
#include "engine.h"

enum { HEAD = 6, PART_NUMBER = 3, REPEATS_MAX = 8, PIECE_MAX = 200000 };

struct body {
    uint8_t *data;
    size_t size;
};

static uint32_t next_cut(uint32_t *state)
{
    *state = *state * 1103515245 + 12345;
    const uint32_t drawn = *state >> 8;
    return drawn % 3 == 0 ? drawn % 130 : drawn % 3 == 1 ? drawn % 70000 : drawn % PIECE_MAX;
}

static struct body repeated(const uint8_t *data, size_t size, uint32_t times)
{
    struct body body = {malloc(size * times + 1), size * times};
    for (uint32_t i = 0; i < times; i++)
        memcpy(body.data + i * size, data, size);
    return body;
}

static void feed(engine_stream *stream, struct body body, uint32_t cuts, bool pumps)
{
    struct engine_report report;
    const int source = memfd_create("source", 0);
    ENGINE_ASSERT(write(source, body.data, body.size) == (ssize_t)body.size);
    for (size_t done = 0; done < body.size;) {
        const uint32_t cut = next_cut(&cuts);
        const size_t piece = cut < body.size - done ? cut : body.size - done;
        const int status = pumps && (cuts >> 20 & 1) != 0
                               ? engine_stream_pump(stream, source, (int64_t)done, piece, &report)
                               : engine_stream_update(stream, body.data + done, piece, &report);
        ENGINE_ASSERT(status == ENGINE_OK && report.moved == piece);
        done += piece;
    }
    ENGINE_ASSERT(engine_stream_finish(stream, &report) == ENGINE_OK && report.size == body.size);
    close(source);
}

/* The row of an algorithm that runs on any processor. */
static int last_row(int algorithm)
{
    struct engine_row_info row;
    int last = -1;
    for (int i = 0; i < engine_row_count(); i++) {
        engine_row_describe(i, &row);
        if (row.family == ENGINE_ROW_DIGEST && row.digests == 1u << algorithm)
            last = row.index;
    }
    return last;
}

static void check_digests(engine_stream *stream, uint32_t digests, struct body body)
{
    uint8_t got[ENGINE_DIGEST_SIZE_MAX], wanted[ENGINE_DIGEST_SIZE_MAX];
    for (int i = 0; i < ENGINE_ALGORITHM_COUNT; i++) {
        if ((digests >> i & 1) == 0)
            continue;
        engine_stream_digest(stream, i, got);
        ENGINE_ASSERT(engine_digest_row_run(i, last_row(i), body.data, body.size, wanted) == ENGINE_OK);
        ENGINE_ASSERT(memcmp(got, wanted, (size_t)engine_algorithm_digest_size(i)) == 0);
    }
}

static void check_written(int fd, const engine_key *key, struct body body)
{
    const size_t size = key != NULL ? engine_sealed_size(body.size) : body.size;
    ENGINE_ASSERT(lseek(fd, 0, SEEK_END) == (off_t)size);
    uint8_t *const stored = malloc(size + 1), *const plain = malloc(body.size + 1);
    ENGINE_ASSERT(pread(fd, stored, size, 0) == (ssize_t)size);
    if (key != NULL)
        ENGINE_ASSERT(engine_unseal(key, PART_NUMBER, stored, size, plain) == ENGINE_OK);
    ENGINE_ASSERT(memcmp(key != NULL ? plain : stored, body.data, body.size) == 0);
    free(plain);
    free(stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t root[ENGINE_KEY_SIZE] = "thirty-two bytes of part root...";
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    if (size < HEAD)
        return 0;
    const uint32_t digests = data[0] & ((1u << ENGINE_ALGORITHM_COUNT) - 1);
    uint32_t cuts;
    memcpy(&cuts, data + 2, sizeof cuts);
    const struct body body = repeated(data + HEAD, size - HEAD, cuts % REPEATS_MAX + 1);
    engine_key *key = NULL;
    engine_stream *stream;
    const int fd = memfd_create("sink", 0);
    if ((data[1] & 1) != 0)
        ENGINE_ASSERT(engine_key_of_bytes(root, &key) == ENGINE_OK);
    ENGINE_ASSERT((key != NULL ? engine_stream_open_sealed(digests, fd, key, PART_NUMBER, &stream)
                               : engine_stream_open(digests, fd, &stream)) == ENGINE_OK);
    feed(stream, body, cuts, (data[1] & 2) != 0);
    check_digests(stream, digests, body);
    check_written(fd, key, body);
    engine_stream_close(stream);
    engine_key_close(key);
    close(fd);
    free(body.data);
    return 0;
}
