/* The table of limits, and how three layers of them become one: request over client over built-in. A field that is 0
 * says nothing, so setting one limit never changes another. */
#include "client/options.h"

#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"

enum limit_kind {
    LIMIT_TIME,  /* milliseconds; off: WHARF_OFF */
    LIMIT_COUNT, /* off: the maximum */
    LIMIT_SWITCH /* off: WHARF_OFF, and means "not at all" */
};

struct limit {
    const char *name;
    size_t offset;
    int64_t value; /* built in */
    int64_t max;
    enum limit_kind kind;
};

#define LIMIT(field, value, max, kind) \
    { #field, offsetof(wharf_client_limits, field), value, max, kind }

static const int64_t TIME_MAX = 100LL * 365 * 24 * 3600 * 1000;
static const int64_t COUNT_MAX = 1LL << 20;

static const struct limit limits_table[] = {
    LIMIT(connect_ms, 10000, TIME_MAX, LIMIT_TIME),
    LIMIT(pool_ms, 10000, TIME_MAX, LIMIT_TIME),
    LIMIT(first_byte_ms, 60000, TIME_MAX, LIMIT_TIME),
    LIMIT(idle_ms, 60000, TIME_MAX, LIMIT_TIME),
    LIMIT(total_ms, WHARF_OFF, TIME_MAX, LIMIT_TIME),
    LIMIT(redirects, 20, 1000, LIMIT_SWITCH),
    LIMIT(body_bytes, 256LL << 20, 1LL << 46, LIMIT_COUNT),
    LIMIT(decoded_ratio, 1000, 1LL << 40, LIMIT_COUNT),
    LIMIT(head_bytes, 256 << 10, 1LL << 30, LIMIT_COUNT),
    LIMIT(header_count, 512, 65535, LIMIT_COUNT),
    LIMIT(informational, 32, COUNT_MAX, LIMIT_COUNT),
    LIMIT(connections, 256, COUNT_MAX, LIMIT_COUNT),
    LIMIT(per_origin, 64, COUNT_MAX, LIMIT_COUNT),
    LIMIT(idle_per_origin, 32, COUNT_MAX, LIMIT_COUNT),
    LIMIT(keep_alive_ms, 55000, TIME_MAX, LIMIT_TIME),
    LIMIT(lifetime_ms, 600000, TIME_MAX, LIMIT_TIME),
    LIMIT(line_bytes, 1 << 20, 1LL << 40, LIMIT_COUNT),
    LIMIT(speed_bytes, 10, 1LL << 40, LIMIT_SWITCH),
    LIMIT(speed_ms, 60000, TIME_MAX, LIMIT_TIME),
    LIMIT(retries, WHARF_OFF, 1000, LIMIT_SWITCH),
    LIMIT(retry_ms, 500, TIME_MAX, LIMIT_TIME),
    LIMIT(retry_max_ms, 30000, TIME_MAX, LIMIT_TIME),
    LIMIT(retry_after_ms, 60000, TIME_MAX, LIMIT_TIME),
    LIMIT(retry_budget, 10, COUNT_MAX, LIMIT_COUNT),
};

enum { TRAILER_LINES_MAX = 64 };
enum { LIMIT_ROWS = sizeof(limits_table) / sizeof(limits_table[0]) };

_Static_assert(LIMIT_ROWS * sizeof(int64_t) == sizeof(wharf_client_limits), "a row for every limit");

static int64_t limit_of(const wharf_client_limits *limits, const struct limit *row) {
    int64_t value = 0;
    memcpy(&value, (const char *)limits + row->offset, sizeof(value));
    return value;
}

int client_options_copy(void *ret_options, size_t size, const void *options, const char *type_name) {
    size_t given = 0;
    memcpy(&given, options, sizeof(given));
    if (given < sizeof(given) || given > 65536) {
        return fail(-EINVAL, "read options", type_name,
                    "size is %zu: set it to sizeof(%s), or use WHARF_OPTIONS", given, type_name);
    }
    memset(ret_options, 0, size);
    memcpy(ret_options, options, given < size ? given : size);
    return 0;
}

int client_limits_resolve(const wharf_client_limits *request, const wharf_client_limits *client,
                          wharf_client_limits *ret_limits) {
    wharf_client_limits resolved = {0};
    for (size_t i = 0; i < LIMIT_ROWS; i++) {
        const struct limit *row = &limits_table[i];
        int64_t value = limit_of(request, row);
        value = value != 0 ? value : limit_of(client, row);
        value = value != 0 ? value : row->value;
        if (value < WHARF_OFF || value > row->max) {
            return fail(-EINVAL, "read options", "",
                        "limits.%s is %lld: 1 to %lld, 0 for the default, or WHARF_OFF", row->name,
                        (long long)value, (long long)row->max);
        }
        if (value == WHARF_OFF && row->kind == LIMIT_COUNT) {
            value = row->max;
        }
        memcpy((char *)&resolved + row->offset, &value, sizeof(value));
    }
    *ret_limits = resolved;
    return 0;
}

void client_limits_codec(const wharf_client_limits *limits, struct h1_limits *ret_limits) {
    *ret_limits = h1_limits_client;
    ret_limits->head_bytes = (uint32_t)limits->head_bytes;
    ret_limits->header_lines = (uint32_t)limits->header_count;
    if (ret_limits->trailer_bytes > ret_limits->head_bytes) {
        ret_limits->trailer_bytes = ret_limits->head_bytes;
    }
    if (ret_limits->trailer_lines > TRAILER_LINES_MAX) {
        ret_limits->trailer_lines = TRAILER_LINES_MAX;
    }
}

const char *client_limits_explain(const struct h1_limits *limits, const char *codec_name, char *out) {
    static const struct {
        const char *codec;
        const char *setting;
        size_t offset;
    } names[] = {
        {"head_bytes", "limits.head_bytes", offsetof(struct h1_limits, head_bytes)},
        {"header_lines", "limits.header_count", offsetof(struct h1_limits, header_lines)},
        {"trailer_bytes", "the length of the trailers", offsetof(struct h1_limits, trailer_bytes)},
        {"trailer_lines", "the number of trailers", offsetof(struct h1_limits, trailer_lines)},
        {"field_bytes", "the longest field", offsetof(struct h1_limits, field_bytes)},
        {"chunk_extension_bytes", "the longest chunk extensions",
         offsetof(struct h1_limits, chunk_extension_bytes)},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].codec, codec_name) == 0) {
            uint32_t value = 0;
            memcpy(&value, (const char *)limits + names[i].offset, sizeof(value));
            (void)snprintf(out, CLIENT_LIMIT_TEXT_SIZE, "%s is %u", names[i].setting, value);
            return out;
        }
    }
    (void)snprintf(out, CLIENT_LIMIT_TEXT_SIZE, "%s", codec_name);
    return out;
}
