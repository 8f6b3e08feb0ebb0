/* wharf tls HOST: what a server shows of TLS - certificates, versions, protocols, times - and what a client that verifies
 * would object to. A server whose certificate is refused is asked a second time without verification, so that there is
 * something to look at. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/naming.h"
#include "cli/secure.h"
#include "cli/tls_report.h"
#include "wharf/task.h"

enum { TARGET_SIZE = 300, TIMEOUT_MS = 10000 };

struct tls_options {
    bool json;
    int64_t timeout_ms;
    struct secure_options secure;
    struct naming_options naming;
};

#define FIELD(name) offsetof(struct tls_options, name)
static const struct flag tls_flags[] = {
    {"json", 0, FLAG_SWITCH, FIELD(json), NULL, NULL, "one JSON object instead of lines"},
    {"ca", 0, FLAG_TEXT, FIELD(secure.ca), "FILE", NULL,
     "authorities to trust, instead of the system's, PEM"},
    {"name", 0, FLAG_TEXT, FIELD(secure.name), "HOST", NULL,
     "the name to ask for, and that the certificate must be for; default: HOST"},
    SECURE_OWN_FLAGS(struct tls_options),
    {"timeout", 't', FLAG_SECONDS, FIELD(timeout_ms), "SECONDS", NULL,
     "limit for each connection; default 10"},
    NAMING_FLAGS(struct tls_options, "name-server", 0),
    {0},
};
#undef FIELD

/* How one connection is made. */
struct attempt {
    const struct tls_options *options;
    char target[TARGET_SIZE]; /* host:port */
    char host[TARGET_SIZE];
};

/* "https://host:port/path", "host", "[::1]" as host:port. */
static bool parse_target(const char *text, struct attempt *attempt) {
    const char *scheme = strstr(text, "://");
    text = scheme != NULL ? scheme + 3 : text;
    size_t len = strcspn(text, "/?#");
    const char *bracket = text[0] == '[' ? memchr(text, ']', len) : NULL;
    const char *colon = memchr(bracket != NULL ? bracket : text, ':',
                               len - (size_t)(bracket != NULL ? bracket - text : 0));
    size_t host_len = colon != NULL ? (size_t)(colon - text) : len;
    if (len == 0 || host_len == 0 || len + sizeof ":443" > TARGET_SIZE) {
        return false;
    }
    snprintf(attempt->target, TARGET_SIZE, "%.*s%s", (int)len, text, colon != NULL ? "" : ":443");
    bool bare = bracket == NULL;
    snprintf(attempt->host, TARGET_SIZE, "%.*s", (int)(bare ? host_len : host_len - 2),
             bare ? text : text + 1);
    return true;
}

static wharf_tls *make_settings(const struct attempt *attempt, bool verify, int version) {
    static const char *const protocols[] = {"h2", "http/1.1", NULL};
    const struct secure_options *secure = &attempt->options->secure;
    const wharf_tls_pair pairs[] = {{secure->certificates != NULL ? secure->certificates[0] : NULL,
                                     secure->keys != NULL ? secure->keys[0] : NULL},
                                    {NULL, NULL}};
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .ca = secure->ca,
                                       .name = secure->name, .alpn = protocols, .insecure_no_verify = !verify,
                                       .version_min = version, .version_max = version));
}

/* Connects and shakes hands; 0 or an error. The times go into the report, which may be NULL. */
static int connect_once(const struct attempt *attempt, wharf_tls *tls, wharf_sock *ret_sock,
                        struct tls_report *report) {
    int rc = 0;
    int64_t start = wharf_now_ns();
    int64_t connected = start;
    WHARF_WITHIN (attempt->options->timeout_ms > 0 ? attempt->options->timeout_ms : TIMEOUT_MS) {
        *ret_sock = wharf_dial(attempt->target);
        connected = wharf_now_ns();
        rc = wharf_failed(*ret_sock) ? wharf_error(*ret_sock)
                                     : wharf_tls_client(*ret_sock, attempt->host, tls);
    }
    if (report != NULL) {
        report->connect_ns = connected - start;
        report->handshake_ns = wharf_now_ns() - connected;
    }
    return rc;
}

static bool speaks(const struct attempt *attempt, int version) {
    wharf_tls *tls = make_settings(attempt, false, version);
    wharf_sock sock = {0};
    int rc = tls != NULL ? connect_once(attempt, tls, &sock, NULL) : -1;
    wharf_close(sock);
    wharf_tls_free(tls);
    return rc == 0;
}

static bool resumes(const struct attempt *attempt, wharf_tls *tls) {
    wharf_tls_facts facts = {.resumed = false};
    wharf_sock sock = {0};
    if (connect_once(attempt, tls, &sock, NULL) == 0) {
        (void)wharf_tls_get_facts(sock, &facts);
    }
    wharf_close(sock);
    return facts.resumed;
}

/* Tickets come after the handshake: waits a moment for what a server says of itself, which is nothing more. */
static void take_tickets(wharf_sock sock) {
    char byte;
    WHARF_WITHIN (200) {
        (void)!wharf_recv(sock, &byte, 1);
    }
}

static void look_at(wharf_sock sock, struct tls_report *report) {
    (void)wharf_tls_get_facts(sock, &report->facts);
    (void)wharf_peer_address(sock, report->address, sizeof report->address);
    while (report->chain_count < CHAIN_MAX &&
           wharf_tls_get_certificate(sock, report->chain_count, &report->chain[report->chain_count]) == 0) {
        report->chain_count++;
    }
    take_tickets(sock);
}

/* With verification, and when that fails without. 0, or the error of a handshake that cannot be made at all. */
static int inspect(const struct attempt *attempt, struct tls_report *report) {
    wharf_sock sock = {0};
    wharf_tls *tls = make_settings(attempt, true, 0);
    int rc = tls != NULL ? connect_once(attempt, tls, &sock, report) : -WHARF_ETLS;
    if (rc == -WHARF_ETLS && tls != NULL) {
        snprintf(report->why, sizeof report->why, "%s", wharf_why());
        wharf_close(sock);
        wharf_tls_free(tls);
        tls = make_settings(attempt, false, 0);
        rc = tls != NULL ? connect_once(attempt, tls, &sock, report) : -WHARF_ETLS;
    }
    if (rc == 0) {
        look_at(sock, report);
    } else if (report->why[0] == '\0') {
        snprintf(report->why, sizeof report->why, "%s", wharf_why());
    }
    wharf_close(sock);
    if (rc == 0) {
        report->resumes = resumes(attempt, tls);
        report->has_12 = speaks(attempt, 12);
        report->has_13 = speaks(attempt, 13);
    }
    wharf_tls_free(tls);
    return rc;
}

static int tls_run(const struct invocation *call) {
    static struct tls_report report; /* large */
    struct attempt attempt = {.options = call->options};
    if (!parse_target(call->operands[0], &attempt)) {
        fprintf(stderr, "wharf tls: %s: no host\n", call->operands[0]);
        return EXIT_USAGE;
    }
    int code = naming_set(&attempt.options->naming, "tls");
    if (code != EXIT_OK) {
        return code;
    }
    report = (struct tls_report){.target = attempt.target, .now = (int64_t)time(NULL)};
    int rc = inspect(&attempt, &report);
    if (rc < 0) {
        if (attempt.options->json) {
            tls_report_print_json_failure(attempt.target, report.why);
        }
        fprintf(stderr, "wharf tls: %s\n", report.why);
        return exitcode_of_error(rc);
    }
    (attempt.options->json ? tls_report_print_json : tls_report_print)(&report);
    return report.why[0] == '\0' ? EXIT_OK : EXIT_TLS;
}

const struct command tls_command = {
    .name = "tls",
    .synopsis = "[flags] HOST",
    .summary = "Show what a server offers of TLS, and what is wrong with it",
    .details =
        "HOST is a host, HOST:PORT or a URL; the port is 443 unless given. Shows whether the certificate\n"
        "is verified and why not, version, cipher, protocol, resumption, times, and each certificate\n"
        "with its dates. Exit status 0: verified; 10: not.\n",
    .flags = tls_flags,
    .options_size = sizeof(struct tls_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = tls_run,
};
