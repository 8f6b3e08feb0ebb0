/* HTTP/1.1 message heads: request line or status line, fields, and what they say about the body. RFC 9112.
 *
 * Two steps, one call. Is the head complete? Only then are its bytes parsed, in one pass, with views into the
 * input: nothing is copied or allocated. The call is made again with more bytes until it answers; struct
 * h1_progress remembers how far the search for the end went, so a head that comes byte by byte is not
 * searched again.
 *
 *      struct header storage[100];
 *      struct h1_request request;
 *      struct h1_progress progress = {0};
 *      headers_init(&request.headers, storage, 100);
 *      for (;;) {
 *          ssize_t n = h1_parse_request(buffer_view(in), &progress, &h1_limits_server, &request, &error);
 *          if (n != 0) { break; }             n > 0: the head was n bytes; n < 0: error says why
 *          ... receive more into the buffer; the bytes may move ...
 *      }
 *
 * An incomplete head is refused as soon as what is there cannot become valid any more, where that matters: a
 * request line or head over its limit, a line without its CR, a first line that is not HTTP. Every strict
 * prefix of a valid head is incomplete. */
#ifndef HTTP_CODEC_HEAD_H
#define HTTP_CODEC_HEAD_H

#include "http/codec/headers.h"
#include "http/codec/reason.h"
#include "wharf/base.h"

enum h1_method {
    H1_METHOD_OTHER, /* a valid token, see method_text */
    H1_METHOD_GET,
    H1_METHOD_HEAD,
    H1_METHOD_POST,
    H1_METHOD_PUT,
    H1_METHOD_DELETE,
    H1_METHOD_CONNECT,
    H1_METHOD_OPTIONS,
    H1_METHOD_TRACE,
    H1_METHOD_PATCH,
    H1_METHOD_COUNT
};

enum h1_target_form { /* RFC 9112 section 3.2 */
                      H1_FORM_ORIGIN,
                      H1_FORM_ABSOLUTE,
                      H1_FORM_AUTHORITY,
                      H1_FORM_ASTERISK
};

enum h1_framing { /* RFC 9112 section 6.3 */
                  H1_BODY_NONE,
                  H1_BODY_LENGTH,
                  H1_BODY_CHUNKED,
                  H1_BODY_UNTIL_CLOSE /* responses only */
};

struct h1_progress {
    size_t searched; /* bytes known not to hold the end of the head */
    bool line_valid; /* the first line was whole and fine */
    /* The caller's, requests only: a Host value that was found valid before. The same again is not looked through again.
     * NULL: none. */
    const wharf_str *known_host;
};

struct h1_request {
    enum h1_method method;
    enum h1_target_form form;
    enum h1_framing framing;
    uint8_t minor;         /* 0 or 1: the version to answer as; 1.2 to 1.9 count as 1.1 */
    bool keep_alive;       /* the client lets the connection live on */
    bool expect_continue;  /* Expect: 100-continue, on 1.1 */
    bool upgrade;          /* Upgrade with Connection: upgrade, on 1.1; the value is in the headers */
    bool has_query;        /* there was a '?', the query may be empty */
    bool path_encoded;     /* the path holds a '%' */
    bool host_known;       /* Host is the known_host of struct h1_progress */
    wharf_str method_text; /* as sent */
    wharf_str target;      /* as sent */
    wharf_str scheme;      /* absolute form: "http" or "https", as sent; otherwise empty */
    wharf_str path;  /* begins with '/'; "*" in asterisk form; empty for CONNECT; percent-encoding as sent */
    wharf_str query; /* behind the '?' */
    wharf_str
        host; /* effective host[:port]: of the target if it has one, else of Host; empty for 1.0 without */
    uint64_t content_length; /* H1_BODY_LENGTH: at least 1; otherwise 0 */
    struct headers headers;  /* last; storage given by the caller with headers_init */
};

struct h1_response {
    int status; /* 100 to 999 */
    enum h1_framing framing;
    uint8_t minor;
    bool keep_alive;  /* the connection can carry another request once the body has been read to its end */
    bool has_length;  /* content_length was sent, and counts: also for HEAD and 304, which have no body */
    bool tunnel;      /* 101, or 2xx to CONNECT: what follows is no HTTP/1.1 */
    wharf_str reason; /* may be empty */
    uint64_t content_length;
    struct headers headers; /* last; storage given by the caller with headers_init */
};

/* Parse the head at the start of input. progress: all zero before the first call for a message; input must
 * hold the same bytes again, and more. request->headers keeps its storage and is emptied; all else in
 * *request is meaningful only when the result is > 0, and stays valid as long as input's bytes stay where
 * they are.
 *
 * Returns the length of the head (an empty line before it included), 0 when it is incomplete, or a negative
 * code: -WHARF_EPROTOCOL or -WHARF_ELIMIT, with *ret_error saying all. After an error the connection cannot
 * be read on. */
ssize_t h1_parse_request(wharf_str input, struct h1_progress *progress, const struct h1_limits *limits,
                         struct h1_request *request, struct h1_error *ret_error);

/* What the client knows about the response it waits for. */
struct h1_response_options {
    enum h1_method request_method;
    const struct h1_limits *limits;
};

/* The same for a response head. Interim responses (1xx) come one by one, each a head with no body. */
ssize_t h1_parse_response(wharf_str input, struct h1_progress *progress,
                          const struct h1_response_options *options, struct h1_response *response,
                          struct h1_error *ret_error);

/* The method of a token (case matters), and its text ("GET"; "" for H1_METHOD_OTHER). */
enum h1_method h1_method_of(wharf_str token);
wharf_str h1_method_name(enum h1_method method);
/* Safe and idempotent by RFC 9110 section 9.2; unknown methods are neither. */
bool h1_method_is_safe(enum h1_method method);
bool h1_method_is_idempotent(enum h1_method method);

#endif
