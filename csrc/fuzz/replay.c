/*
 * A main for a fuzz target where there is no libFuzzer: it runs the target over files, and over blind mutations of
 * them.
 *
 *     replay RUNS SEED FILE...        each file once as it is, then RUNS mutations of the files
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 1 << 17 };

struct sample {
    uint8_t *data;
    size_t size;
};

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return below == 0 ? 0 : (uint32_t)(random_state >> 33) % below;
}

static struct sample load(const char *path)
{
    FILE *const file = fopen(path, "rb");
    struct sample sample = {malloc(SIZE_LIMIT), 0};
    if (file == NULL || sample.data == NULL) {
        perror(path);
        exit(2);
    }
    sample.size = fread(sample.data, 1, SIZE_LIMIT, file);
    fclose(file);
    return sample;
}

/* Change, insert or delete a few bytes, or put in a piece of another sample. */
static size_t mutate(uint8_t *data, size_t size, const struct sample *other)
{
    const size_t at = next_random((uint32_t)size + 1), tail = size - at;
    size_t length = 1 + next_random(8);
    switch (next_random(4)) {
    case 0:
        if (at < size)
            data[at] ^= (uint8_t)(1u << next_random(8));
        return size;
    case 1:
        length = length < tail ? length : tail;
        memmove(data + at, data + at + length, tail - length);
        return size - length;
    case 2:
        memmove(data + at + length, data + at, tail);
        for (size_t i = 0; i < length; i++)
            data[at + i] = (uint8_t)"\r\n0123456789abcdef:;-=x"[next_random(23)];
        return size + length;
    default: {
        const size_t from = next_random((uint32_t)other->size + 1);
        length = other->size - from < length * 8 ? other->size - from : length * 8;
        memmove(data + at + length, data + at, tail);
        memcpy(data + at, other->data + from, length);
        return size + length;
    }
    }
}

static void run_mutations(long runs, const struct sample *samples, int count)
{
    uint8_t *const data = malloc(SIZE_LIMIT + 1024);
    for (long run = 0; run < runs; run++) {
        const struct sample *const sample = samples + next_random((uint32_t)count);
        size_t size = sample->size;
        memcpy(data, sample->data, size);
        for (uint32_t times = 1 + next_random(4); times > 0; times--)
            size = mutate(data, size, samples + next_random((uint32_t)count));
        uint8_t *const exact = malloc(size);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    free(data);
}

int main(int argc, char **argv)
{
    const int count = argc - 3;
    if (count < 1) {
        fprintf(stderr, "usage: replay RUNS SEED FILE...\n");
        return 2;
    }
    struct sample *const samples = calloc((size_t)count, sizeof *samples);
    random_state = strtoull(argv[2], NULL, 10);
    for (int i = 0; i < count; i++) {
        samples[i] = load(argv[3 + i]);
        LLVMFuzzerTestOneInput(samples[i].data, samples[i].size);
    }
    run_mutations(strtol(argv[1], NULL, 10), samples, count);
    for (int i = 0; i < count; i++)
        free(samples[i].data);
    free(samples);
    printf("%d files and %s mutations, seed %s\n", count, argv[1], argv[2]);
    return 0;
}
