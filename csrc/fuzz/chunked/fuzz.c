/*
 * Fuzzes the aws-chunked decoder. Besides what the sanitizers check, this must hold: a body that is cut anywhere has
 * the same outcome and payload as the whole body; no more payload comes out than was announced; a refusal is final.
 *
 *     byte 0       1: signed, 2: with a trailer       bytes 1-2    the decoded length
 *     bytes 3-4    how the body is cut                the rest     the body
 */
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "engine.h"

enum { HEAD_SIZE = 5 };

#define CONTEXT "20260401T101112Z\n20260401/us-east-1/s3/aws4_request\n"

struct outcome {
    struct engine_chunked_report last;
    uint64_t decoded;
    size_t trailer_size;
    uint8_t trailer[ENGINE_CHUNKED_TRAILER_SIZE_MAX];
};

static engine_chunked *open_decoder(const uint8_t *head)
{
    static const uint8_t key[ENGINE_SIGNING_KEY_SIZE] = "thirty-two bytes of signing key.";
    static const char seed[] = "0000000000000000000000000000000000000000000000000000000000000000";
    engine_chunked *decoder;
    const int status =
        engine_chunked_open((uint64_t)head[1] << 8 | head[2], (head[0] & 2) != 0, (head[0] & 1) != 0 ? key : NULL, seed,
                            CONTEXT, sizeof CONTEXT - 1, &decoder);
    ENGINE_ASSERT(status == ENGINE_OK);
    return decoder;
}

/* Decode in pieces of pseudo-random sizes (in one, if `cuts` is 0), each into room of pseudo-random size. */
static void decode(const uint8_t *head, const uint8_t *body, size_t size, uint32_t cuts, uint8_t *out,
                   struct outcome *outcome)
{
    engine_chunked *const decoder = open_decoder(head);
    size_t at = 0;
    *outcome = (struct outcome){.decoded = 0};
    do {
        cuts = cuts * 1103515245 + (cuts != 0 ? 12345 : 0);
        const size_t left = size - at, piece = cuts != 0 && left > 0 ? cuts / 65536 % left + 1 : left;
        const size_t room = cuts != 0 && cuts % 3 == 0 ? cuts / 65536 % 64 : size;
        uint8_t *const input = malloc(piece); /* of exactly its size, so that reading past it is seen */
        memcpy(input, body + at, piece);
        ENGINE_ASSERT(engine_chunked_copy(decoder, input, piece, out + outcome->decoded, room, &outcome->last) ==
                      ENGINE_OK);
        free(input);
        at += outcome->last.consumed;
        outcome->decoded += outcome->last.decoded;
    } while (at < size && outcome->last.refusal == ENGINE_CHUNKED_ACCEPTED);
    const int refusal = outcome->last.refusal;
    ENGINE_ASSERT(engine_chunked_copy(decoder, body, size, out, 0, &outcome->last) == ENGINE_OK || size == 0);
    ENGINE_ASSERT(refusal == ENGINE_CHUNKED_ACCEPTED || outcome->last.refusal == refusal);
    outcome->last.refusal = refusal;
    if (outcome->last.is_complete && refusal == ENGINE_CHUNKED_ACCEPTED)
        outcome->trailer_size = engine_chunked_trailer(decoder, outcome->trailer);
    engine_chunked_close(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, cut;
    ENGINE_ASSERT(engine_init() == ENGINE_OK);
    if (size < HEAD_SIZE)
        return 0;
    const uint8_t *const body = data + HEAD_SIZE;
    const size_t body_size = size - HEAD_SIZE;
    uint8_t *const out = malloc(2 * body_size + 1);
    decode(data, body, body_size, 0, out, &whole);
    decode(data, body, body_size, (uint32_t)(data[3] << 8 | data[4]) + 1, out + body_size, &cut);
    ENGINE_ASSERT(whole.decoded <= (uint64_t)(data[1] << 8 | data[2]));
    ENGINE_ASSERT(whole.decoded == cut.decoded && memcmp(out, out + body_size, whole.decoded) == 0);
    ENGINE_ASSERT(whole.last.refusal == cut.last.refusal && whole.last.is_complete == cut.last.is_complete);
    ENGINE_ASSERT(whole.trailer_size == cut.trailer_size &&
                  memcmp(whole.trailer, cut.trailer, whole.trailer_size) == 0);
    free(out);
    return 0;
}
