/*
 * Drives the aws-chunked decoder with an allocator that can fail, and that searches what is given back for the signing key.
 * Reads the files of tests/support/fuzzing.py (see csrc/fuzz/chunked/fuzz.c for their form); prints counts, one a line.
 *
 * libcrypto's allocations come here by CRYPTO_set_mem_functions, the core's by the linker (--wrap=calloc,--wrap=free).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "engine.h"

#define CONTEXT "20260401T101112Z\n20260401/us-east-1/s3/aws4_request\n"

enum { HEAD_SIZE = 5, SIZE_LIMIT = 1 << 16 };

static const uint8_t key[] = "thirty-two bytes of signing key.";
static const char seed[] = "0000000000000000000000000000000000000000000000000000000000000000";

void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);

static long found, failing_at, allocations, blocks;

static void inspect(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), key, ENGINE_SIGNING_KEY_SIZE) != NULL)
        found++;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (++allocations == failing_at || size == 0)
        return NULL;
    blocks++;
    return __real_calloc(1, size);
}

static void give_back(void *block, const char *file, int line)
{
    (void)file, (void)line;
    inspect(block);
    blocks -= block != NULL;
    __real_free(block);
}

static void *resize(void *block, size_t size, const char *file, int line)
{
    void *const larger = allocate(size, file, line);
    if (larger != NULL && block != NULL) {
        memcpy(larger, block, malloc_usable_size(block) < size ? malloc_usable_size(block) : size);
        give_back(block, file, line);
    }
    return larger;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocate(count * size, "", 0);
}

void __wrap_free(void *block)
{
    give_back(block, "", 0);
}

enum result { FAILED, UNDER_WAY, REFUSED, COMPLETE };

/* Decode the first `size` bytes of a body in two pieces, and close the decoder. */
static enum result decode(const uint8_t *input, size_t size)
{
    static uint8_t out[SIZE_LIMIT];
    const uint8_t *const body = input + HEAD_SIZE;
    struct engine_chunked_report report;
    engine_chunked *decoder;
    int status = engine_chunked_open((uint64_t)input[1] << 8 | input[2], (input[0] & 2) != 0, (input[0] & 1) != 0 ? key : NULL, seed,
                                     CONTEXT, sizeof CONTEXT - 1, &decoder);
    if (status != ENGINE_OK)
        return FAILED;
    status = engine_chunked_copy(decoder, body, size / 2, out, sizeof out, &report);
    if (status == ENGINE_OK && report.refusal == ENGINE_CHUNKED_ACCEPTED)
        status = engine_chunked_copy(decoder, body + size / 2, size - size / 2, out, sizeof out, &report);
    const enum result result = status != ENGINE_OK                               ? FAILED
                               : report.refusal != ENGINE_CHUNKED_ACCEPTED ? REFUSED
                               : report.is_complete                        ? COMPLETE
                                                                           : UNDER_WAY;
    if (result != UNDER_WAY)
        inspect(decoder); /* the key's life is over, though the decoder's is not */
    engine_chunked_close(decoder);
    return result;
}

static size_t load(const char *path, uint8_t *input)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    const size_t size = fread(input, 1, SIZE_LIMIT, file);
    fclose(file);
    return size - HEAD_SIZE;
}

static void search_for_keys(int count, char **paths)
{
    static uint8_t input[SIZE_LIMIT];
    long results[4] = {0}, decoders = 0;
    void *const control = allocate(64, "", 0);
    memcpy((char *)control + 7, key, ENGINE_SIGNING_KEY_SIZE);
    give_back(control, "", 0);
    printf("found when not wiped: %ld\n", found);
    found = 0;
    for (int i = 0; i < count; i++) {
        const size_t size = load(paths[i], input);
        for (size_t end = 0; end <= size; end++, decoders++) {
            results[decode(input, end)]++;
            input[HEAD_SIZE + end / 2] ^= 1; /* and damaged */
            results[decode(input, end)]++;
            input[HEAD_SIZE + end / 2] ^= 1;
        }
    }
    printf("decoders: %ld\ncomplete: %ld\nrefused: %ld\nfound: %ld\n", decoders, results[COMPLETE], results[REFUSED], found);
}

/* Let one allocation after the other fail until none is left to fail; the number of those that were felt. */
static long starve(const uint8_t *input, size_t size)
{
    long failures = 0;
    for (long n = 1;; n++) {
        allocations = 0;
        failing_at = n;
        failures += decode(input, size) == FAILED;
        failing_at = 0;
        ERR_clear_error();
        if (allocations < n)
            return failures;
    }
}

static void run_without_memory(int count, char **paths)
{
    static uint8_t input[SIZE_LIMIT];
    long failures = 0, before = 0;
    for (int pass = 0; pass < 2; pass++) { /* the first lets libcrypto fill its caches */
        before = blocks;
        failures = 0;
        for (int i = 0; i < count; i++) {
            const size_t size = load(paths[i], input);
            failures += starve(input, size);
        }
    }
    printf("failures: %ld\nlost blocks: %ld\nfound: %ld\n", failures, blocks - before, found);
}

int main(int argc, char **argv)
{
    if (CRYPTO_set_mem_functions(allocate, resize, give_back) != 1 || engine_init() != ENGINE_OK || argc < 3)
        return 2;
    if (strcmp(argv[1], "keys") == 0)
        search_for_keys(argc - 2, argv + 2);
    else
        run_without_memory(argc - 2, argv + 2);
    return 0;
}
