/*
 * The whole surface Python may call, and the only declaration of it.
 *
 * The region between the two cffi markers is read twice: by the compiler, and by cffi_build.py, which hands it to cffi as the cdef.
 * So a changed signature breaks the build and not a user. What cffi's parser refuses stays outside: conditionals, attributes,
 * constant expressions in a #define.
 *
 * Conventions. A fallible function returns 0 or a count, or a negative enum engine_status. Nothing prints, nothing throws, nothing is
 * allocated by one side and freed by the other. No pointer is kept past the call. There is no mutable state outside the handles once
 * engine_init() has returned, so different threads may use different handles freely; one handle belongs to one thread at a time.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cffi:begin */

/* ---- Outcomes. engine/errors.py has one exception class for each ENGINE_E_*; a test demands it. ---- */

enum engine_status {
    ENGINE_OK = 0,
    ENGINE_E_MEMORY = -1,          /* an allocation failed */
    ENGINE_E_LIBCRYPTO = -2,       /* libcrypto refused a digest (a provider without it, or no memory) */
    ENGINE_E_READ = -3,            /* read or pread failed; os_error says why. The stream may go on. */
    ENGINE_E_WRITE = -4,           /* pwrite failed; os_error says why. The stream is broken from here on. */
    ENGINE_E_STREAM_FINISHED = -5, /* bytes were offered after a digest had been taken */
    ENGINE_E_STREAM_BROKEN = -6,   /* an earlier call failed half way: neither the digests nor the file can be trusted */
    ENGINE_E_CPU_FEATURE = -7,     /* ENGINE_CPU_DISABLE holds a name that is no feature of ours */
    ENGINE_E_SELF_TEST = -8,       /* an algorithm has no row that passes its known-answer tests */
    ENGINE_E_KERNEL_UNUSABLE = -9, /* a row was addressed that this processor lacks, that is switched off, or that failed its test */
    ENGINE_E_FILE_SYSTEM = -10     /* fstatfs failed; os_error says why */
};

/* What a call has to tell besides its status. Filled by every function that takes one, on success and on failure. */
struct engine_report {
    uint64_t size;   /* bytes the stream has taken in all; kept from call to call, and up to date also while one runs */
    uint64_t moved;  /* bytes this call took into the stream */
    bool at_end;     /* the input said end of file */
    int os_error;    /* errno of the failed system call, else 0 */
    uint64_t offset; /* where in the stream the failed system call stood */
};

/* ---- Start ---- */

/* Detect the processor, obey ENGINE_CPU_DISABLE, test every row and choose one per algorithm. Runs once however often it is called;
 * everything else in this header may be called only after it has returned ENGINE_OK. Exceptions, for telling what is wrong: after
 * ENGINE_E_CPU_FEATURE the names of the features, after ENGINE_E_SELF_TEST also the table of rows. */
int engine_init(void);

/* "ENGINE_E_WRITE" for ENGINE_E_WRITE; NULL for a number that is no status. */
const char *engine_status_name(int status);

/* The version text of the libcrypto in use (not the one compiled against). */
const char *engine_libcrypto_version(void);

/* ---- Processor features: Linux's names, see /proc/cpuinfo ---- */

int engine_cpu_feature_count(void);
const char *engine_cpu_feature_name(int feature);
bool engine_cpu_feature_detected(int feature); /* the processor and the operating system have it */
bool engine_cpu_feature_usable(int feature);   /* detected, and not in ENGINE_CPU_DISABLE */

/* ---- Algorithms and their kernel rows, best row first ---- */

enum engine_digest {
    ENGINE_DIGEST_MD5 = 1,
    ENGINE_DIGEST_SHA1 = 2,
    ENGINE_DIGEST_SHA256 = 4,
    ENGINE_DIGEST_SHA512 = 8,
    ENGINE_DIGEST_CRC32 = 16,   /* ISO-HDLC, zlib's */
    ENGINE_DIGEST_CRC32C = 32,  /* Castagnoli, RFC 3720 */
    ENGINE_DIGEST_CRC64NVME = 64
};

enum { ENGINE_DIGEST_SIZE_MAX = 64, ENGINE_ALGORITHM_COUNT = 7, ENGINE_CRCS = 112 /* the ENGINE_DIGEST_CRC* bits */ };

/* An algorithm is addressed by its index, 0 to ENGINE_ALGORITHM_COUNT - 1; its bit is 1 << index. */
const char *engine_algorithm_name(int algorithm);
int engine_algorithm_digest_size(int algorithm);

int engine_row_count(int algorithm);
int engine_row_chosen(int algorithm); /* the row that streams use; negative if none passed its test */
const char *engine_row_name(int algorithm, int row);
uint32_t engine_row_needs(int algorithm, int row); /* bit i: CPU feature i */
bool engine_row_usable(int algorithm, int row);

/* Digest `data` with one row; `out` takes engine_algorithm_digest_size() bytes, checksums big-endian. For tests and benchmarks. */
int engine_row_run(int algorithm, int row, const uint8_t *data, size_t size, uint8_t *out);

/* Of one of the CRC algorithms: the CRC of `count` pieces joined, from the CRCs of the pieces (engine_algorithm_digest_size() bytes each,
 * big-endian, one after the other) and their sizes in bytes. No pieces have the CRC of no bytes, which is zero. */
void engine_crc_combine(int algorithm, const uint8_t *crcs, const uint64_t *sizes, size_t count, uint8_t *out);

/* ---- The stream: the one pass over a part. Bytes go in by update or by pump, are hashed, and are written to a file. ---- */

enum {
    ENGINE_PUMP_BUFFER_SIZE = 1048576,   /* one per stream, allocated at its first pump */
    ENGINE_PUMP_CALL_SIZE_MAX = 67108864 /* callers pump at most this much a call, so that signals are heard between calls */
};

typedef struct engine_stream engine_stream;

/* Start a stream computing the digests in the bit set `digests`. `out_fd` is borrowed, never closed, and written from its offset 0 on
 * with pwrite; it must not be open with O_APPEND, which makes pwrite ignore its offset. -1: hash only. */
int engine_stream_open(uint32_t digests, int out_fd, engine_stream **stream);

/* Release everything the stream owns; NULL is allowed. */
void engine_stream_close(engine_stream *stream);

/* Take `size` bytes. */
int engine_stream_update(engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report);

/* Take up to `length` bytes from in_fd: with pread from `in_offset` on, or from the current position if that is negative.
 * report->moved < length without at_end means that a signal arrived: let its handler run, then call again. */
int engine_stream_pump(engine_stream *stream, int in_fd, int64_t in_offset, uint64_t length, struct engine_report *report);

/* Finish the stream if it is not yet finished: it takes no more bytes. */
int engine_stream_finish(engine_stream *stream);

/* Finish the stream if it is not yet finished, and copy the digest of algorithm `algorithm`, which must be among those selected. */
int engine_stream_digest(engine_stream *stream, int algorithm, uint8_t *out);

/* ---- aws-chunked: bodies sent as signed or unsigned chunks, with or without trailing headers ---- */

enum {
    ENGINE_SIGNING_KEY_SIZE = 32,
    ENGINE_CHUNKED_CONTEXT_SIZE_MAX = 256,
    ENGINE_CHUNKED_TRAILER_SIZE_MAX = 8192 /* of all lines after the last chunk, as sent */
};

/* Why a body is refused; what S3 calls that is Python's. */
enum engine_chunked_refusal {
    ENGINE_CHUNKED_ACCEPTED = 0,
    ENGINE_CHUNKED_MALFORMED = 1,         /* a chunk's header, or the CRLF after its bytes */
    ENGINE_CHUNKED_SIGNATURE_WRONG = 2,   /* of a chunk or of the trailer; also if the trailer has none */
    ENGINE_CHUNKED_CHUNK_TOO_SMALL = 3,   /* below 8192 bytes, and another came after it; the report names it */
    ENGINE_CHUNKED_TOO_LONG = 4,          /* more payload than the request said */
    ENGINE_CHUNKED_TOO_SHORT = 5,         /* the last chunk came too early */
    ENGINE_CHUNKED_TRAILER_MALFORMED = 6, /* or one that was not announced, or too long */
    ENGINE_CHUNKED_EXCESS = 7             /* bytes after the end */
};

struct engine_chunked_report {
    size_t consumed;       /* bytes of the input that were used */
    uint64_t decoded;      /* bytes of payload that this call handed on */
    bool is_complete;      /* everything has come and was right */
    int refusal;           /* an engine_chunked_refusal: final */
    uint64_t chunk_number; /* of the chunk under way, from 1; the last one has size 0 */
    uint64_t chunk_size;
};

typedef struct engine_chunked engine_chunked;

/* Start decoding a body with `decoded_length` bytes of payload. `signing_key` NULL: it is not signed, and the next two are ignored. Else
 * the key has ENGINE_SIGNING_KEY_SIZE bytes, `seed_signature` is the request's own (64 hex digits), and `context` the two lines of each
 * string to sign that do not change, time and scope, each with its LF. All are copied; the copy of the key is wiped. */
int engine_chunked_open(uint64_t decoded_length, bool has_trailer, const uint8_t *signing_key, const char *seed_signature,
                        const char *context, size_t context_size, engine_chunked **decoder);

/* Wipe and release the decoder; NULL is allowed. */
void engine_chunked_close(engine_chunked *decoder);

/* Decode a piece of the body into a stream, until the piece is used up or `decoded_max` bytes of payload have come out. */
int engine_chunked_feed(engine_chunked *decoder, const uint8_t *data, size_t size, uint64_t decoded_max, engine_stream *stream,
                        struct engine_report *stream_report, struct engine_chunked_report *report);

/* The same into a buffer. */
int engine_chunked_copy(engine_chunked *decoder, const uint8_t *data, size_t size, uint8_t *out, uint64_t out_size,
                        struct engine_chunked_report *report);

/* Of a complete body, copy the trailing headers, as lines "name:value\n" with names in lower case; returns the size, at most
 * ENGINE_CHUNKED_TRAILER_SIZE_MAX. */
size_t engine_chunked_trailer(const engine_chunked *decoder, uint8_t *out);

/* ---- The file system below ---- */

/* statfs(2)'s f_type magic of the file system fd lies on; 0 where the system has none. */
int engine_file_system_type(int fd, uint32_t *type, struct engine_report *report);

/* cffi:end */

#endif
