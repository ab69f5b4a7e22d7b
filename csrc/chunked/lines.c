/*
 * Reads one line at a time. Sizes have at most 16 hex digits, so they cannot overflow.
 */
#include "chunked/lines.h"

#include <string.h>

#define CHUNK_SIGNATURE ";chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature:"

enum { CHUNK_SIZE_DIGITS_MAX = 16 };

static int digit_of(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* Signatures are compared as bytes; upper case digits, which no client sends, are refused to leave one spelling. */
static bool parse_signature(const char *hex, size_t size, uint8_t *signature)
{
    if (size != SHA256_HEX_SIZE)
        return false;
    for (size_t i = 0; i < size; i++) {
        const int digit = hex[i] >= 'A' && hex[i] <= 'F' ? -1 : digit_of(hex[i]);
        if (digit < 0)
            return false;
        signature[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : signature[i / 2] | digit);
    }
    return true;
}

bool line_parse_chunk_header(const char *line, size_t size, uint64_t *chunk_size, uint8_t *signature)
{
    size_t digits = 0;
    uint64_t value = 0;
    for (; digits < size && digit_of(line[digits]) >= 0; digits++) {
        if (digits == CHUNK_SIZE_DIGITS_MAX)
            return false;
        value = value << 4 | (uint64_t)digit_of(line[digits]);
    }
    *chunk_size = value;
    if (digits == 0)
        return false;
    if (signature == NULL)
        return digits == size;
    const size_t mark = strlen(CHUNK_SIGNATURE);
    return size - digits >= mark && memcmp(line + digits, CHUNK_SIGNATURE, mark) == 0 &&
           parse_signature(line + digits + mark, size - digits - mark, signature);
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* Lower the name's letters and return its length; 0 if name or colon are missing. */
static size_t lower_name(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char *const at = line + i;
        if (*at == ':')
            return i;
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-'))
            return 0;
    }
    return 0;
}

size_t line_canonicalise_trailer(char *line, size_t size)
{
    const size_t name = lower_name(line, size);
    if (name == 0)
        return 0;
    size_t first = name + 1, end = size;
    while (first < end && is_blank(line[first]))
        first++;
    while (end > first && is_blank(line[end - 1]))
        end--;
    for (size_t i = first; i < end; i++)
        if (line[i] < ' ' || line[i] > '~')
            return 0;
    memmove(line + name + 1, line + first, end - first);
    const size_t canonical = name + 1 + (end - first);
    line[canonical] = '\n';
    return canonical + 1;
}

bool line_parse_trailer_signature(const char *line, size_t size, uint8_t *signature)
{
    const size_t name = strlen(TRAILER_SIGNATURE);
    return size > name && memcmp(line, TRAILER_SIGNATURE, name) == 0 &&
           parse_signature(line + name, size - name - 1, signature);
}
