/* See tls_report.h. */
#include "cli/tls_report.h"

#include <stdio.h>

#include "cli/json_out.h"
#include "cli/moment.h"

enum { DAY = 24 * 3600, SOON_DAYS = 14 };

static int64_t days_left(const struct tls_report *report, const wharf_tls_certificate *certificate) {
    return (certificate->valid_until - report->now) / DAY;
}

static const char *versions(const struct tls_report *report) {
    return report->has_12 && report->has_13 ? "1.2 and 1.3" : report->has_13 ? "1.3 alone" : "1.2 alone";
}

/* ---- for people ---- */

static void print_certificate(const struct tls_report *report, int index) {
    const wharf_tls_certificate *certificate = &report->chain[index];
    char from[MOMENT_SIZE];
    char until[MOMENT_SIZE];
    moment_format(certificate->valid_from, from);
    moment_format(certificate->valid_until, until);
    long long left = (long long)days_left(report, certificate);
    printf("\ncertificate %d\n  subject      %s\n  issuer       %s\n", index, certificate->subject,
           certificate->issuer);
    if (certificate->names[0] != '\0') {
        printf("  hosts        %s\n", certificate->names);
    }
    printf("  valid        %s to %s, %lld day%s left%s\n", from, until, left, left == 1 ? "" : "s",
           left < SOON_DAYS ? ": renew it" : "");
    printf("  key          %s, signed with %s\n  fingerprint  %s\n  pin          %s\n", certificate->key,
           certificate->signature, certificate->fingerprint, certificate->pin);
}

void tls_report_print(const struct tls_report *report) {
    const wharf_tls_facts *facts = &report->facts;
    printf("%s at %s\n  verified     %s%s\n", report->target, report->address,
           report->why[0] == '\0' ? "yes" : "no: ", report->why);
    printf("  version      %s with %s; the server speaks %s\n", facts->version, facts->cipher,
           versions(report));
    printf("  protocol     %s (h2 and http/1.1 were offered)\n",
           facts->alpn[0] != '\0' ? facts->alpn : "none by ALPN");
    printf("  resumption   %s\n", report->resumes ? "yes" : "no");
    printf("  timings      connect %.1f ms, handshake %.1f ms\n", (double)report->connect_ns / 1e6,
           (double)report->handshake_ns / 1e6);
    for (int i = 0; i < report->chain_count; i++) {
        print_certificate(report, i);
    }
}

/* ---- for programs ---- */

static void print_json_certificate(const struct tls_report *report, int index, struct json_out *json) {
    const wharf_tls_certificate *certificate = &report->chain[index];
    char date[MOMENT_SIZE];
    json_open(json, NULL, '{');
    json_text(json, "subject", certificate->subject);
    json_text(json, "issuer", certificate->issuer);
    json_text(json, "hosts", certificate->names);
    json_text(json, "key", certificate->key);
    json_text(json, "signature", certificate->signature);
    json_text(json, "fingerprint", certificate->fingerprint);
    json_text(json, "pin", certificate->pin);
    moment_format(certificate->valid_from, date);
    json_text(json, "valid_from", date);
    moment_format(certificate->valid_until, date);
    json_text(json, "valid_until", date);
    json_number(json, "days_left", days_left(report, certificate));
    json_close(json, '}');
}

static void print_json_versions(const struct tls_report *report, struct json_out *json) {
    json_open(json, "versions", '[');
    if (report->has_12) {
        json_text(json, NULL, "TLSv1.2");
    }
    if (report->has_13) {
        json_text(json, NULL, "TLSv1.3");
    }
    json_close(json, ']');
}

void tls_report_print_json(const struct tls_report *report) {
    const wharf_tls_facts *facts = &report->facts;
    struct json_out json = {.file = stdout};
    json_open(&json, NULL, '{');
    json_text(&json, "target", report->target);
    json_text(&json, "address", report->address);
    json_bool(&json, "verified", report->why[0] == '\0');
    json_text(&json, "problem", report->why);
    json_text(&json, "version", facts->version);
    json_text(&json, "cipher", facts->cipher);
    print_json_versions(report, &json);
    json_text(&json, "alpn", facts->alpn);
    json_bool(&json, "resumption", report->resumes);
    json_ms(&json, "connect_ms", report->connect_ns);
    json_ms(&json, "handshake_ms", report->handshake_ns);
    json_open(&json, "chain", '[');
    for (int i = 0; i < report->chain_count; i++) {
        print_json_certificate(report, i, &json);
    }
    json_close(&json, ']');
    json_close(&json, '}');
}

void tls_report_print_json_failure(const char *target, const char *why) {
    struct json_out json = {.file = stdout};
    json_open(&json, NULL, '{');
    json_text(&json, "target", target);
    json_bool(&json, "verified", false);
    json_text(&json, "problem", why);
    json_close(&json, '}');
}
