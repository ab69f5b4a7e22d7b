/*
 * Decodes aws-chunked bodies as they come, in pieces of any size. Everything between the payload's bytes is checked
 * here: the form and bounds of the lines, the sizes, the signatures, the end. Python interprets the trailer.
 *
 *     HEADER -> DATA -> DATA_END -> HEADER ...        "<size>[;chunk-signature=...]" CRLF, the bytes, CRLF
 *     HEADER -> TRAILER -> COMPLETE                   a chunk of size 0, "name:value" CRLF ..., CRLF
 *
 * A chunk's signature is checked with its last byte, after its bytes have been handed on: nobody may rely on them until
 * the body is complete. A refusal and a failure are final, and both end the life of the key.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "chunked/lines.h"
#include "common/assert.h"
#include "stream/stream.h"

/* Signed bytes pass two stages, the chunk's digest and the stream, in steps that stay in the second level cache. */
enum { STEP_SIZE = 256 * 1024, CHUNK_SIZE_MIN = 8192 };

enum chunked_state { CHUNKED_HEADER, CHUNKED_DATA, CHUNKED_DATA_END, CHUNKED_TRAILER, CHUNKED_COMPLETE };

struct engine_chunked {
    enum chunked_state state;
    enum engine_chunked_refusal refusal;
    int failure; /* status of the call that failed, else ENGINE_OK */
    bool is_signed;
    bool has_trailer;        /* the request announced one; signed if the body is */
    bool trailer_was_signed; /* its signature came and was verified */
    uint64_t decoded_length; /* as the request says */
    uint64_t decoded;
    uint64_t chunk_number; /* the current chunk, from 1 */
    uint64_t chunk_size;
    uint64_t chunk_left;
    uint8_t claimed[SHA256_SIZE]; /* the signature in the chunk's header */
    struct chain chain;
    size_t trailer_taken; /* bytes of the trailer's lines, as sent */
    size_t trailer_size;  /* bytes of the canonical text, which is never longer */
    size_t line_size;     /* of the current line, which lies behind the canonical text */
    char text[ENGINE_CHUNKED_TRAILER_SIZE_MAX];
};

struct input {
    const uint8_t *at;
    size_t left;
};

/* Where decoded bytes go: the stream, or else the caller's buffer. */
struct outlet {
    struct engine_stream *stream;
    struct engine_report *stream_report;
    uint8_t *out;
    uint64_t left;
};

int engine_chunked_open(uint64_t decoded_length, bool has_trailer, const uint8_t *signing_key,
                        const char *seed_signature, const char *context, size_t context_size, engine_chunked **decoder)
{
    *decoder = calloc(1, sizeof **decoder);
    if (*decoder == NULL)
        return ENGINE_E_MEMORY;
    (*decoder)->decoded_length = decoded_length;
    (*decoder)->has_trailer = has_trailer;
    (*decoder)->is_signed = signing_key != NULL;
    if (signing_key == NULL)
        return ENGINE_OK;
    const int status = chain_open(&(*decoder)->chain, signing_key, seed_signature, context, context_size);
    if (status != ENGINE_OK) {
        free(*decoder);
        *decoder = NULL;
    }
    return status;
}

void engine_chunked_close(engine_chunked *decoder)
{
    if (decoder == NULL)
        return;
    chain_close(&decoder->chain);
    OPENSSL_cleanse(decoder, sizeof *decoder);
    free(decoder);
}

static int refuse(struct engine_chunked *decoder, enum engine_chunked_refusal refusal)
{
    decoder->refusal = refusal;
    return ENGINE_OK;
}

/* Move bytes into the current line, up to its LF. True once it ends in CRLF, which is then cut off. A line longer
 * than `size_max` bytes is refused as `refusal`. */
static bool take_line(struct engine_chunked *decoder, struct input *input, size_t size_max,
                      enum engine_chunked_refusal refusal)
{
    char *const line = decoder->text + decoder->trailer_size;
    while (input->left > 0) {
        if (decoder->line_size == size_max) {
            refuse(decoder, refusal);
            return false;
        }
        line[decoder->line_size++] = (char)*input->at++;
        input->left--;
        if (decoder->line_size >= 2 && memcmp(line + decoder->line_size - 2, "\r\n", 2) == 0) {
            decoder->line_size -= 2;
            return true;
        }
    }
    return false;
}

/* Verify the chunk's signature, after its last byte. */
static int end_chunk(struct engine_chunked *decoder)
{
    bool matches = true;
    const int status = decoder->is_signed ? chain_end_chunk(&decoder->chain, decoder->claimed, &matches) : ENGINE_OK;
    if (status == ENGINE_OK && !matches)
        refuse(decoder, ENGINE_CHUNKED_SIGNATURE_WRONG);
    return status;
}

static int begin_chunk(struct engine_chunked *decoder, uint64_t size)
{
    if (size > 0 && decoder->chunk_number > 0 && decoder->chunk_size < CHUNK_SIZE_MIN)
        return refuse(decoder, ENGINE_CHUNKED_CHUNK_TOO_SMALL);
    if (size > decoder->decoded_length - decoder->decoded)
        return refuse(decoder, ENGINE_CHUNKED_TOO_LONG);
    decoder->chunk_number++;
    decoder->chunk_size = decoder->chunk_left = size;
    decoder->state = size > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
    if (size > 0)
        return ENGINE_OK;
    const int status = end_chunk(decoder);
    if (decoder->refusal == ENGINE_CHUNKED_ACCEPTED && decoder->decoded < decoder->decoded_length)
        refuse(decoder, ENGINE_CHUNKED_TOO_SHORT);
    return status;
}

static int take_header(struct engine_chunked *decoder, struct input *input)
{
    uint64_t size;
    if (!take_line(decoder, input, CHUNK_HEADER_SIZE_MAX, ENGINE_CHUNKED_MALFORMED))
        return ENGINE_OK;
    const size_t line_size = decoder->line_size;
    decoder->line_size = 0;
    if (!line_parse_chunk_header(decoder->text, line_size, &size, decoder->is_signed ? decoder->claimed : NULL))
        return refuse(decoder, ENGINE_CHUNKED_MALFORMED);
    return begin_chunk(decoder, size);
}

static int put(struct outlet *outlet, const uint8_t *data, size_t size)
{
    if (outlet->stream != NULL)
        return stream_take(outlet->stream, data, size, outlet->stream_report);
    memcpy(outlet->out, data, size);
    outlet->out += size;
    return ENGINE_OK;
}

static size_t smallest(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t first = a < b ? a : b, second = c < d ? c : d;
    return (size_t)(first < second ? first : second);
}

static int take_data(struct engine_chunked *decoder, struct input *input, struct outlet *outlet)
{
    const size_t size =
        smallest(input->left, decoder->chunk_left, outlet->left, decoder->is_signed ? STEP_SIZE : SIZE_MAX);
    int status = decoder->is_signed ? chain_take(&decoder->chain, input->at, size) : ENGINE_OK;
    if (status == ENGINE_OK)
        status = put(outlet, input->at, size);
    input->at += size;
    input->left -= size;
    outlet->left -= size;
    decoder->decoded += size;
    decoder->chunk_left -= size;
    if (status != ENGINE_OK || decoder->chunk_left > 0)
        return status;
    decoder->state = CHUNKED_DATA_END;
    return end_chunk(decoder);
}

static int take_data_end(struct engine_chunked *decoder, struct input *input)
{
    if (take_line(decoder, input, 2, ENGINE_CHUNKED_MALFORMED))
        decoder->state = CHUNKED_HEADER;
    return ENGINE_OK;
}

static int end_trailer(struct engine_chunked *decoder)
{
    if (decoder->is_signed && decoder->has_trailer && !decoder->trailer_was_signed)
        return refuse(decoder, ENGINE_CHUNKED_SIGNATURE_WRONG);
    decoder->state = CHUNKED_COMPLETE;
    return ENGINE_OK;
}

/* Keep a trailer, or verify it if it is the signature of those before. */
static int keep_trailer(struct engine_chunked *decoder, size_t size)
{
    uint8_t claimed[SHA256_SIZE];
    if (!decoder->is_signed || !line_parse_trailer_signature(decoder->text + decoder->trailer_size, size, claimed)) {
        decoder->trailer_size += size;
        return ENGINE_OK;
    }
    const int status = chain_check_trailer(&decoder->chain, decoder->text, decoder->trailer_size, claimed,
                                           &decoder->trailer_was_signed);
    if (status == ENGINE_OK && !decoder->trailer_was_signed)
        refuse(decoder, ENGINE_CHUNKED_SIGNATURE_WRONG);
    return status;
}

static int take_trailer(struct engine_chunked *decoder, struct input *input)
{
    const size_t room = sizeof decoder->text - decoder->trailer_taken;
    if (!take_line(decoder, input, room, ENGINE_CHUNKED_TRAILER_MALFORMED))
        return ENGINE_OK;
    size_t size = decoder->line_size;
    char *const line = decoder->text + decoder->trailer_size;
    decoder->line_size = 0;
    decoder->trailer_taken += size + 2;
    if (size == 0)
        return end_trailer(decoder);
    /* AWS's documentation writes trailers as "name:value\n\r\n", and some clients send them so. */
    if (line[size - 1] == '\n')
        size--;
    const size_t canonical = line_canonicalise_trailer(line, size);
    if (canonical == 0 || !decoder->has_trailer || decoder->trailer_was_signed)
        return refuse(decoder, ENGINE_CHUNKED_TRAILER_MALFORMED);
    return keep_trailer(decoder, canonical);
}

static int take_some(struct engine_chunked *decoder, struct input *input, struct outlet *outlet)
{
    switch (decoder->state) {
    case CHUNKED_HEADER:
        return take_header(decoder, input);
    case CHUNKED_DATA:
        return take_data(decoder, input, outlet);
    case CHUNKED_DATA_END:
        return take_data_end(decoder, input);
    case CHUNKED_TRAILER:
        return take_trailer(decoder, input);
    case CHUNKED_COMPLETE:
        break;
    }
    return refuse(decoder, ENGINE_CHUNKED_EXCESS);
}

static bool may_go_on(const struct engine_chunked *decoder, const struct input *input, const struct outlet *outlet)
{
    const bool is_full = decoder->state == CHUNKED_DATA && outlet->left == 0;
    return decoder->failure == ENGINE_OK && decoder->refusal == ENGINE_CHUNKED_ACCEPTED && input->left > 0 && !is_full;
}

static bool is_over(const struct engine_chunked *decoder)
{
    const bool is_bad = decoder->failure != ENGINE_OK || decoder->refusal != ENGINE_CHUNKED_ACCEPTED;
    return is_bad || decoder->state == CHUNKED_COMPLETE;
}

static int decode(struct engine_chunked *decoder, struct input input, struct outlet *outlet,
                  struct engine_chunked_report *report)
{
    const size_t size = input.left;
    const uint64_t before = decoder->decoded;
    while (may_go_on(decoder, &input, outlet))
        decoder->failure = take_some(decoder, &input, outlet);
    if (is_over(decoder))
        chain_close(&decoder->chain);
    *report = (struct engine_chunked_report){
        .consumed = size - input.left,
        .decoded = decoder->decoded - before,
        .is_complete = decoder->state == CHUNKED_COMPLETE,
        .refusal = (int)decoder->refusal,
        .chunk_number = decoder->chunk_number,
        .chunk_size = decoder->chunk_size,
    };
    return decoder->failure;
}

int engine_chunked_feed(engine_chunked *decoder, const uint8_t *data, size_t size, uint64_t decoded_max,
                        engine_stream *stream, struct engine_report *stream_report,
                        struct engine_chunked_report *report)
{
    struct outlet outlet = {.stream = stream, .stream_report = stream_report, .left = decoded_max};
    const int status = stream_begin_call(stream, stream_report);
    return status == ENGINE_OK ? decode(decoder, (struct input){data, size}, &outlet, report) : status;
}

int engine_chunked_copy(engine_chunked *decoder, const uint8_t *data, size_t size, uint8_t *out, uint64_t out_size,
                        struct engine_chunked_report *report)
{
    struct outlet outlet = {.out = out, .left = out_size};
    return decode(decoder, (struct input){data, size}, &outlet, report);
}

size_t engine_chunked_trailer(const engine_chunked *decoder, uint8_t *out)
{
    ENGINE_ASSERT(decoder->state == CHUNKED_COMPLETE);
    memcpy(out, decoder->text, decoder->trailer_size);
    return decoder->trailer_size;
}
