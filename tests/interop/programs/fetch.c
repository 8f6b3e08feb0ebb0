/* Fetches URLs one after another with one client, for tests against real peers:
 *
 *     fetch METHOD BODY URL...          BODY: -   text:BYTES   file:PATH   counted:N   chunked:N
 *
 * counted and chunked send N bytes 'x' from a function. For each URL a line of facts, then the body, then a newline:
 *
 *     200 OK 5 0 127.0.0.1:41234 http://127.0.0.1:41234/|        status, error, body bytes, redirects, address, URL|why
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wharf/wharf.h>

static ssize_t produce(void *arg, void *buffer, size_t size) {
    long long *left = arg;
    size_t count = (long long)size < *left ? size : (size_t)*left;
    memset(buffer, 'x', count);
    *left -= (long long)count;
    return (ssize_t)count;
}

/* Fills in the body; false when the word is not understood. */
static bool set_body(const char *word, wharf_fetch_options *options, long long *left) {
    const char *value = strchr(word, ':');
    if (value == NULL) {
        return strcmp(word, "-") == 0;
    }
    value++;
    if (strncmp(word, "text:", 5) == 0) {
        options->body = value;
        options->body_bytes = strlen(value);
        return true;
    }
    if (strncmp(word, "file:", 5) == 0) {
        options->body_file = value;
        return true;
    }
    *left = 0;
    for (const char *digit = value; *digit != '\0'; digit++) {
        *left = *left * 10 + (*digit - '0');
    }
    options->body_fn = produce;
    options->body_arg = left;
    options->body_fn_bytes = strncmp(word, "counted:", 8) == 0 ? *left : 0;
    return true;
}

int main(int argc, char **argv) {
    wharf_client *client = wharf_client_new(NULL);
    if (argc < 4 || client == NULL) {
        fprintf(stderr, "usage: fetch METHOD BODY URL...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        long long left = 0;
        wharf_fetch_options options = {.size = sizeof(options), .method = argv[1], .url = argv[i]};
        if (!set_body(argv[2], &options, &left)) {
            return 2;
        }
        wharf_response *response = wharf_fetch(client, &options);
        wharf_str body = wharf_response_body(response);
        int error = wharf_response_error(response);
        printf("%d %s %zu %d %s %s|%s\n", wharf_response_status(response),
               error < 0 ? wharf_error_name(error) : "OK", body.len, wharf_response_redirects(response),
               wharf_response_address(response), wharf_response_url(response), wharf_response_why(response));
        (void)fwrite(body.ptr, 1, body.len, stdout);
        (void)putchar('\n');
        wharf_response_free(response);
    }
    wharf_client_free(client);
    return fflush(stdout) == 0 ? 0 : 1;
}
