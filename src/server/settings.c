/* What is set for routes: one table of the numbers, and the switches. See settings.h. */
#include "server/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/failure.h"
#include "base/text.h"
#include "http/codec/headers.h"

struct setting_row {
    const char *name;
    size_t given, kept; /* where it stands */
    int64_t min, max;
    bool can_be_off;
};

#define SETTING(name, ...) \
    { #name, offsetof(wharf_route_options, name), offsetof(struct settings, name), __VA_ARGS__ }

enum { DAY_MS = 24 * 3600 * 1000, MIB = 1024 * 1024, COMPRESS_BYTES_MIN = 512 };

static const struct setting_row SETTINGS[] = {
    SETTING(body_bytes, 1, INT64_MAX / 2, true),
    SETTING(upload_bytes, 1, INT64_MAX / 2, true),
    SETTING(handler_ms, 1, DAY_MS, true),
    SETTING(concurrency, 1, INT32_MAX, true),
    SETTING(rate_bytes, 1, 100 * MIB, true),
    SETTING(rate_grace_ms, 1, DAY_MS, true),
    SETTING(compress_bytes_min, 1, INT32_MAX, false),
};

void settings_init(struct settings *settings, const wharf_server_limits *limits) {
    *settings = (struct settings){
        .body_bytes = limits->body_bytes,
        .upload_bytes = LIMIT_NONE,
        .handler_ms = LIMIT_NONE,
        .concurrency = LIMIT_NONE,
        .rate_bytes = limits->rate_bytes,
        .rate_grace_ms = limits->rate_grace_ms,
        .compress_bytes_min = COMPRESS_BYTES_MIN,
    };
}

static int apply_number(struct settings *settings, const wharf_route_options *options,
                        const struct setting_row *row) {
    int64_t given;
    memcpy(&given, (const char *)options + row->given, sizeof(given));
    if (given == 0) {
        return 0;
    }
    if (given == WHARF_OFF && row->can_be_off) {
        given = LIMIT_NONE;
    } else if (given < row->min || given > row->max) {
        return fail(-EINVAL, "route", row->name, "%lld is outside %lld to %lld%s", (long long)given,
                    (long long)row->min, (long long)row->max, row->can_be_off ? ", or WHARF_OFF" : "");
    }
    memcpy((char *)settings + row->kept, &given, sizeof(given));
    return 0;
}

static int check_switch(const char *name, int given) {
    if (given == 0 || given == WHARF_ON || given == WHARF_OFF) {
        return 0;
    }
    return fail(-EINVAL, "route", name, "%d is none of 0, WHARF_ON and WHARF_OFF", given);
}

static int apply_switches(struct settings *settings, const wharf_route_options *options) {
    int rc = check_switch("compress", options->compress);
    rc = rc < 0 ? rc : check_switch("client_gone", options->client_gone);
    rc = rc < 0 ? rc : check_switch("early_hints", options->early_hints);
    if (rc < 0) {
        return rc;
    }
    settings->compress = options->compress == 0 ? settings->compress : options->compress == WHARF_ON;
    settings->early_hints = options->early_hints == 0 ? settings->early_hints
                                                      : options->early_hints == WHARF_ON;
    settings->client_gone = options->client_gone == 0 ? settings->client_gone : options->client_gone;
    return 0;
}

int settings_apply(struct settings *settings, const wharf_route_options *options) {
    settings->concurrency = LIMIT_NONE;
    for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++) {
        int rc = apply_number(settings, options, &SETTINGS[i]);
        if (rc < 0) {
            return rc;
        }
    }
    if (options->compress_types != NULL) {
        settings->compress_types = wharf_str_of(options->compress_types);
        if (!h1_is_field_value(settings->compress_types)) {
            return fail(-EINVAL, "route", "compress_types", "it is no list of media types");
        }
    }
    return apply_switches(settings, options);
}

bool settings_are_plain(const struct settings *settings, const wharf_server_limits *limits) {
    bool is_limited = settings->upload_bytes != LIMIT_NONE || settings->handler_ms != LIMIT_NONE ||
                      settings->rate_bytes != limits->rate_bytes ||
                      settings->rate_grace_ms != limits->rate_grace_ms;
    return !is_limited && settings->client_gone == 0 && !settings->compress;
}
