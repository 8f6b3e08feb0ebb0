/* Bodies that are always the same, and some that are encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <wharf/os.h>

#include "httpbin.h"

static const char HTML[] =
    "<!DOCTYPE html>\n<html>\n  <head>\n  </head>\n  <body>\n      <h1>Herring</h1>\n\n      <div>\n        <p>\n"
    "          Six barrels stood on the quay when the tide went out, and five when it came back.\n"
    "        </p>\n      </div>\n  </body>\n</html>";

static const char XML[] =
    "<?xml version='1.0' encoding='us-ascii'?>\n\n<!--  A SAMPLE set of slides  -->\n\n<slideshow\n"
    "    title=\"Sample Slide Show\"\n    date=\"Date of publication\"\n    author=\"Yours Truly\"\n    >\n\n"
    "    <slide type=\"all\">\n      <title>Overview</title>\n        <item>Why <em>quays</em> are great</item>\n"
    "    </slide>\n\n</slideshow>";

static const char UTF8[] =
    "<h1>Unicode</h1>\n\n<pre>\nMathematics: ∮ E⋅da = Q,  n → ∞, ∑ f(i) = ∏ g(i)\n"
    "Greek: τὸ πλοῖον ἐν τῷ λιμένι\nGeorgian: ნავი ნავსადგურში\nRussian: лодка у причала\n"
    "Japanese: 波止場の船\n</pre>\n";

static int handle_html(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_bytes(request, 200, "text/html; charset=utf-8", HTML, sizeof HTML - 1);
}

static int handle_xml(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_bytes(request, 200, "application/xml", XML, sizeof XML - 1);
}

static int handle_utf8(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_bytes(request, 200, "text/html; charset=utf-8", UTF8, sizeof UTF8 - 1);
}

static int handle_json(wharf_request *request, void *arg) {
    (void)arg;
    json_t *slides = json_pack("[{s:s,s:s},{s:[s,s],s:s,s:s}]", "title", "Wake up to quays!", "type", "all",
                               "items", "Why <em>quays</em> are great", "Who <em>buys</em> quays", "title",
                               "Overview", "type", "all");
    return reply_json(request, 200,
                      json_pack("{s:{s:s,s:s,s:o,s:s}}", "slideshow", "author", "Yours Truly", "date",
                                "date of publication", "slides", slides, "title", "Sample Slide Show"));
}

static int handle_robots(wharf_request *request, void *arg) {
    (void)arg;
    static const char text[] = "User-agent: *\nDisallow: /deny\n";
    return wharf_reply_bytes(request, 200, "text/plain", text, sizeof text - 1);
}

static int handle_deny(wharf_request *request, void *arg) {
    (void)arg;
    static const char text[] = "YOU SHOULDN'T BE HERE\n";
    return wharf_reply_bytes(request, 200, "text/plain", text, sizeof text - 1);
}

static int handle_form(wharf_request *request, void *arg) {
    (void)arg;
    static const char page[] =
        "<!DOCTYPE html>\n<html>\n  <body>\n  <form method=\"post\" action=\"/post\">\n"
        "   <p><label>Customer name: <input name=\"custname\"></label></p>\n"
        "   <p><label>Telephone: <input type=tel name=\"custtel\"></label></p>\n"
        "   <p><label>E-mail address: <input type=email name=\"custemail\"></label></p>\n"
        "   <p><label>Size: <input type=radio name=size value=\"small\"> small</label>\n"
        "      <label><input type=radio name=size value=\"large\"> large</label></p>\n"
        "   <p><label>Delivery instructions: <textarea name=\"comments\"></textarea></label></p>\n"
        "   <p><button>Submit order</button></p>\n  </form>\n  </body>\n</html>";
    return wharf_reply_bytes(request, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}

/* ---- identifiers, links ---- */

static int handle_uuid(wharf_request *request, void *arg) {
    (void)arg;
    unsigned char bytes[16];
    char text[40];
    (void)wharf_random(bytes, sizeof bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    size_t len = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        len += (size_t)snprintf(text + len, sizeof text - len, dash ? "-%02x" : "%02x", bytes[i]);
    }
    return reply_json(request, 200, json_pack("{s:s}", "uuid", text));
}

static int digit_of(char byte) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = byte != '\0' ? strchr(DIGITS, byte == '+' ? '-' : byte == '/' ? '_' : byte) : NULL;
    return at != NULL ? (int)(at - DIGITS) : -1;
}

static int handle_base64(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str text = wharf_request_param(request, "value");
    char *out = wharf_request_alloc(request, text.len + 1);
    size_t len = 0;
    unsigned bits = 0, group = 0;
    for (size_t i = 0; out != NULL && i < text.len && text.ptr[i] != '='; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit < 0) {
            return reply_error(request, 200, "Incorrect Base64 data try: SFRUUEJJTiBpcyBhd2Vzb21l");
        }
        group = group << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(group >> bits);
        }
    }
    return wharf_reply_bytes(request, 200, "text/html; charset=utf-8", out, len);
}

static int write_links(wharf_request *request, int64_t n, int64_t offset) {
    int rc = 0;
    for (int64_t i = 0; i < n && rc >= 0; i++) {
        char link[96];
        int len = i == offset ? snprintf(link, sizeof link, "%lld ", (long long)i)
                              : snprintf(link, sizeof link, "<a href='/links/%lld/%lld'>%lld</a> ",
                                         (long long)n, (long long)i, (long long)i);
        rc = wharf_reply_write(request, link, (size_t)len);
    }
    return rc;
}

static int handle_links(wharf_request *request, void *arg) {
    (void)arg;
    static const char begin[] = "<html><head><title>Links</title></head><body>", end[] = "</body></html>";
    int64_t n = number_of(wharf_request_param(request, "n"), INT32_MAX);
    int64_t offset = number_of(wharf_request_param(request, "offset"), INT32_MAX);
    if (n < 0 || offset < 0) {
        return reply_error(request, 404, "a number of links, and one of them\n");
    }
    n = n < 1 ? 1 : n > 200 ? 200 : n;
    int rc = wharf_reply_begin(request, 200, "text/html; charset=utf-8", -1);
    rc = rc < 0 ? rc : wharf_reply_write(request, begin, sizeof begin - 1);
    rc = rc < 0 ? rc : write_links(request, n, offset);
    return rc < 0 ? rc : wharf_reply_write(request, end, sizeof end - 1);
}

static int handle_links_first(wharf_request *request, void *arg) {
    (void)arg;
    char path[64];
    int64_t n = number_of(wharf_request_param(request, "n"), INT32_MAX);
    snprintf(path, sizeof path, "/links/%lld/0", (long long)n);
    return n < 0 ? reply_error(request, 404, "a number of links\n")
                 : wharf_reply_redirect(request, 302, path);
}

/* ---- codings: whatever the client accepts ---- */

/* Each returns the length in `out`, 0 when it fails. */
typedef size_t (*encoder)(const char *text, size_t len, unsigned char *out, size_t size);

static size_t zlib_with(const char *text, size_t len, unsigned char *out, size_t size, int window) {
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text,
                       .avail_in = (unsigned)len,
                       .next_out = out,
                       .avail_out = (unsigned)size};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return 0;
    }
    bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    size_t written = stream.total_out;
    deflateEnd(&stream);
    return done ? written : 0;
}

static size_t encode_gzip(const char *text, size_t len, unsigned char *out, size_t size) {
    return zlib_with(text, len, out, size, MAX_WBITS + 16);
}

static size_t encode_deflate(const char *text, size_t len, unsigned char *out, size_t size) {
    return zlib_with(text, len, out, size, MAX_WBITS);
}

static size_t encode_brotli(const char *text, size_t len, unsigned char *out, size_t size) {
    return BrotliEncoderCompress(BROTLI_DEFAULT_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, len,
                                 (const unsigned char *)text, &size, out)
               ? size
               : 0;
}

static size_t encode_zstd(const char *text, size_t len, unsigned char *out, size_t size) {
    size_t written = ZSTD_compress(out, size, text, len, ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(written) ? 0 : written;
}

static int reply_encoded(wharf_request *request, const char *coding, const char *flag, encoder encode) {
    json_t *json = json_pack("{s:b,s:o,s:o,s:o}", flag, 1, "headers", headers_of(request), "method",
                             json_of(wharf_request_method(request)), "origin", origin_of(request));
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    size_t len = text != NULL ? strlen(text) : 0;
    size_t size = len + len / 2 + 1024;
    unsigned char *out = wharf_request_alloc(request, size);
    size_t written = text != NULL && out != NULL ? encode(text, len, out, size) : 0;
    free(text);
    if (written == 0) {
        return reply_error(request, 500, "out of memory\n");
    }
    (void)wharf_reply_header(request, "Content-Encoding", coding);
    return wharf_reply_bytes(request, 200, "application/json", out, written);
}

static int handle_gzip(wharf_request *request, void *arg) {
    (void)arg;
    return reply_encoded(request, "gzip", "gzipped", encode_gzip);
}

static int handle_deflate(wharf_request *request, void *arg) {
    (void)arg;
    return reply_encoded(request, "deflate", "deflated", encode_deflate);
}

static int handle_brotli(wharf_request *request, void *arg) {
    (void)arg;
    return reply_encoded(request, "br", "brotli", encode_brotli);
}

static int handle_zstd(wharf_request *request, void *arg) {
    (void)arg;
    return reply_encoded(request, "zstd", "zstd", encode_zstd);
}

const struct path page_paths[] = {
    {"GET /html", handle_html},
    {"GET /xml", handle_xml},
    {"GET /json", handle_json},
    {"GET /robots.txt", handle_robots},
    {"GET /deny", handle_deny},
    {"GET /encoding/utf8", handle_utf8},
    {"GET /forms/post", handle_form},
    {"GET /uuid", handle_uuid},
    {"GET /base64/{value}", handle_base64},
    {"GET /links/{n}", handle_links_first},
    {"GET /links/{n}/{offset}", handle_links},
    {"GET /gzip", handle_gzip},
    {"GET /deflate", handle_deflate},
    {"GET /brotli", handle_brotli},
    {"GET /zstd", handle_zstd},
    {NULL, NULL},
};
