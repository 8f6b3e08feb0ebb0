/* httpbin - a service that answers with what it was asked, for trying HTTP clients. Paths and JSON are those of
 * httpbin.org.
 *
 *      httpbin.c   the table of paths, and main()
 *      echo.c      /get, /post, /anything, /headers, ...: the request as JSON
 *      answer.c    /status, /redirect, /cookies, /response-headers, ...: answers that are asked for
 *      bytes.c     /bytes, /stream, /drip, /range, /sink, ...: bodies of any size
 *      page.c      /html, /json, /gzip, ...: bodies that are always the same
 *      login.c     /basic-auth, /bearer, /digest-auth
 *      digest.c    the arithmetic of digest access authentication
 */
#ifndef HTTPBIN_H
#define HTTPBIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <wharf/server.h>

struct path {
    const char *pattern;
    wharf_handler handler;
};

/* Each file's paths, ended by a pattern of NULL. */
extern const struct path echo_paths[], answer_paths[], bytes_paths[], page_paths[], login_paths[];

/* ---- echo.c: parts of the usual answer ---- */
/* A JSON string of any bytes: as they are when they are UTF-8, else as a data: URL. NULL without memory. */
json_t *json_of(wharf_str text);
/* The pairs of the query, the headers, and the URL as the client would write it. A new value, or NULL without memory. */
json_t *query_of(wharf_request *request);
json_t *headers_of(wharf_request *request);
json_t *url_of(wharf_request *request);
json_t *origin_of(wharf_request *request);
/* Replies with a JSON object and gives it back. NULL: there was no memory for it. */
int reply_json(wharf_request *request, int status, json_t *json);

/* ---- answer.c ---- */
/* A number among the parts of the path or the values of the query: -1 when it is not one of 0 to `max`. */
int64_t number_of(wharf_str text, int64_t max);
int reply_error(wharf_request *request, int status, const char *text);

/* ---- digest.c ---- */
/* What an Authorization header of the Digest scheme says. Texts end with a NUL; "" for what it does not say. */
struct digest {
    char username[128], realm[128], nonce[128], uri[512], response[129], cnonce[128], nc[16], qop[16];
};
enum digest_algorithm { DIGEST_MD5, DIGEST_SHA_256, DIGEST_SHA_512 };
/* False: it is no such header. */
bool digest_parse(wharf_str header, struct digest *ret_digest);
/* The response that a client with this password gives to `said`. body: for qop "auth-int". out: 129 bytes. */
struct digest_request {
    wharf_str method, body;
    const char *user, *password;
    enum digest_algorithm algorithm;
};
void digest_answer(const struct digest *said, const struct digest_request *request, char *out);
#endif
