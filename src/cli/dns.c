/* wharf dns NAME: what name servers know of a name, and how a connection to it would begin. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/json_out.h"
#include "cli/naming.h"
#include "cli/options.h"
#include "wharf/names.h"
#include "wharf/task.h"

struct dns_options {
    const char **types;
    const char *port;
    int64_t timeout_ms;
    bool json;
    struct naming_options naming;
};

static const struct flag dns_flags[] = {
    {"type", 'T', FLAG_LIST, offsetof(struct dns_options, types), "TYPE", NULL,
     "ask for records of this type alone; repeatable"},
    {"port", 'p', FLAG_TEXT, offsetof(struct dns_options, port), "PORT", NULL,
     "connect to each address at this port, and say how long it took"},
    {"timeout", 't', FLAG_SECONDS, offsetof(struct dns_options, timeout_ms), "SECONDS", NULL,
     "limit for everything; default 30"},
    {"json", 0, FLAG_SWITCH, offsetof(struct dns_options, json), NULL, NULL,
     "one JSON object instead of text"},
    NAMING_FLAGS(struct dns_options, "server", 's'),
    {0},
};

enum {
    QUESTIONS_MAX = 32,
    DEFAULT_TIMEOUT_MS = 30000,
    ATTEMPT_DELAY_MS = 250,
    PORT_SHOWN = 443,
    DIAL_MS = 10000,
    LITERAL_SIZE = 64
};

/* One question and its answer. */
struct question {
    const char *name, *type;
    wharf_answer *answer;
};

/* One address, and what a connection to it came to. */
struct attempt {
    char text[WHARF_ADDRESS_SIZE];
    bool tried;
    int error;
    int64_t elapsed_ns;
    char why[256];
};

struct report {
    const struct dns_options *options;
    const char *name;
    struct question questions[QUESTIONS_MAX];
    int question_count;
    struct attempt attempts[WHARF_ADDRESSES_MAX];
    int attempt_count;
    int resolve_error;
    char resolve_why[1024];
    int64_t elapsed_ns;
};

/* ---- asking ---- */

static int ask(void *arg) {
    struct question *question = *(struct question **)arg;
    question->answer = wharf_look_up(question->name, question->type);
    return 0;
}

static bool is_literal(const char *name) {
    bool digits_and_dots = name[0] != '\0' && name[strspn(name, "0123456789.")] == '\0';
    const char *colon = strchr(name, ':');
    return digits_and_dots || (colon != NULL && strchr(colon + 1, ':') != NULL);
}

/* Everything is asked of an address, where no type was given: it is known, so what it has no name for is no failure. */
static bool is_known(const struct report *report) {
    return report->options->types == NULL && is_literal(report->name) && report->attempt_count > 0;
}

/* The types to ask for; an address has nothing but a name. */
static void choose_questions(struct report *report) {
    static const char *const all[] = {"A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT", "CAA", NULL};
    static const char *const reverse[] = {"PTR", NULL};
    const char *const *types = is_literal(report->name) ? reverse : all;
    if (report->options->types != NULL) {
        types = (const char *const *)report->options->types;
    }
    for (int i = 0; types[i] != NULL && i < QUESTIONS_MAX; i++) {
        report->questions[report->question_count++] = (struct question){report->name, types[i], NULL};
    }
}

static void ask_all(struct report *report) {
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < report->question_count; i++) {
            struct question *question = &report->questions[i];
            if (wharf_go(scope, ask, question) < 0) {
                (void)ask(&question);
            }
        }
    }
}

static int connect_to(void *arg) {
    struct attempt *attempt = *(struct attempt **)arg;
    int64_t began = wharf_now_ns();
    wharf_sock sock = {0};
    WHARF_WITHIN (DIAL_MS) {
        sock = wharf_dial(attempt->text);
    }
    attempt->elapsed_ns = wharf_now_ns() - began;
    attempt->tried = true;
    attempt->error = wharf_error(sock);
    if (attempt->error < 0) {
        snprintf(attempt->why, sizeof attempt->why, "%s (%s)", wharf_strerror(attempt->error),
                 wharf_error_name(attempt->error));
    }
    (void)wharf_close(sock);
    return 0;
}

/* Where a connection would begin; where a port is given, it does. */
static void try_addresses(struct report *report) {
    wharf_address found[WHARF_ADDRESSES_MAX];
    char place[512];
    char port[8];
    snprintf(port, sizeof port, "%d", PORT_SHOWN);
    const char *shown = report->options->port != NULL ? report->options->port : port;
    bool bracketed = strchr(report->name, ':') != NULL && report->name[0] != '[';
    snprintf(place, sizeof place, bracketed ? "[%s]:%s" : "%s:%s", report->name, shown);
    int count = wharf_resolve(place, found, WHARF_ADDRESSES_MAX);
    if (count < 0) {
        report->resolve_error = count;
        snprintf(report->resolve_why, sizeof report->resolve_why, "%s", wharf_why());
        return;
    }
    report->attempt_count = count;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < count; i++) {
            struct attempt *attempt = &report->attempts[i];
            (void)wharf_address_text(&found[i], attempt->text, sizeof attempt->text);
            if (report->options->port != NULL && wharf_go(scope, connect_to, attempt) < 0) {
                (void)connect_to(&attempt);
            }
        }
    }
}

/* ---- text ---- */

static void print_records(const struct question *question) {
    for (int i = 0; i < wharf_answer_count(question->answer); i++) {
        const wharf_record *record = wharf_answer_record(question->answer, i);
        printf("%-6s %6lld s  %s", record->type, (long long)record->ttl_s, record->text);
        bool is_alias = strcasecmp(record->name, wharf_answer_name(question->answer)) != 0;
        printf(is_alias ? "  (%s)\n" : "\n", record->name);
    }
}

/* Whether the question was answered, and with nothing. */
static bool is_missing(const struct report *report, const wharf_answer *answer) {
    const char *status = wharf_answer_status(answer);
    return strcmp(status, "NODATA") == 0 || (is_known(report) && strcmp(status, "NXDOMAIN") == 0);
}

/* Types that the name does not have, in one line. */
static void print_missing(const struct report *report) {
    bool any = false;
    for (int i = 0; i < report->question_count; i++) {
        const struct question *question = &report->questions[i];
        if (is_missing(report, question->answer)) {
            printf("%s%s", any ? ", " : "no ", question->type);
            any = true;
        }
    }
    fputs(any ? "\n" : "", stdout);
}

/* Each different reason once: a server that is silent is silent for every type. */
static void print_failures(const struct report *report) {
    const char *said = NULL;
    for (int i = 0; i < report->question_count; i++) {
        const wharf_answer *answer = report->questions[i].answer;
        const char *status = wharf_answer_status(answer);
        bool counts = wharf_answer_error(answer) < 0 && !is_missing(report, answer);
        if (counts && (said == NULL || strcmp(status, said) != 0)) {
            fprintf(stderr, "wharf dns: %s\n", wharf_answer_why(answer));
            said = status;
        }
    }
}

static void print_servers(const struct report *report) {
    const char *server = "";
    int64_t longest = 0;
    bool all_known = true;
    for (int i = 0; i < report->question_count; i++) {
        const wharf_answer *answer = report->questions[i].answer;
        int64_t elapsed = wharf_answer_elapsed_ns(answer);
        server = wharf_answer_server(answer)[0] != '\0' ? wharf_answer_server(answer) : server;
        longest = elapsed > longest ? elapsed : longest;
        bool known = wharf_answer_error(answer) == 0 || is_missing(report, answer);
        all_known = all_known && known && wharf_answer_server(answer)[0] == '\0';
    }
    if (all_known) {
        puts("no name server was asked");
    } else if (server[0] != '\0') {
        printf("%s answered, the last of %d after %.1f ms\n", server, report->question_count,
               (double)longest / 1e6);
    }
}

static void print_attempts(const struct report *report) {
    if (report->attempt_count > 0) {
        printf("\na connection would try%s\n",
               report->options->port == NULL ? ", if those before are silent," : "");
    }
    for (int i = 0; i < report->attempt_count; i++) {
        const struct attempt *attempt = &report->attempts[i];
        printf("after %4d ms  %s", i * ATTEMPT_DELAY_MS, attempt->text);
        if (attempt->tried && attempt->error == 0) {
            printf("  connected in %.1f ms", (double)attempt->elapsed_ns / 1e6);
        } else if (attempt->tried) {
            printf("  %s after %.1f ms", attempt->why, (double)attempt->elapsed_ns / 1e6);
        }
        fputc('\n', stdout);
    }
}

/* A name beyond ASCII has another form there. */
static void print_form(const struct report *report) {
    const char *asked = wharf_answer_name(report->questions[0].answer);
    bool is_beyond = false;
    for (const char *at = report->name; *at != '\0'; at++) {
        is_beyond = is_beyond || (unsigned char)*at >= 0x80;
    }
    if (is_beyond && asked[0] != '\0') {
        printf("%s is %s to name servers\n", report->name, asked);
    }
}

static void print_text(const struct report *report) {
    print_form(report);
    for (int i = 0; i < report->question_count; i++) {
        print_records(&report->questions[i]);
    }
    print_missing(report);
    print_servers(report);
    print_attempts(report);
    fflush(stdout);
    print_failures(report);
    if (report->resolve_error < 0 && report->options->types == NULL) {
        fprintf(stderr, "wharf dns: %s\n", report->resolve_why);
    }
}

/* ---- JSON ---- */

static void json_record(struct json_out *json, const wharf_record *record) {
    json_open(json, NULL, '{');
    json_text(json, "name", record->name);
    json_text(json, "type", record->type);
    json_number(json, "ttl", record->ttl_s);
    json_text(json, "data", record->text);
    if (strcmp(record->type, "MX") == 0 || strcmp(record->type, "SRV") == 0) {
        json_number(json, "priority", record->priority);
    }
    if (strcmp(record->type, "SRV") == 0) {
        json_number(json, "weight", record->weight);
        json_number(json, "port", record->port);
    }
    if (record->target[0] != '\0') {
        json_text(json, "target", record->target);
    }
    json_close(json, '}');
}

static void json_questions(struct json_out *json, const struct report *report) {
    json_open(json, "questions", '[');
    for (int i = 0; i < report->question_count; i++) {
        const wharf_answer *answer = report->questions[i].answer;
        json_open(json, NULL, '{');
        json_text(json, "type", report->questions[i].type);
        json_text(json, "status", wharf_answer_status(answer));
        json_text(json, "server",
                  wharf_answer_server(answer)[0] != '\0' ? wharf_answer_server(answer) : NULL);
        json_ms(json, "ms", wharf_answer_elapsed_ns(answer));
        json_text(json, "error", wharf_answer_error(answer) < 0 ? wharf_answer_why(answer) : NULL);
        json_open(json, "records", '[');
        for (int k = 0; k < wharf_answer_count(answer); k++) {
            json_record(json, wharf_answer_record(answer, k));
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_attempts(struct json_out *json, const struct report *report) {
    json_open(json, "addresses", '[');
    for (int i = 0; i < report->attempt_count; i++) {
        const struct attempt *attempt = &report->attempts[i];
        json_open(json, NULL, '{');
        json_text(json, "address", attempt->text);
        json_number(json, "after_ms", i * (int64_t)ATTEMPT_DELAY_MS);
        if (attempt->tried) {
            json_bool(json, "connected", attempt->error == 0);
            json_ms(json, "ms", attempt->elapsed_ns);
            json_text(json, "error", attempt->error < 0 ? attempt->why : NULL);
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void print_json(const struct report *report, int code) {
    struct json_out json = {.file = stdout};
    json_open(&json, NULL, '{');
    json_text(&json, "name", report->name);
    json_text(&json, "asked", wharf_answer_name(report->questions[0].answer));
    json_questions(&json, report);
    json_attempts(&json, report);
    json_text(&json, "address_error", report->resolve_error < 0 ? report->resolve_why : NULL);
    json_ms(&json, "ms", report->elapsed_ns);
    json_number(&json, "exit", code);
    json_close(&json, '}');
}

/* ---- the exit code ---- */

static int code_of_answer(const wharf_answer *answer) {
    static const struct {
        const char *status;
        int code;
    } causes[] = {
        {"TIMEOUT", EXIT_TIMEOUT},    {"UNREACHABLE", EXIT_CONNECT}, {"SERVFAIL", EXIT_PROTOCOL},
        {"REFUSED", EXIT_PROTOCOL},   {"FORMERR", EXIT_PROTOCOL},    {"NOTIMP", EXIT_PROTOCOL},
        {"MALFORMED", EXIT_PROTOCOL},
    };
    int error = wharf_answer_error(answer);
    for (size_t i = 0; error == -WHARF_ENAMESERVER && i < sizeof causes / sizeof causes[0]; i++) {
        if (strcmp(causes[i].status, wharf_answer_status(answer)) == 0) {
            return causes[i].code;
        }
    }
    return exitcode_of_error(error);
}

/* A question that nobody answered counts, and so does a name of which nothing is known. */
static int code_of_report(const struct report *report) {
    bool found = report->attempt_count > 0 && !is_literal(report->name);
    int code = EXIT_NAME;
    if (is_known(report)) {
        return EXIT_OK;
    }
    for (int i = 0; i < report->question_count; i++) {
        int each = code_of_answer(report->questions[i].answer);
        found = found || each == EXIT_OK;
        code = each != EXIT_OK && each != EXIT_NAME ? each : code;
    }
    return found && code == EXIT_NAME ? EXIT_OK : code;
}

/* ---- the command ---- */

static int set_up(const struct dns_options *options) {
    int64_t port = 0;
    if (options->port != NULL && !options_parse_count(options->port, 1, 65535, &port)) {
        fprintf(stderr, "wharf dns: --port is a number from 1 to 65535, not %s\n", options->port);
        return EXIT_USAGE;
    }
    return naming_set(&options->naming, "dns");
}

/* "[::1]" as it stands in an address is the same as without brackets. */
static const char *without_brackets(const char *name, char out[LITERAL_SIZE]) {
    size_t len = strlen(name);
    bool bracketed = len > 2 && len < LITERAL_SIZE && name[0] == '[' && name[len - 1] == ']';
    if (!bracketed) {
        return name;
    }
    snprintf(out, LITERAL_SIZE, "%.*s", (int)(len - 2), name + 1);
    return out;
}

static int dns_run(const struct invocation *call) {
    const struct dns_options *options = call->options;
    static struct report report;
    char literal[LITERAL_SIZE];
    report = (struct report){.options = options, .name = without_brackets(call->operands[0], literal)};
    int code = set_up(options);
    if (code != EXIT_OK) {
        return code;
    }
    int64_t began = wharf_now_ns();
    choose_questions(&report);
    WHARF_WITHIN (options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS) {
        ask_all(&report);
        if (options->types == NULL) {
            try_addresses(&report);
        }
    }
    report.elapsed_ns = wharf_now_ns() - began;
    code = code_of_report(&report);
    if (options->json) {
        print_json(&report, code);
    } else {
        print_text(&report);
    }
    for (int i = 0; i < report.question_count; i++) {
        wharf_answer_free(report.questions[i].answer);
    }
    return code;
}

const struct command dns_command = {
    .name = "dns",
    .synopsis = "[flags] NAME",
    .summary = "What name servers know of a name, and how to connect to it",
    .details = "Asks for the records of every type, or of those given, and shows in which order a\n"
               "connection would try the addresses: all at once where those before are silent.\n"
               "NAME may be an address: its name is asked for.\n",
    .flags = dns_flags,
    .options_size = sizeof(struct dns_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = dns_run,
};
