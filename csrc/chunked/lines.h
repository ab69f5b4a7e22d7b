/*
 * The two kinds of lines between the bytes of an aws-chunked body, each without its CRLF. Parsing is strict: a form
 * that no S3 client sends is refused.
 */
#ifndef ENGINE_CHUNKED_LINES_H
#define ENGINE_CHUNKED_LINES_H

#include "chunked/chain.h"

/* Longest header: 16 digits, ";chunk-signature=", 64 digits, CRLF. */
enum { CHUNK_HEADER_SIZE_MAX = 16 + 17 + SHA256_HEX_SIZE + 2 };

/* Read "<size in hex>", followed by ";chunk-signature=<64 hex digits>" if and only if `signature` is given. */
bool line_parse_chunk_header(const char *line, size_t size, uint64_t *chunk_size, uint8_t *signature);

/* Rewrite "Name: value" in place into its canonical form "name:value\n", which is at most one byte longer. Returns
 * its size, 0 if the line is malformed. */
size_t line_canonicalise_trailer(char *line, size_t size);

/* Read a canonical trailer line that carries the trailer's signature; false if it is another line. */
bool line_parse_trailer_signature(const char *line, size_t size, uint8_t *signature);

#endif
