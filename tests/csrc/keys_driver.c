/*
 * Runs everything that handles keys while watching what is given back: every block freed by us or libcrypto, and every mapping, is
 * searched for every key there was. Or lets one allocation after the other fail.
 *
 *     keys_driver keys | memory
 *
 * Randomness is a counter here, so that a second run has the keys of the first. Link with --wrap for what begins with __wrap_ below.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "engine.h"
#include "keys/hkdf.h"
#include "keys/key.h"

enum { WANTED_MAX = 64, DATA_SIZE = 200000, SEALED_ROOM = DATA_SIZE + 1024 };

void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t size);
int __wrap_RAND_bytes(unsigned char *out, int size);
int __wrap_RAND_priv_bytes(unsigned char *out, int size);

static uint8_t wanted[WANTED_MAX][ENGINE_KEY_SIZE];
static int wanted_count;
static bool is_learning, is_searching;
static long found, searched, failing_at, allocations, blocks, mappings;
static uint32_t random_counter;

static void inspect(const void *block, size_t size)
{
    if (!is_searching || block == NULL)
        return;
    searched++;
    for (int i = 0; i < wanted_count; i++)
        if (memmem(block, size, wanted[i], ENGINE_KEY_SIZE) != NULL)
            found++;
}

static void learn(const uint8_t *bytes)
{
    if (!is_learning)
        return;
    if (wanted_count == WANTED_MAX)
        abort();
    memcpy(wanted[wanted_count++], bytes, ENGINE_KEY_SIZE);
}

static bool must_fail(void)
{
    return ++allocations == failing_at;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (must_fail() || size == 0)
        return NULL;
    blocks++;
    return __real_calloc(1, size);
}

static void give_back(void *block, const char *file, int line)
{
    (void)file, (void)line;
    if (block != NULL)
        inspect(block, malloc_usable_size(block));
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

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (must_fail())
        return MAP_FAILED;
    mappings++;
    return __real_mmap(address, size, protection, flags, fd, offset);
}

int __wrap_munmap(void *address, size_t size)
{
    inspect(address, size);
    mappings--;
    return __real_munmap(address, size);
}

int __wrap_RAND_bytes(unsigned char *out, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = (unsigned char)((random_counter += 2654435761u) >> 24);
    return 1;
}

int __wrap_RAND_priv_bytes(unsigned char *out, int size)
{
    return __wrap_RAND_bytes(out, size);
}

/* `key` is where the call that gave `status` put the key. */
static int learned(int status, engine_key *const *key)
{
    if (status == ENGINE_OK)
        learn((*key)->bytes);
    return status;
}

/* The key of the part in `sealed`, as the engine derives it for itself. */
static void learn_part(const engine_key *upload_key, const uint8_t *sealed)
{
    uint8_t info[53] = "partwright v1part", part[ENGINE_KEY_SIZE];
    if (!is_learning)
        return;
    memcpy(info + 17, sealed + 12, 36);
    if (hkdf_expand(upload_key->bytes, info, sizeof info, part, sizeof part) != ENGINE_OK)
        abort();
    learn(part);
}

static uint8_t data[DATA_SIZE], sealed[SEALED_ROOM], out[SEALED_ROOM];

static int in_memory(const engine_key *upload_key, const engine_key *other)
{
    const size_t size = engine_sealed_size(DATA_SIZE);
    int status = engine_seal(upload_key, 3, data, DATA_SIZE, sealed);
    if (status != ENGINE_OK)
        return status;
    learn_part(upload_key, sealed);
    status = engine_unseal(upload_key, 3, sealed, size, out);
    const int wrong = engine_unseal(other, 3, sealed, size, out);
    sealed[size - 1] ^= 1;
    const int damaged = engine_unseal(upload_key, 3, sealed, size, out);
    if (status == ENGINE_OK && wrong != ENGINE_E_MEMORY && wrong != ENGINE_E_LIBCRYPTO && wrong != ENGINE_E_KEY_MISMATCH)
        abort();
    if (status == ENGINE_OK && damaged == ENGINE_OK)
        abort();
    return status != ENGINE_OK                    ? status
           : wrong != ENGINE_E_KEY_MISMATCH      ? wrong
           : damaged != ENGINE_E_SEALED_DAMAGED ? damaged
                                                : ENGINE_OK;
}

static int write_file(const engine_key *upload_key, int fd)
{
    struct engine_report report;
    engine_stream *stream;
    int status = engine_stream_open_sealed(ENGINE_DIGEST_MD5 | ENGINE_DIGEST_SHA256, fd, upload_key, 4, &stream);
    if (status != ENGINE_OK)
        return status;
    for (size_t done = 0; status == ENGINE_OK && done < DATA_SIZE; done += 50000)
        status = engine_stream_update(stream, data + done, 50000, &report);
    if (status == ENGINE_OK)
        status = engine_stream_finish(stream, &report);
    engine_stream_close(stream);
    return status;
}

static int read_file(const engine_key *upload_key, int fd)
{
    struct engine_report report;
    engine_unsealer *unsealer;
    engine_stream *stream;
    if (pread(fd, sealed, ENGINE_SEALED_HEADER_SIZE, 0) != ENGINE_SEALED_HEADER_SIZE)
        abort();
    learn_part(upload_key, sealed);
    int status = engine_unsealer_open(upload_key, 4, fd, &unsealer, &report);
    if (status != ENGINE_OK)
        return status;
    status = engine_unsealer_read(unsealer, 65000, out, 2000, &report);
    if (status == ENGINE_OK && memcmp(out, data + 65000, 2000) != 0)
        abort();
    if (status == ENGINE_OK)
        status = engine_stream_open(ENGINE_DIGEST_MD5, -1, &stream);
    if (status == ENGINE_OK) {
        status = engine_unsealer_feed(unsealer, 1, DATA_SIZE, stream, &report);
        engine_stream_close(stream);
    }
    engine_unsealer_close(unsealer);
    return status;
}

static int through_file(const engine_key *upload_key)
{
    const int fd = memfd_create("sealed", 0);
    int status = write_file(upload_key, fd);
    if (status == ENGINE_OK)
        status = read_file(upload_key, fd);
    close(fd);
    return status;
}

static int with_upload_key(const engine_key *data_key, const engine_key *other)
{
    engine_key *upload_key;
    int status = learned(engine_key_derive(data_key, NULL, 0, (const uint8_t *)"data", 4, &upload_key), &upload_key);
    if (status != ENGINE_OK)
        return status;
    status = in_memory(upload_key, other);
    if (status == ENGINE_OK)
        status = through_file(upload_key);
    engine_key_close(upload_key);
    return status;
}

static int wrap_and_unwrap(const engine_key *wrapping, engine_key **data_key)
{
    static const uint8_t nonce[ENGINE_NONCE_SIZE];
    uint8_t wrapped[ENGINE_WRAPPED_KEY_SIZE];
    engine_key *drawn;
    int status = learned(engine_key_random(&drawn), &drawn);
    if (status != ENGINE_OK)
        return status;
    status = engine_key_wrap(wrapping, nonce, NULL, 0, drawn, wrapped);
    engine_key_close(drawn);
    return status == ENGINE_OK ? engine_key_unwrap(wrapping, nonce, NULL, 0, wrapped, data_key) : status;
}

static int with_root(const engine_key *root)
{
    uint8_t digest[32];
    engine_key *wrapping = NULL, *data_key = NULL;
    if (hkdf_extract((const uint8_t *)"salt", 4, root->bytes, ENGINE_KEY_SIZE, digest) == ENGINE_OK)
        learn(digest); /* what extract gives and expand takes lies on the stack, and in libcrypto's contexts */
    int status = learned(engine_key_derive(root, (const uint8_t *)"salt", 4, (const uint8_t *)"wrap", 4, &wrapping), &wrapping);
    if (status == ENGINE_OK)
        status = engine_key_hmac(root, digest, 0, digest);
    if (status == ENGINE_OK)
        status = engine_key_md5(root, digest);
    if (status == ENGINE_OK)
        status = engine_key_commit(root, (const uint8_t *)"salt", 4, (const uint8_t *)"commit", 6, digest);
    if (status == ENGINE_OK)
        status = wrap_and_unwrap(wrapping, &data_key);
    if (status == ENGINE_OK)
        status = with_upload_key(data_key, root);
    engine_key_close(data_key);
    engine_key_close(wrapping);
    return status;
}

static int scenario(void)
{
    static const char text[] = "bWFya2VkIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
    engine_key *root;
    random_counter = 1;
    int status = learned(engine_key_of_base64(text, sizeof text - 1, &root), &root);
    if (status != ENGINE_OK)
        return status;
    status = with_root(root);
    engine_key_close(root);
    return status;
}

static int search_for_keys(void)
{
    is_learning = true;
    const int first = scenario();
    is_learning = false;
    is_searching = true;
    void *const control = allocate(64, "", 0);
    memcpy((char *)control + 7, wanted[wanted_count - 1], ENGINE_KEY_SIZE);
    give_back(control, "", 0);
    printf("found when not wiped: %ld\n", found);
    found = 0;
    const int second = scenario();
    printf("keys: %d\nsearched: %ld\nfound: %ld\n", wanted_count, searched, found);
    return first != ENGINE_OK || second != ENGINE_OK;
}

/* Let one allocation after the other fail until none is left to fail; the number of those that were felt. */
static long starve(void)
{
    long failures = 0;
    for (long n = 1;; n++) {
        allocations = 0;
        failing_at = n;
        failures += scenario() != ENGINE_OK;
        failing_at = 0;
        ERR_clear_error();
        if (allocations < n)
            return failures;
    }
}

static int run_without_memory(void)
{
    is_learning = true;
    (void)scenario();
    is_learning = false;
    is_searching = true;
    (void)starve(); /* lets libcrypto fill its caches */
    const long blocks_before = blocks, mappings_before = mappings;
    const long failures = starve();
    printf("failures: %ld\nlost blocks: %ld\nlost mappings: %ld\nfound: %ld\n", failures, blocks - blocks_before,
           mappings - mappings_before, found);
    return 0;
}

int main(int argc, char **argv)
{
    if (CRYPTO_set_mem_functions(allocate, resize, give_back) != 1 || engine_init() != ENGINE_OK || argc != 2)
        return 2;
    memset(data, 'x', sizeof data);
    return strcmp(argv[1], "keys") == 0 ? search_for_keys() : run_without_memory();
}
