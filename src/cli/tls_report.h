/* What wharf tls has found out about a server, and how it is shown. */
#ifndef CLI_TLS_REPORT_H
#define CLI_TLS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "wharf/tls.h"

enum { CHAIN_MAX = 10, SENTENCE_SIZE = 700 };

struct tls_report {
    const char *target; /* "example.com:443" */
    char address[WHARF_ADDRESS_SIZE];
    wharf_tls_facts facts;
    wharf_tls_certificate chain[CHAIN_MAX];
    int chain_count;
    char why[SENTENCE_SIZE]; /* why the certificate is not verified; "": it is */
    bool has_12, has_13;
    bool resumes;
    int64_t now; /* seconds since 1970 */
    int64_t connect_ns, handshake_ns;
};

void tls_report_print(const struct tls_report *report);
void tls_report_print_json(const struct tls_report *report);
/* For when there was no handshake at all. */
void tls_report_print_json_failure(const char *target, const char *why);

#endif
