/* See explain.h.
 *
 *      1  first        http://example.com/a             503   192.0.2.1:80
 *            name 12.1  connect 8.0  send 0.1  wait 81.2 ms     sent 93, received 310 bytes
 *      2  retry        http://example.com/a             200   192.0.2.1:80, kept connection
 *            ...
 */
#include "cli/explain.h"

#include <stdint.h>
#include <stdio.h>

static void print_step(const char *name, int64_t ns) {
    if (ns > 0) {
        fprintf(stderr, "  %s %.1f ms", name, (double)ns / 1e6);
    }
}

static void print_attempt(size_t number, const wharf_attempt *attempt) {
    fprintf(stderr, "%3zu  +%.1f ms  %s: %s\n", number, (double)attempt->began_ns / 1e6, attempt->why,
            attempt->url);
    fputs("    ", stderr);
    print_step("pool", attempt->reused || attempt->connect_ns == 0 ? attempt->pool_ns : 0);
    print_step("name", attempt->resolve_ns);
    print_step("connect", attempt->connect_ns);
    print_step("TLS", attempt->tls_ns);
    print_step("send", attempt->send_ns);
    print_step("wait", attempt->first_byte_ns);
    print_step("body", attempt->body_ns);
    fputc('\n', stderr);
    fprintf(stderr, "      %s%s%s%s", attempt->address[0] != '\0' ? attempt->address : "nobody was reached",
            attempt->proxy[0] != '\0' ? ", proxy " : "", attempt->proxy,
            attempt->reused ? ", kept connection" : "");
    fprintf(stderr, "; sent %lld, received %lld bytes", (long long)attempt->sent_bytes,
            (long long)attempt->received_bytes);
    if (attempt->status != 0) {
        fprintf(stderr, "; status %d", attempt->status);
    }
    fputc('\n', stderr);
    if (attempt->said[0] != '\0') {
        fprintf(stderr, "      %s\n", attempt->said);
    }
}

void explain_print(const wharf_response *response) {
    wharf_attempt attempt;
    size_t count = 0;
    while (wharf_response_attempt_at(response, count, &attempt)) {
        count++;
        print_attempt(count, &attempt);
    }
    int error = wharf_response_error(response);
    if (error < 0) {
        fprintf(stderr, "     %s: %s\n", wharf_error_name(error),
                wharf_response_may_retry(response)
                    ? "another try may end otherwise and does no harm (--retry)"
                    : "to try it again would not help, or could do harm");
    }
}
