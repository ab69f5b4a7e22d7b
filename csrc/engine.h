/*
 * The whole surface that Python may call, and the only declaration of it.
 *
 * The region between the two cffi markers is read twice: by the compiler, and by cffi_build.py, which hands it to cffi
 * as the cdef. So a changed signature breaks the build and not a user. What cffi's parser refuses stays outside:
 * conditionals, attributes, constant expressions in a #define.
 *
 * Conventions. A fallible function returns 0 or a count, or a negative enum engine_status. Nothing prints, nothing
 * throws, and neither side frees what the other allocated. No pointer is kept after the call. Once engine_init() has
 * returned, only the handles hold mutable state, with one exception: the place where streams of different threads meet
 * to hash together (csrc/lanes/combiner.h). It is locked, and a forked child starts with it empty. So different threads
 * may use different handles freely, and one handle belongs to one thread at a time. A call that brings bytes may wait
 * for other threads' bytes, for some milliseconds at most.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cffi:begin */

/* ---- Outcomes. engine/native/errors.py has one exception class for each ENGINE_E_*; a test demands it. ---- */

enum engine_status {
    ENGINE_OK = 0,
    ENGINE_E_MEMORY = -1,          /* an allocation failed */
    ENGINE_E_LIBCRYPTO = -2,       /* libcrypto refused (a provider without the algorithm, no memory, no randomness) */
    ENGINE_E_READ = -3,            /* read or pread failed; os_error says why. The stream may go on. */
    ENGINE_E_WRITE = -4,           /* pwrite failed; os_error says why. The stream is broken from here on. */
    ENGINE_E_STREAM_FINISHED = -5, /* bytes were offered after the stream was finished */
    ENGINE_E_STREAM_BROKEN = -6,   /* an earlier call failed half way: digests and file are worthless */
    ENGINE_E_CPU_FEATURE = -7,     /* ENGINE_CPU_DISABLE names a feature that does not exist */
    ENGINE_E_SELF_TEST = -8,       /* an algorithm has no row that passes its known-answer tests */
    ENGINE_E_KERNEL_UNUSABLE = -9, /* the row is not usable: see struct engine_row_info */
    ENGINE_E_FILE_SYSTEM = -10,    /* fstatfs failed; os_error says why */
    ENGINE_E_KEY_TEXT = -11,       /* the text is not the base64 of a key */
    ENGINE_E_KEY_MISMATCH = -12,   /* a commitment differs: another key or another part */
    ENGINE_E_SEALED_FORMAT = -13,  /* no sealed part of a known format, or of an impossible length */
    ENGINE_E_SEALED_DAMAGED = -14  /* a tag is wrong: the bytes were changed or moved */
};

/* Details of a call besides its status. Every function that takes a report fills it, on success and on failure. */
struct engine_report {
    uint64_t size;   /* bytes the stream has taken in all; kept up to date while a call runs */
    uint64_t moved;  /* bytes this call took into the stream */
    bool at_end;     /* the input ended */
    int os_error;    /* errno of the failed system call, else 0 */
    uint64_t offset; /* where the failed system call was, in the stream or in the file */
};

/* ---- Start ---- */

/* Detect the processor, obey ENGINE_CPU_DISABLE, test every row and choose one per algorithm. It runs once however
 * often it is called. Everything else in this header may be called only after it has returned ENGINE_OK, with two
 * exceptions that help to report the failure: the names of the features after ENGINE_E_CPU_FEATURE, and those and
 * the table of rows after ENGINE_E_SELF_TEST. */
int engine_init(void);

/* "ENGINE_E_WRITE" for ENGINE_E_WRITE; NULL for a number that is no status. */
const char *engine_status_name(int status);

/* The version text of the libcrypto in use (not the one compiled against). */
const char *engine_libcrypto_version(void);

/* ---- Processor features: Linux's names, see /proc/cpuinfo ---- */

int engine_cpu_feature_count(void);
const char *engine_cpu_feature_name(int feature);
bool engine_cpu_feature_detected(int feature); /* the processor and the operating system have it */
bool engine_cpu_feature_usable(int feature);   /* detected, and not named by ENGINE_CPU_DISABLE */

/* ---- Algorithms ---- */

enum engine_digest {
    ENGINE_DIGEST_MD5 = 1,
    ENGINE_DIGEST_SHA1 = 2,
    ENGINE_DIGEST_SHA256 = 4,
    ENGINE_DIGEST_SHA512 = 8,
    ENGINE_DIGEST_CRC32 = 16,  /* ISO-HDLC, zlib's */
    ENGINE_DIGEST_CRC32C = 32, /* Castagnoli, RFC 3720 */
    ENGINE_DIGEST_CRC64NVME = 64
};

enum { ENGINE_DIGEST_SIZE_MAX = 64, ENGINE_ALGORITHM_COUNT = 7, ENGINE_CRCS = 112 /* the ENGINE_DIGEST_CRC* bits */ };

/* An algorithm is addressed by its index, 0 to ENGINE_ALGORITHM_COUNT - 1; its bit is 1 << index. */
const char *engine_algorithm_name(int algorithm);
int engine_algorithm_digest_size(int algorithm);

/* Combine the CRCs of `count` consecutive pieces into the CRC of the whole. `crcs` has
 * engine_algorithm_digest_size() bytes for each piece, big-endian, one after the other; `sizes` are in bytes.
 * Without pieces the result is zero, the CRC of no bytes. */
void engine_crc_combine(int algorithm, const uint8_t *crcs, const uint64_t *sizes, size_t count, uint8_t *out);

/* ---- Kernel rows: an implementation each of something the core computes. For tests, benchmarks and reports. ---- */

enum {
    ENGINE_NONCE_SIZE = 12,
    ENGINE_TAG_SIZE = 16,
    ENGINE_LANES_MAX = 32 /* streams that a row of lanes takes, at most */
};

enum engine_row_family {
    ENGINE_ROW_DIGEST = 0, /* one digest; every algorithm has such rows */
    ENGINE_ROW_GCM = 1,    /* AES-256-GCM */
    ENGINE_ROW_FUSED = 2,  /* the fused pass: several digests in one go, with AES-256-GCM or without */
    ENGINE_ROW_LANES = 3   /* digests of many streams at once, a lane of a vector each */
};

struct engine_row_info {
    int family;       /* an engine_row_family: it says which of the functions below runs the row */
    int index;        /* the number that function takes; a digest's counts its algorithm's rows only */
    const char *name; /* unique among the rows that compute the same */
    uint32_t digests; /* ENGINE_DIGEST_* bits, all of which it computes */
    bool seals;       /* it computes AES-256-GCM */
    int streams;      /* how many it takes at once */
    uint32_t needs;   /* bit i: CPU feature i */
    bool usable;      /* this processor has what it needs, and it gave the right answers */
    bool chosen;      /* streams use it */
};

/* Rows are numbered family by family; among those that compute the same, better ones come first. */
int engine_row_count(void);
void engine_row_describe(int row, struct engine_row_info *info);

/* Digest `data` with one row of an algorithm; `out` takes engine_algorithm_digest_size() bytes, CRCs big-endian. */
int engine_digest_row_run(int algorithm, int row, const uint8_t *data, size_t size, uint8_t *out);

/* Seal or open one message with one row of AES-256-GCM and a key of ENGINE_KEY_SIZE bytes. The sealed message is
 * ENGINE_TAG_SIZE longer. */
int engine_gcm_row_seal(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                        const uint8_t *data, size_t size, uint8_t *out);
int engine_gcm_row_open(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                        const uint8_t *sealed, size_t sealed_size, uint8_t *out);

/* Digest `data` with one row of the fused pass. If the row seals, also seal it as engine_gcm_row_seal() does, but
 * not in place; else the key, nonce, aad and `out` are ignored. `digests` takes the row's digests, one after the
 * other. */
int engine_fused_row_run(int row, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                         const uint8_t *data, size_t size, uint8_t *out, uint8_t *digests);

/* Digest `count` messages with one row of lanes, at most as many as it takes. The digests of message i are written
 * to md5s + 16 i and sha256s + 32 i; a digest that the row does not compute is not written. */
int engine_lanes_row_run(int row, int count, const uint8_t *const *data, const size_t *sizes, uint8_t *md5s,
                         uint8_t *sha256s);

/* Return the row of lanes that streams use for exactly these digests of so many streams; negative if there is none. */
int engine_lanes_row_chosen(uint32_t digests, int lanes);

/* Return from how many streams a processor on these digests are hashed in lanes, as was measured by engine_init();
 * 0 if never. */
int engine_lanes_pay_from(uint32_t digests);

/* ---- Streams that hash together ---- */

/* Counts since the start of this process: batches of lanes, lanes filled in them, turns of streams that hashed by
 * themselves though others might have come, and times that waiting for others was given up. */
struct engine_lanes_stats {
    uint64_t batches;
    uint64_t lanes;
    uint64_t alone;
    uint64_t given_up;
};

void engine_lanes_stats(struct engine_lanes_stats *stats);

/* ---- Keys: 32 secret bytes in pages of their own, which no core dump has and which are wiped at the end. A key
 * never changes. ---- */

enum {
    ENGINE_KEY_SIZE = 32,
    ENGINE_WRAPPED_KEY_SIZE = 48, /* a key sealed under another */
    ENGINE_COMMITMENT_SIZE = 32,
    ENGINE_INFO_SIZE_MAX = 2048 /* bytes of HKDF's label */
};

typedef struct engine_key engine_key;

/* Make a key: of raw bytes; of the 44 characters of base64 in a request's header (else ENGINE_E_KEY_TEXT); at
 * random; of bytes in a file. */
int engine_key_of_bytes(const uint8_t *bytes, engine_key **key);
int engine_key_of_base64(const char *text, size_t size, engine_key **key);
int engine_key_random(engine_key **key);
int engine_key_read(int fd, uint64_t offset, engine_key **key, struct engine_report *report);

/* Write the raw key into a file. Its bytes leave in no other way. */
int engine_key_write(const engine_key *key, int fd, uint64_t offset, struct engine_report *report);

/* Wipe and release; NULL is allowed. */
void engine_key_close(engine_key *key);

/* HKDF-SHA-256, RFC 5869: derive a key for a label. With a salt, HKDF extracts and expands; with NULL it only
 * expands, and the key must be uniformly random. A commitment is derived in the same way, but is no secret: it is
 * stored, and shows later whether a key is the right one. */
int engine_key_derive(const engine_key *key, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                      size_t info_size, engine_key **derived);
int engine_key_commit(const engine_key *key, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                      size_t info_size, uint8_t *out);

/* HMAC-SHA-256 (32 bytes) of data under the key, and MD5 (16 bytes) of the key itself, which S3's requests carry
 * beside it. */
int engine_key_hmac(const engine_key *key, const uint8_t *data, size_t size, uint8_t *out);
int engine_key_md5(const engine_key *key, uint8_t *out);

/* Seal a short text, or wrap a key into ENGINE_WRAPPED_KEY_SIZE bytes. A nonce must be used only once with a key.
 * Opening and unwrapping fail with ENGINE_E_SEALED_DAMAGED if the tag is wrong. */
int engine_key_seal(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const uint8_t *data, size_t size, uint8_t *out);
int engine_key_open(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const uint8_t *sealed, size_t sealed_size, uint8_t *out);
int engine_key_wrap(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                    const engine_key *secret, uint8_t *wrapped);
int engine_key_unwrap(const engine_key *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                      const uint8_t *wrapped, engine_key **secret);

/* HKDF of any sizes; `info` has at most ENGINE_INFO_SIZE_MAX bytes, `out` at most 8160. For tests. */
int engine_hkdf(const uint8_t *secret, size_t secret_size, const uint8_t *salt, size_t salt_size, const uint8_t *info,
                size_t info_size, uint8_t *out, size_t out_size);

/* ---- The stream: the one pass over a part. Bytes enter by update or by pump, are hashed, and are written to a
 * file. ---- */

enum {
    ENGINE_PUMP_BUFFER_SIZE = 1048576,   /* one per stream, allocated at its first pump */
    ENGINE_PUMP_CALL_SIZE_MAX = 67108864 /* callers pump no more a call, so that signals are heard */
};

typedef struct engine_stream engine_stream;

/* Start a stream that computes the digests in the bit set `digests`. `out_fd` is borrowed, never closed, and written
 * with pwrite from offset 0 on; it must not be open with O_APPEND, which makes pwrite ignore its offset. With -1 the
 * stream only hashes. */
int engine_stream_open(uint32_t digests, int out_fd, engine_stream **stream);

/* Start a stream that seals what it writes for this part (docs/encryption-format.md), with a fresh key derived from
 * `upload_key`, which is not kept. The digests are of the bytes that come in. The file has engine_sealed_size()
 * bytes once the stream is finished. */
int engine_stream_open_sealed(uint32_t digests, int out_fd, const engine_key *upload_key, uint32_t part_number,
                              engine_stream **stream);

/* Release everything the stream owns; NULL is allowed. */
void engine_stream_close(engine_stream *stream);

/* Take `size` bytes. */
int engine_stream_update(engine_stream *stream, const uint8_t *data, size_t size, struct engine_report *report);

/* Take up to `length` bytes from in_fd: with pread from `in_offset` on, or from the current position if that is
 * negative. report->moved < length without at_end means that a signal arrived: let its handler run, then call again. */
int engine_stream_pump(engine_stream *stream, int in_fd, int64_t in_offset, uint64_t length,
                       struct engine_report *report);

/* Finish the stream unless it is finished: it takes no more bytes, and what sealing held back is written. */
int engine_stream_finish(engine_stream *stream, struct engine_report *report);

/* Copy the digest of algorithm `algorithm`, which must be among those selected, from a finished stream. */
void engine_stream_digest(engine_stream *stream, int algorithm, uint8_t *out);

/* ---- Sealed parts, as a sealing stream writes them: read whole from memory, or at any offset of a file ---- */

enum { ENGINE_SEGMENT_SIZE = 65536, ENGINE_SEALED_HEADER_SIZE = 80 };

/* Return the size of a sealed part whose plaintext has `size` bytes. */
uint64_t engine_sealed_size(uint64_t size);

/* Seal a part in memory; `out` takes engine_sealed_size(size) bytes. */
int engine_seal(const engine_key *upload_key, uint32_t part_number, const uint8_t *data, size_t size, uint8_t *out);

/* Open a sealed part in memory into `out`, which is left without plaintext on failure. It fails as
 * engine_unsealer_open() and engine_unsealer_read() do. */
int engine_unseal(const engine_key *upload_key, uint32_t part_number, const uint8_t *sealed, size_t sealed_size,
                  uint8_t *out);

typedef struct engine_unsealer engine_unsealer;

/* Open the sealed part in a file. `in_fd` is borrowed, and read with pread. Fails with ENGINE_E_SEALED_FORMAT or
 * ENGINE_E_KEY_MISMATCH, and for a part of no bytes also with ENGINE_E_SEALED_DAMAGED. */
int engine_unsealer_open(const engine_key *upload_key, uint32_t part_number, int in_fd, engine_unsealer **unsealer,
                         struct engine_report *report);

/* Wipe and release; NULL is allowed. */
void engine_unsealer_close(engine_unsealer *unsealer);

/* Return the size of the plaintext. */
uint64_t engine_unsealer_size(const engine_unsealer *unsealer);

/* Read up to `size` bytes from `offset` of the plaintext on; report->moved < size only at its end. If a tag is
 * wrong, fails with ENGINE_E_SEALED_DAMAGED: then the report->moved bytes before it were right, and `out` holds
 * nothing else. */
int engine_unsealer_read(engine_unsealer *unsealer, uint64_t offset, uint8_t *out, size_t size,
                         struct engine_report *report);

/* Read into a stream, at most ENGINE_PUMP_CALL_SIZE_MAX bytes a call. */
int engine_unsealer_feed(engine_unsealer *unsealer, uint64_t offset, uint64_t length, engine_stream *stream,
                         struct engine_report *report);

/* ---- aws-chunked: bodies sent as signed or unsigned chunks, with or without trailing headers ---- */

enum {
    ENGINE_SIGNING_KEY_SIZE = 32,
    ENGINE_CHUNKED_CONTEXT_SIZE_MAX = 256,
    ENGINE_CHUNKED_TRAILER_SIZE_MAX = 8192 /* bytes of all lines after the last chunk, as sent */
};

/* Why a body is refused. Python translates it into S3's errors. */
enum engine_chunked_refusal {
    ENGINE_CHUNKED_ACCEPTED = 0,
    ENGINE_CHUNKED_MALFORMED = 1,         /* a chunk's header, or the CRLF after its bytes */
    ENGINE_CHUNKED_SIGNATURE_WRONG = 2,   /* of a chunk or of the trailer; or the trailer has none */
    ENGINE_CHUNKED_CHUNK_TOO_SMALL = 3,   /* below 8192 bytes, and not the last; the report names it */
    ENGINE_CHUNKED_TOO_LONG = 4,          /* more payload than the request announced */
    ENGINE_CHUNKED_TOO_SHORT = 5,         /* the last chunk came too early */
    ENGINE_CHUNKED_TRAILER_MALFORMED = 6, /* malformed, not announced, or too long */
    ENGINE_CHUNKED_EXCESS = 7             /* bytes after the end */
};

struct engine_chunked_report {
    size_t consumed;       /* bytes of the input that were used */
    uint64_t decoded;      /* bytes of payload that this call handed on */
    bool is_complete;      /* the whole body has come and was right */
    int refusal;           /* an engine_chunked_refusal, which is final */
    uint64_t chunk_number; /* the current chunk, from 1; the last one has size 0 */
    uint64_t chunk_size;
};

typedef struct engine_chunked engine_chunked;

/* Start decoding a body with `decoded_length` bytes of payload. If `signing_key` is NULL, the body is not signed and
 * the next two parameters are ignored. Else the key has ENGINE_SIGNING_KEY_SIZE bytes, `seed_signature` is the
 * request's own (64 hex digits), and `context` is the two lines that are the same in every string to sign, time and
 * scope, each with its LF. All are copied, and the copy of the key is wiped. */
int engine_chunked_open(uint64_t decoded_length, bool has_trailer, const uint8_t *signing_key,
                        const char *seed_signature, const char *context, size_t context_size, engine_chunked **decoder);

/* Wipe and release the decoder; NULL is allowed. */
void engine_chunked_close(engine_chunked *decoder);

/* Decode a piece of the body into a stream, until the piece is used up or `decoded_max` bytes of payload have come out.
 */
int engine_chunked_feed(engine_chunked *decoder, const uint8_t *data, size_t size, uint64_t decoded_max,
                        engine_stream *stream, struct engine_report *stream_report,
                        struct engine_chunked_report *report);

/* Decode a piece of the body into a buffer. */
int engine_chunked_copy(engine_chunked *decoder, const uint8_t *data, size_t size, uint8_t *out, uint64_t out_size,
                        struct engine_chunked_report *report);

/* Copy the trailing headers of a complete body, as lines "name:value\n" with names in lower case. Returns their
 * size, at most ENGINE_CHUNKED_TRAILER_SIZE_MAX. */
size_t engine_chunked_trailer(const engine_chunked *decoder, uint8_t *out);

/* ---- The file system ---- */

/* Tell statfs(2)'s f_type magic of the file system that fd lies on; 0 where the system has none. */
int engine_file_system_type(int fd, uint32_t *type, struct engine_report *report);

/* cffi:end */

#endif
