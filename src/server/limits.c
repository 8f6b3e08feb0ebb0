/* The limits of a server: one table of names, defaults and bounds. */
#include "server/limits.h"

#include <errno.h>
#include <stddef.h>

#include "base/failure.h"

struct limit_row {
    const char *name;
    size_t offset;
    int64_t initial, min, max;
    bool can_be_off;
};

#define LIMIT(name, ...) \
    { #name, offsetof(wharf_server_limits, name), __VA_ARGS__ }

enum { DAY_MS = 24 * 3600 * 1000, MIB = 1024 * 1024 };

static const struct limit_row LIMITS[] = {
    LIMIT(head_ms, 10000, 1, DAY_MS, true),
    LIMIT(idle_ms, 60000, 1, DAY_MS, true),
    LIMIT(rate_bytes, 240, 1, 100 * MIB, true),
    LIMIT(rate_grace_ms, 5000, 1, DAY_MS, true),
    LIMIT(stop_ms, 30000, 1, DAY_MS, true),
    LIMIT(cancel_ms, 5000, 1, DAY_MS, false),
    LIMIT(head_bytes, 32768, 512, 16 * MIB, false),
    LIMIT(header_count, 100, 1, 10000, false),
    LIMIT(target_bytes, 8192, 64, 16 * MIB, false),
    LIMIT(body_bytes, MIB, 1, INT64_MAX / 2, true),
    LIMIT(parts, 1000, 1, INT32_MAX, false),
    LIMIT(part_head_bytes, 8192, 128, MIB, false),
    LIMIT(drain_bytes, 262144, 1, INT64_MAX / 2, true),
    LIMIT(pipelined, 16, 1, 1000, false),
    LIMIT(connections, 0, 1, INT32_MAX, true),
    LIMIT(connections_per_address, LIMIT_NONE, 1, INT32_MAX, true),
    LIMIT(requests, LIMIT_NONE, 1, INT64_MAX / 2, true),
    LIMIT(compressions, 64, 1, 100000, false),
};

static int64_t *limit_at(wharf_server_limits *limits, const struct limit_row *row) {
    return (int64_t *)(void *)((char *)limits + row->offset);
}

int limits_resolve(const wharf_server_limits *given, wharf_server_limits *ret_limits) {
    wharf_server_limits limits = *given;
    for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
        const struct limit_row *row = &LIMITS[i];
        int64_t *value = limit_at(&limits, row);
        if (*value == 0) {
            *value = row->initial;
        } else if (*value == WHARF_OFF && row->can_be_off) {
            *value = LIMIT_NONE;
        } else if (*value < row->min || *value > row->max) {
            return fail(-EINVAL, "server", row->name, "%lld is outside %lld to %lld%s", (long long)*value,
                        (long long)row->min, (long long)row->max, row->can_be_off ? ", or WHARF_OFF" : "");
        }
    }
    *ret_limits = limits;
    return 0;
}

struct h1_limits limits_of_codec(const wharf_server_limits *limits) {
    struct h1_limits codec = h1_limits_server;
    codec.head_bytes = (uint32_t)limits->head_bytes;
    codec.field_bytes = (uint32_t)limits->head_bytes;
    codec.header_lines = (uint32_t)limits->header_count;
    codec.target_bytes = (uint32_t)limits->target_bytes;
    return codec;
}
