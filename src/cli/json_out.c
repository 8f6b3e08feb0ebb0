/* See json_out.h. RFC 8259. */
#include "cli/json_out.h"

#include <stddef.h>
#include <string.h>

/* The bytes of the UTF-8 sequence at `bytes`, 1 to 4; 0: it is none (RFC 3629: no surrogates, nothing longer than needed). */
static size_t sequence_len(const unsigned char *bytes) {
    static const struct {
        unsigned char first, last, second_min, second_max;
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        if (bytes[0] < rows[row].first || bytes[0] > rows[row].last) {
            continue;
        }
        size_t len = rows[row].len;
        bool good = len == 1 || (bytes[1] >= rows[row].second_min && bytes[1] <= rows[row].second_max);
        for (size_t i = 2; i < len && good; i++) {
            good = (bytes[i] & 0xc0) == 0x80;
        }
        return good ? len : 0;
    }
    return 0;
}

static void write_string(FILE *file, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', file);
    while (*at != '\0') {
        size_t len = sequence_len(at);
        if (len == 0) {
            fputs("\\ufffd", file);
            at++;
        } else if (*at < 0x20 || *at == 0x7f) {
            fprintf(file, "\\u%04x", *at);
            at++;
        } else {
            if (*at == '"' || *at == '\\') {
                fputc('\\', file);
            }
            fwrite(at, 1, len, file);
            at += len;
        }
    }
    fputc('"', file);
}

static void begin_value(struct json_out *json, const char *key) {
    if (json->has_value) {
        fputs(", ", json->file);
    }
    if (key != NULL) {
        write_string(json->file, key);
        fputs(": ", json->file);
    }
    json->has_value = true;
}

static void end_value(const struct json_out *json) {
    if (json->depth == 0) {
        fputc('\n', json->file);
    }
}

void json_open(struct json_out *json, const char *key, char bracket) {
    begin_value(json, key);
    fputc(bracket, json->file);
    json->depth++;
    json->has_value = false;
}

void json_close(struct json_out *json, char bracket) {
    fputc(bracket, json->file);
    json->depth--;
    json->has_value = json->depth > 0;
    end_value(json);
}

void json_text(struct json_out *json, const char *key, const char *text) {
    begin_value(json, key);
    if (text != NULL) {
        write_string(json->file, text);
    } else {
        fputs("null", json->file);
    }
    end_value(json);
}

void json_number(struct json_out *json, const char *key, int64_t number) {
    begin_value(json, key);
    fprintf(json->file, "%lld", (long long)number);
    end_value(json);
}

void json_ms(struct json_out *json, const char *key, int64_t ns) {
    begin_value(json, key);
    fprintf(json->file, "%lld.%03lld", (long long)(ns / 1000000), (long long)(ns / 1000 % 1000));
    end_value(json);
}

void json_bool(struct json_out *json, const char *key, bool value) {
    begin_value(json, key);
    fputs(value ? "true" : "false", json->file);
    end_value(json);
}
