/* Why a message is refused: the limits of the codec, and one stable code for every way of being wrong.
 *
 * Everything that a peer can make grow has its maximum in struct h1_limits. Every refusal is a struct
 * h1_error, made from the one table in reason.c; docs/reasons.md lists it for users. */
#ifndef HTTP_CODEC_REASON_H
#define HTTP_CODEC_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "wharf/base.h"

/* Maxima, in bytes or lines. The field's name is the setting's name in errors. All must be set (no
 * zero-is-default here): start from one of the two tables. */
struct h1_limits {
    uint32_t head_bytes;            /* start-line + fields + the empty line */
    uint32_t header_lines;          /* field lines of a head */
    uint32_t field_bytes;           /* one field line, name to value */
    uint32_t method_bytes;          /* method token */
    uint32_t target_bytes;          /* request-target */
    uint32_t chunk_extension_bytes; /* all chunk extensions of one message */
    uint32_t trailer_bytes;         /* trailer section of a chunked body */
    uint32_t trailer_lines;
    bool strict_names; /* refuse names that become a known one when '_' is read as '-' */
};

extern const struct h1_limits h1_limits_server;
extern const struct h1_limits h1_limits_client;

/* A refused message. All texts are static. */
struct h1_error {
    int status;         /* what a server answers: 400, 414, 417, 431, 501 or 505; a client only reports */
    const char *reason; /* stable code: "h1.host.missing" */
    size_t offset;      /* of the byte that was refused, from the start of the input */
    const char *rfc;    /* "RFC 9112 section 3.2" */
    const char *text;   /* one plain sentence */
    const char *limit;  /* the setting that was exceeded; NULL: none */
};

enum h1_reason {
    /* lines */
    H1_LINE_BARE_LF,
    H1_LINE_BARE_CR,
    H1_LINE_EMPTY,
    /* what is not HTTP/1 at all */
    H1_PREFACE_TLS,
    H1_PREFACE_H2,
    /* request line */
    H1_METHOD_MISSING,
    H1_METHOD_INVALID,
    H1_METHOD_LONG,
    H1_LINE_WHITESPACE,
    H1_TARGET_MISSING,
    H1_TARGET_LONG,
    H1_TARGET_SPACE,
    H1_TARGET_CONTROL,
    H1_TARGET_NON_ASCII,
    H1_TARGET_FRAGMENT,
    H1_TARGET_BACKSLASH,
    H1_TARGET_PERCENT,
    H1_TARGET_FORM,
    H1_TARGET_ASTERISK,
    H1_TARGET_SCHEME,
    H1_TARGET_AUTHORITY,
    H1_TARGET_USERINFO,
    H1_TARGET_PORT,
    H1_VERSION_MISSING,
    H1_VERSION_INVALID,
    H1_VERSION_CASE,
    H1_VERSION_DIGITS,
    H1_VERSION_WHITESPACE,
    H1_VERSION_ZERO,
    H1_VERSION_UNSUPPORTED,
    /* status line */
    H1_STATUS_LINE_INVALID,
    H1_STATUS_CODE_INVALID,
    H1_STATUS_REASON_INVALID,
    /* field lines */
    H1_HEAD_LONG,
    H1_HEAD_LINES,
    H1_FIELD_LONG,
    H1_FIELD_LEADING_WHITESPACE,
    H1_FIELD_FOLDED,
    H1_FIELD_COLON_MISSING,
    H1_FIELD_NAME_EMPTY,
    H1_FIELD_NAME_WHITESPACE,
    H1_FIELD_NAME_INVALID,
    H1_FIELD_NAME_NON_ASCII,
    H1_FIELD_NAME_ALIAS,
    H1_FIELD_VALUE_NUL,
    H1_FIELD_VALUE_CONTROL,
    /* Host */
    H1_HOST_MISSING,
    H1_HOST_DUPLICATE,
    H1_HOST_EMPTY,
    H1_HOST_LIST,
    H1_HOST_USERINFO,
    H1_HOST_PATH,
    H1_HOST_PORT,
    H1_HOST_INVALID,
    /* framing */
    H1_LENGTH_EMPTY,
    H1_LENGTH_INVALID,
    H1_LENGTH_LIST,
    H1_LENGTH_LEADING_ZERO,
    H1_LENGTH_RANGE,
    H1_LENGTH_DUPLICATE,
    H1_FRAMING_CONFLICT,
    H1_TRANSFER_VERSION,
    H1_TRANSFER_DUPLICATE,
    H1_TRANSFER_INVALID,
    H1_TRANSFER_PARAMETER,
    H1_TRANSFER_IDENTITY,
    H1_TRANSFER_NOT_FINAL,
    H1_TRANSFER_LOOKALIKE,
    H1_TRANSFER_UNKNOWN,
    H1_EXPECT_UNKNOWN,
    /* chunked bodies */
    H1_CHUNK_SIZE_EMPTY,
    H1_CHUNK_SIZE_INVALID,
    H1_CHUNK_SIZE_LONG,
    H1_CHUNK_SIZE_RANGE,
    H1_CHUNK_EXTENSION_INVALID,
    H1_CHUNK_EXTENSION_CONTROL,
    H1_CHUNK_EXTENSION_LONG,
    H1_CHUNK_DATA_LONG,
    H1_TRAILER_LONG,
    H1_TRAILER_LINES,
    H1_REASON_COUNT
};

/* Fills *error from the table and returns the code to give on: -WHARF_ELIMIT when a setting was exceeded,
 * otherwise -WHARF_EPROTOCOL. Cold: what leads here is kept apart from the code that sound messages run. */
COLD int h1_refuse(struct h1_error *error, enum h1_reason reason, size_t offset);

#endif
