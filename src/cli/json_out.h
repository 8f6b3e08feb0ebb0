/* JSON to standard output or elsewhere, one value after the other; commas are put where they belong.
 *
 *     struct json_out json = {.file = stdout};
 *     json_open(&json, NULL, '{');
 *     json_text(&json, "name", "example.com");
 *     json_number(&json, "ttl", 300);
 *     json_close(&json, '}');                  {"name": "example.com", "ttl": 300}
 *
 * key: NULL inside a list, and for the outermost value, which ends in a line feed. */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
    FILE *file;
    int depth;
    bool has_value; /* in what is open: the next one needs a comma */
};

void json_open(struct json_out *json, const char *key, char bracket);
void json_close(struct json_out *json, char bracket);
/* Bytes that are not UTF-8 become U+FFFD. text: NULL writes null. */
void json_text(struct json_out *json, const char *key, const char *text);
void json_number(struct json_out *json, const char *key, int64_t number);
/* Nanoseconds as milliseconds, to the microsecond. */
void json_ms(struct json_out *json, const char *key, int64_t ns);
void json_bool(struct json_out *json, const char *key, bool value);

#endif
