/* See tls_report.h. */
#include "cli/tls_report.h"

#include <stdio.h>
#include <time.h>

enum { DATE_SIZE = 32, DAY = 24 * 3600, SOON_DAYS = 14 };

static void format_date(int64_t seconds, char out[DATE_SIZE]) {
    struct tm tm;
    time_t moment = (time_t)seconds;
    if (gmtime_r(&moment, &tm) == NULL || strftime(out, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(out, DATE_SIZE, "?");
    }
}

static int64_t days_left(const struct tls_report *report, const wharf_tls_certificate *certificate) {
    return (certificate->valid_until - report->now) / DAY;
}

static const char *versions(const struct tls_report *report) {
    return report->has_12 && report->has_13 ? "1.2 and 1.3" : report->has_13 ? "1.3 alone" : "1.2 alone";
}

/* ---- for people ---- */

static void print_certificate(const struct tls_report *report, int index) {
    const wharf_tls_certificate *certificate = &report->chain[index];
    char from[DATE_SIZE];
    char until[DATE_SIZE];
    format_date(certificate->valid_from, from);
    format_date(certificate->valid_until, until);
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

/* Texts of the library hold no bytes that are not UTF-8; those that JSON does not take are replaced. */
static void print_string(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            printf("\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            printf("\\u%04x", byte);
        } else {
            putchar(byte);
        }
    }
    putchar('"');
}

static void print_field(const char *name, const char *text) {
    printf("\"%s\":", name);
    print_string(text);
    putchar(',');
}

static void print_json_certificate(const struct tls_report *report, int index) {
    const wharf_tls_certificate *certificate = &report->chain[index];
    char date[DATE_SIZE];
    printf("%s{", index > 0 ? "," : "");
    print_field("subject", certificate->subject);
    print_field("issuer", certificate->issuer);
    print_field("hosts", certificate->names);
    print_field("key", certificate->key);
    print_field("signature", certificate->signature);
    print_field("fingerprint", certificate->fingerprint);
    print_field("pin", certificate->pin);
    format_date(certificate->valid_from, date);
    print_field("valid_from", date);
    format_date(certificate->valid_until, date);
    print_field("valid_until", date);
    printf("\"days_left\":%lld}", (long long)days_left(report, certificate));
}

void tls_report_print_json(const struct tls_report *report) {
    const wharf_tls_facts *facts = &report->facts;
    putchar('{');
    print_field("target", report->target);
    print_field("address", report->address);
    printf("\"verified\":%s,", report->why[0] == '\0' ? "true" : "false");
    print_field("problem", report->why);
    print_field("version", facts->version);
    print_field("cipher", facts->cipher);
    printf("\"versions\":[%s%s%s],", report->has_12 ? "\"TLSv1.2\"" : "",
           report->has_12 && report->has_13 ? "," : "", report->has_13 ? "\"TLSv1.3\"" : "");
    print_field("alpn", facts->alpn);
    printf("\"resumption\":%s,", report->resumes ? "true" : "false");
    printf("\"connect_ms\":%.3f,\"handshake_ms\":%.3f,\"chain\":[", (double)report->connect_ns / 1e6,
           (double)report->handshake_ns / 1e6);
    for (int i = 0; i < report->chain_count; i++) {
        print_json_certificate(report, i);
    }
    puts("]}");
}

void tls_report_print_json_failure(const char *target, const char *why) {
    putchar('{');
    print_field("target", target);
    fputs("\"verified\":false,\"problem\":", stdout);
    print_string(why);
    puts("}");
}
