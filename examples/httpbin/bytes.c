/* Bodies of any size: made up, streamed, slow, in ranges; and one that is taken and forgotten. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wharf/os.h>
#include <wharf/task.h>

#include "httpbin.h"

enum {
    PIECE = 16384,
    SINK_PIECE = 65536,
    BYTES_MAX = 100 * 1024,
    RANGE_MAX = 100 * 1024,
    LINES_MAX = 100,
    DRIP_MAX = 10 << 20
};

static int64_t value_of(wharf_request *request, const char *name, int64_t usual, int64_t max) {
    wharf_str text = wharf_request_query_value(request, name);
    int64_t number = text.ptr != NULL ? number_of(text, max) : usual;
    return number >= 0 ? number : usual;
}

/* ---- bytes by chance: the same for the same seed ---- */

struct chance {
    uint64_t state;
};

static struct chance chance_of(wharf_request *request) {
    struct chance chance = {0};
    int64_t seed = value_of(request, "seed", -1, INT64_MAX);
    if (seed >= 0) {
        chance.state = (uint64_t)seed;
    } else {
        (void)wharf_random(&chance.state, sizeof chance.state);
    }
    return chance;
}

/* splitmix64 */
static uint64_t chance_next(struct chance *chance) {
    uint64_t word = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static void chance_fill(struct chance *chance, char *out, size_t len) {
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t word = chance_next(chance);
        memcpy(out + i, &word, len - i < sizeof word ? len - i : sizeof word);
    }
}

static int write_chance(wharf_request *request, int64_t total, int64_t piece) {
    char bytes[PIECE];
    struct chance chance = chance_of(request);
    int rc = 0;
    while (total > 0 && rc >= 0) {
        size_t len = (size_t)(total < piece ? total : piece);
        chance_fill(&chance, bytes, len);
        rc = wharf_reply_write(request, bytes, len);
        total -= (int64_t)len;
    }
    return rc;
}

static int handle_bytes(wharf_request *request, void *arg) {
    (void)arg;
    int64_t n = number_of(wharf_request_param(request, "n"), INT64_MAX);
    if (n < 0) {
        return reply_error(request, 404, "a number of bytes\n");
    }
    n = n < BYTES_MAX ? n : BYTES_MAX;
    int rc = wharf_reply_begin(request, 200, "application/octet-stream", n);
    return rc < 0 ? rc : write_chance(request, n, PIECE);
}

static int handle_stream_bytes(wharf_request *request, void *arg) {
    (void)arg;
    int64_t n = number_of(wharf_request_param(request, "n"), INT64_MAX);
    int64_t piece = value_of(request, "chunk_size", 10 * 1024, PIECE);
    if (n < 0) {
        return reply_error(request, 404, "a number of bytes\n");
    }
    n = n < BYTES_MAX ? n : BYTES_MAX;
    int rc = wharf_reply_begin(request, 200, "application/octet-stream", -1);
    return rc < 0 ? rc : write_chance(request, n, piece > 0 ? piece : 1);
}

/* ---- lines of JSON ---- */

static int write_line(wharf_request *request, int64_t id) {
    json_t *line = json_pack("{s:I,s:o,s:o,s:o,s:o}", "id", (json_int_t)id, "args", query_of(request),
                             "headers", headers_of(request), "origin", origin_of(request), "url",
                             url_of(request));
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (text == NULL) {
        return -1;
    }
    int rc = wharf_reply_write(request, text, strlen(text));
    rc = rc < 0 ? rc : wharf_reply_write(request, "\n", 1);
    free(text);
    return rc;
}

static int handle_stream(wharf_request *request, void *arg) {
    (void)arg;
    int64_t n = number_of(wharf_request_param(request, "n"), INT32_MAX);
    if (n < 0) {
        return reply_error(request, 404, "a number of lines\n");
    }
    n = n < LINES_MAX ? n : LINES_MAX;
    int rc = wharf_reply_begin(request, 200, "application/json", -1);
    for (int64_t i = 0; i < n && rc >= 0; i++) {
        rc = write_line(request, i);
    }
    return rc;
}

/* ---- drops ---- */

static double seconds_of(wharf_request *request, const char *name, double usual) {
    char text[32];
    wharf_str given = wharf_request_query_value(request, name);
    snprintf(text, sizeof text, "%.*s", WHARF_STR_ARG(given));
    double seconds = given.len > 0 ? strtod(text, NULL) : usual;
    return seconds >= 0 && seconds <= 10 ? seconds : 10;
}

static int drip(wharf_request *request, int64_t count, double seconds) {
    int64_t pause_ms = (int64_t)(seconds * 1000 / (double)count);
    int rc = 0;
    for (int64_t i = 0; i < count && rc >= 0; i++) {
        rc = wharf_reply_write(request, "*", 1);
        if (pause_ms > 0) {
            rc = rc < 0 ? rc : wharf_reply_flush(request);
            rc = rc < 0 ? rc : wharf_sleep(pause_ms);
        }
    }
    return rc;
}

static int handle_drip(wharf_request *request, void *arg) {
    (void)arg;
    int64_t count = value_of(request, "numbytes", 10, DRIP_MAX);
    int64_t status = value_of(request, "code", 200, 599);
    double duration = seconds_of(request, "duration", 2), delay = seconds_of(request, "delay", 2);
    if (count == 0) {
        return reply_error(request, 400, "number of bytes must be positive");
    }
    int rc = wharf_sleep((int64_t)(delay * 1000));
    rc = rc < 0 ? rc : wharf_reply_begin(request, (int)status, "application/octet-stream", count);
    rc = rc < 0 ? rc : wharf_reply_flush(request);
    return rc < 0 ? rc : drip(request, count, duration);
}

/* ---- ranges of the alphabet ---- */

struct range {
    int64_t first, last;
};

/* What "5" and "" on both sides of the dash come to, of `size` bytes. 0: nothing that makes sense; -1: none that there is. */
static int range_between(wharf_str from, wharf_str to, int64_t size, struct range *ret_range) {
    int64_t first = number_of(from, INT64_MAX), last = number_of(to, INT64_MAX);
    if (from.len == 0 && last >= 0) { /* the last so many */
        *ret_range = (struct range){last < size ? size - last : 0, size - 1};
        return last > 0 ? 1 : -1;
    }
    if (first < 0 || (to.len > 0 && last < first)) {
        return 0;
    }
    *ret_range = (struct range){first, to.len == 0 || last >= size ? size - 1 : last};
    return first < size ? 1 : -1;
}

/* "bytes=1-5", "bytes=5-", "bytes=-5"; several ranges are none. */
static int range_of(wharf_str header, int64_t size, struct range *ret_range) {
    const char *dash = header.len > 6 ? memchr(header.ptr, '-', header.len) : NULL;
    if (dash == NULL || memcmp(header.ptr, "bytes=", 6) != 0) {
        return 0;
    }
    wharf_str from = {header.ptr + 6, (size_t)(dash - header.ptr) - 6};
    wharf_str to = {dash + 1, header.len - (size_t)(dash - header.ptr) - 1};
    return range_between(from, to, size, ret_range);
}

static int write_alphabet(wharf_request *request, const struct range *range, int64_t piece, double seconds) {
    char bytes[PIECE];
    int64_t pieces = (range->last - range->first) / piece + 1;
    int64_t pause_ms = (int64_t)(seconds * 1000 / (double)pieces);
    int rc = 0;
    for (int64_t at = range->first; at <= range->last && rc >= 0; at += piece) {
        int64_t left = range->last - at + 1;
        size_t len = (size_t)(left < piece ? left : piece);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)('a' + (at + (int64_t)i) % 26);
        }
        rc = wharf_reply_write(request, bytes, len);
        if (pause_ms > 0) {
            rc = rc < 0 ? rc : wharf_reply_flush(request);
            rc = rc < 0 ? rc : wharf_sleep(pause_ms);
        }
    }
    return rc;
}

static int handle_range(wharf_request *request, void *arg) {
    (void)arg;
    char text[96];
    int64_t size = number_of(wharf_request_param(request, "n"), INT64_MAX);
    int64_t piece = value_of(request, "chunk_size", 10 * 1024, PIECE);
    snprintf(text, sizeof text, "\"range%lld\"", (long long)size);
    (void)wharf_reply_header(request, "ETag", text);
    (void)wharf_reply_header(request, "Accept-Ranges", "bytes");
    if (size <= 0 || size > RANGE_MAX) {
        return reply_error(request, 404, "number of bytes must be in the range (0, 102400]");
    }
    struct range range = {0, size - 1};
    int found = range_of(wharf_request_header(request, "Range"), size, &range);
    if (found < 0) {
        snprintf(text, sizeof text, "bytes */%lld", (long long)size);
        (void)wharf_reply_header(request, "Content-Range", text);
        return wharf_reply_status(request, 416);
    }
    snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)range.first, (long long)range.last,
             (long long)size);
    if (found > 0) {
        (void)wharf_reply_header(request, "Content-Range", text);
    }
    int rc = wharf_reply_begin(request, found > 0 ? 206 : 200, "application/octet-stream",
                               range.last - range.first + 1);
    return rc < 0
               ? rc
               : write_alphabet(request, &range, piece > 0 ? piece : 1, seconds_of(request, "duration", 0));
}

/* ---- a body that is forgotten ---- */

/* Reads to the end. Returns the length, or an error. */
static int64_t swallow(wharf_request *request, EVP_MD_CTX *sum, char *bytes) {
    int64_t length = 0;
    ssize_t count = wharf_request_read(request, bytes, SINK_PIECE);
    while (count > 0) {
        EVP_DigestUpdate(sum, bytes, (size_t)count);
        length += count;
        count = wharf_request_read(request, bytes, SINK_PIECE);
    }
    return count < 0 ? count : length;
}

static void hex_of(EVP_MD_CTX *sum, char *out) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_DigestFinal_ex(sum, digest, &len);
    for (unsigned i = 0; i < len; i++) {
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
}

static int handle_sink(wharf_request *request, void *arg) {
    (void)arg;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    char *bytes = malloc(SINK_PIECE);
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    int64_t length = -ENOMEM;
    if (bytes != NULL && sum != NULL && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1) {
        length = swallow(request, sum, bytes);
        hex_of(sum, text);
    }
    EVP_MD_CTX_free(sum);
    free(bytes);
    if (length < 0) {
        return (int)length;
    }
    return reply_json(request, 200, json_pack("{s:I,s:s}", "length", (json_int_t)length, "sha256", text));
}

const struct path bytes_paths[] = {
    {"GET /bytes/{n}", handle_bytes},   {"GET /stream-bytes/{n}", handle_stream_bytes},
    {"GET /stream/{n}", handle_stream}, {"GET /drip", handle_drip},
    {"GET /range/{n}", handle_range},   {"PUT /sink", handle_sink},
    {"POST /sink", handle_sink},        {NULL, NULL},
};
