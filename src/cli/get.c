/* wharf get, head, post, put, delete: fetches URLs one after another and writes their bodies.
 *
 * The method is always the one that was named: data never turns a get into a post, and standard input is
 * read for "@-" alone, so that nothing waits for it under cron or in a loop. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/command.h"
#include "cli/cookies.h"
#include "cli/credentials.h"
#include "cli/exitcode.h"
#include "cli/explain.h"
#include "cli/heads.h"
#include "cli/naming.h"
#include "cli/output.h"
#include "cli/payload.h"
#include "cli/progress.h"
#include "cli/resume.h"
#include "cli/secure.h"
#include "cli/transfer.h"
#include "wharf/client.h"

enum { PIECE_BYTES = 65536, OPERANDS_MAX = 1 << 20, NOT_MODIFIED = 304 };
enum { FOLLOW_YES = 1, FOLLOW_NO = 2 }; /* as in follow_choices */

struct get_options {
    const char *output;
    const char **headers;
    const char *data;
    const char *json;
    bool raw;
    bool include;
    bool verbose;
    bool show_secrets;
    int follow;
    int64_t timeout_ms;
    struct cookies_options cookies;
    struct credentials_options credentials;
    struct naming_options naming;
    struct secure_options secure;
    struct transfer_options transfer;
};

static const char *const follow_choices[] = {"yes", "no", NULL};

#define FIELD(name) offsetof(struct get_options, name)
static const struct flag get_flags[] = {
    {"output", 'o', FLAG_TEXT, FIELD(output), "FILE", NULL,
     "write the body to FILE when it is complete and good"},
    {"header", 'H', FLAG_LIST, FIELD(headers), "'N: V'", NULL,
     "add a header; 'N:' leaves a standard one out, 'N;' sends it empty"},
    {"data", 'd', FLAG_TEXT, FIELD(data), "DATA", NULL,
     "the request's body: a text, @FILE, or @- for standard input"},
    {"json", 0, FLAG_TEXT, FIELD(json), "DATA", NULL, "likewise, as JSON: checked, and JSON is asked for"},
    {"raw", 0, FLAG_SWITCH, FIELD(raw), NULL, NULL,
     "leave bodies as they are: a coded answer coded, --json unchecked"},
    {"include", 'i', FLAG_SWITCH, FIELD(include), NULL, NULL, "write the response's head before its body"},
    {"verbose", 'v', FLAG_SWITCH, FIELD(verbose), NULL, NULL, "show TLS and both heads on standard error"},
    {"show-secrets", 0, FLAG_SWITCH, FIELD(show_secrets), NULL, NULL, "let -v show credentials and cookies"},
    {"follow", 0, FLAG_CHOICE, FIELD(follow), "yes|no", follow_choices,
     "follow redirects; default: yes for get and head, no for the others"},
    {"timeout", 't', FLAG_SECONDS, FIELD(timeout_ms), "SECONDS", NULL, "limit for each URL as a whole"},
    COOKIES_FLAGS(struct get_options),
    CREDENTIALS_FLAGS(struct get_options),
    NAMING_FLAGS(struct get_options, "name-server", 0),
    SECURE_PEER_FLAGS(struct get_options),
    SECURE_OWN_FLAGS(struct get_options),
    TRANSFER_FLAGS(struct get_options),
    {0},
};
#undef FIELD

/* What all URLs of a call have in common. */
struct get {
    const struct command *command;
    const struct get_options *options;
    const struct payload *payload;
    char method[16];
    const char **headers; /* the user's and those of --json */
    struct cookies cookies;
    struct credentials credentials;
    wharf_client *client;
    const wharf_fetch_options *request; /* the one under way */
};

static int complain(const struct get *get, const char *about, const char *what) {
    fprintf(stderr, "wharf %s: %s%s%s\n", get->command->name, about, about[0] != '\0' ? ": " : "", what);
    return EXIT_OTHER;
}

static bool is_url(const char *text) {
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static bool has_header(const char *const *headers, const char *name) {
    size_t len = strlen(name);
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strncasecmp(*headers, name, len) == 0 && strchr(":;", (*headers)[len]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The user's headers, "Accept" for --json, cookies; an array to be freed. NULL without memory. */
static const char **collect_headers(const struct get *get) {
    const struct get_options *options = get->options;
    size_t count = 0;
    while (options->headers != NULL && options->headers[count] != NULL) {
        count++;
    }
    const char **headers = calloc(count + 3, sizeof *headers);
    if (headers == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        headers[i] = options->headers[i];
    }
    if (options->json != NULL && !has_header(headers, "Accept")) {
        headers[count++] = "Accept: application/json";
    }
    if (get->cookies.header != NULL) {
        headers[count] = get->cookies.header;
    }
    return headers;
}

static bool headers_are_good(const char *const *headers) {
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strpbrk(*headers, ":;") == NULL) {
            return false;
        }
    }
    return true;
}

static int check_call(const struct get *get, const struct invocation *call) {
    const struct get_options *options = get->options;
    for (int i = 0; i < call->operand_count; i++) {
        if (!is_url(call->operands[i])) {
            char hint[256] = "only http:// and https:// are fetched";
            if (strstr(call->operands[i], "://") == NULL) {
                snprintf(hint, sizeof hint, "not a URL; did you mean http://%s ?", call->operands[i]);
            }
            complain(get, call->operands[i], hint);
            return EXIT_USAGE;
        }
    }
    const char *problem = NULL;
    const char *source = options->data != NULL ? options->data : options->json;
    if (options->data != NULL && options->json != NULL) {
        problem = "-d and --json exclude each other";
    } else if (options->output != NULL && call->operand_count > 1) {
        problem = "-o is for one URL";
    } else if (source != NULL && strcmp(source, "@-") == 0 && options->data != NULL &&
               call->operand_count > 1) {
        problem = "standard input can be sent to one URL only";
    }
    if (!headers_are_good((const char *const *)options->headers)) {
        problem = "-H needs 'Name: value'";
    }
    if (problem != NULL) {
        complain(get, "", problem);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static bool follows_redirects(const struct get *get) {
    if (get->options->follow != 0) {
        return get->options->follow == FOLLOW_YES;
    }
    return strcmp(get->method, "GET") == 0 || strcmp(get->method, "HEAD") == 0;
}

static wharf_fetch_options make_request(const struct get *get, const char *url) {
    wharf_fetch_options request = {
        .size = sizeof request,
        .method = get->method,
        .url = url,
        .headers = get->headers,
        .stream = true,
        .keep_request = get->options->verbose,
        .raw = get->options->raw || get->options->transfer.retries > 0, /* a coded body cannot be resumed */
        .auth = get->credentials.auth,
        .secrets = get->credentials.secrets,
    };
    request.limits.total_ms = get->options->timeout_ms;
    request.limits.redirects = follows_redirects(get) ? 0 : WHARF_OFF;
    payload_apply(get->payload, &request);
    if (has_header(get->headers, "Content-Type")) {
        request.content_type = NULL;
    }
    return request;
}

/* A reader that has gone (wharf get URL | head) needs no sentence. */
static int output_failed(const struct get *get, const struct output *output, int error) {
    if (error != -EPIPE) {
        bool to_file = output->owns_fd && get->options->output != NULL;
        complain(get, to_file ? get->options->output : "standard output", wharf_strerror(error));
    }
    return EXIT_LOCAL_FILE;
}

/* Receives the body into the output. An exit code that speaks of the transfer alone, not of the status. */
static int receive_body(const struct get *get, wharf_response *response, struct output *output) {
    char piece[PIECE_BYTES];
    struct progress progress;
    struct resume resume;
    resume_init(&resume, get->client, get->request, response, get->options->transfer.retries);
    progress_start(&progress, wharf_response_content_length(response), output->is_terminal);
    ssize_t got = resume_read(&resume, piece, sizeof piece);
    int written = 0;
    while (got > 0) {
        written = output_write(output, piece, (size_t)got);
        if (written < 0) {
            break;
        }
        progress_add(&progress, got);
        got = resume_read(&resume, piece, sizeof piece);
    }
    progress_end(&progress);
    int code = EXIT_OK;
    if (written < 0) {
        code = output_failed(get, output, written);
    } else if (got < 0) {
        complain(get, "", resume_why(&resume));
        code = exitcode_of_error((int)got);
    }
    resume_deinit(&resume);
    return code;
}

static int receive(const struct get *get, wharf_response *response, struct output *output) {
    bool is_head = strcmp(get->method, "HEAD") == 0;
    if (get->options->include || is_head) {
        int written = heads_write_response(output, response);
        if (written < 0) {
            return output_failed(get, output, written);
        }
    }
    return is_head ? EXIT_OK : receive_body(get, response, output);
}

static void tell_about(const struct get *get, const wharf_response *response) {
    if (get->options->verbose) {
        heads_print_tls(response);
        heads_print_request(response, get->options->show_secrets);
        if (wharf_response_status(response) != 0) {
            heads_print_response(response, get->options->show_secrets);
        }
    } else if (wharf_response_redirects(response) > 0 && wharf_response_error(response) == 0) {
        fprintf(stderr, "wharf %s: redirected to %s\n", get->command->name, wharf_response_url(response));
    }
}

/* The answer has a good status: it goes where the user wants it, a regular file only if it is complete. */
static int deliver(const struct get *get, wharf_response *response, struct output *output) {
    int code = receive(get, response, output);
    if (code != EXIT_OK && output->path != NULL) {
        output_abandon(output);
        return code;
    }
    int committed = output_commit(output);
    if (committed < 0 && code == EXIT_OK) {
        complain(get, get->options->output, wharf_strerror(committed));
        return EXIT_LOCAL_FILE;
    }
    return code;
}

static int code_of_error(const wharf_response *response) {
    int error = wharf_response_error(response);
    /* The limit on redirects, told from the others by what was answered. */
    if (error == -WHARF_ELIMIT && exitcode_of_status(wharf_response_status(response)) == EXIT_STATUS_3XX) {
        return EXIT_REDIRECT;
    }
    return exitcode_of_error(error);
}

static int fetch_one(struct get *get, const char *url) {
    /* Before anything is sent: a place that cannot be written to must not cost a POST. */
    struct output output;
    const char *path = get->options->output;
    int opened = output_open(&output, path != NULL ? path : "-");
    if (opened < 0) {
        complain(get, path[0] != '\0' ? path : "--output ''", wharf_strerror(opened));
        return EXIT_LOCAL_FILE;
    }
    wharf_fetch_options request = make_request(get, url);
    get->request = &request;
    wharf_response *response = wharf_fetch(get->client, &request);
    tell_about(get, response);
    int code = code_of_error(response);
    int status_code = exitcode_of_status(wharf_response_status(response));
    if (code != EXIT_OK) {
        complain(get, "", wharf_response_why(response));
        output_abandon(&output);
    } else if (output.path != NULL &&
               (status_code != EXIT_OK || wharf_response_status(response) == NOT_MODIFIED)) {
        /* Neither the server's explanation nor nothing at all is what was to be in the file. */
        output_abandon(&output);
        output_open_stdout(&output);
        code = deliver(get, response, &output);
    } else {
        code = deliver(get, response, &output);
    }
    if (get->options->transfer.explain) {
        explain_print(response);
    }
    wharf_response_free(response);
    return code != EXIT_OK ? code : status_code;
}

static int make_client(struct get *get) {
    wharf_tls *tls = NULL;
    bool secure = secure_is_set(&get->options->secure) || getenv("SSLKEYLOGFILE") != NULL;
    int code = secure ? secure_client(&get->options->secure, get->command->name, &tls) : EXIT_OK;
    if (code != EXIT_OK) {
        return code;
    }
    wharf_client_options options = {.size = sizeof options, .tls = tls, .jar = get->cookies.jar};
    transfer_apply(&get->options->transfer, &options);
    get->client = wharf_client_new(&options);
    wharf_tls_free(tls);
    if (get->client == NULL) {
        complain(get, "", wharf_why());
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

/* Every URL has its turn; the first failure decides the exit code. */
static int fetch_each(struct get *get, const struct invocation *call) {
    int code = EXIT_OK;
    for (int i = 0; i < call->operand_count; i++) {
        int one = fetch_one(get, call->operands[i]);
        code = code == EXIT_OK ? one : code;
        if (one == EXIT_LOCAL_FILE) {
            break;
        }
    }
    int saved = cookies_save(&get->cookies, get->command->name);
    return code == EXIT_OK ? saved : code;
}

static int fetch_with_payload(struct get *get, const struct invocation *call) {
    int code = cookies_open(&get->options->cookies, get->command->name, &get->cookies);
    if (code == EXIT_OK) {
        code = credentials_open(&get->options->credentials, get->command->name, &get->credentials);
    }
    if (code == EXIT_OK) {
        get->headers = collect_headers(get);
        code = get->headers == NULL ? complain(get, "", "out of memory") : make_client(get);
    }
    code = code == EXIT_OK ? fetch_each(get, call) : code;
    wharf_client_free(get->client);
    credentials_close(&get->credentials);
    cookies_close(&get->cookies);
    free(get->headers);
    return code;
}

static int get_run(const struct invocation *call) {
    struct get get = {.command = call->command, .options = call->options};
    for (size_t i = 0; call->command->name[i] != '\0'; i++) {
        get.method[i] = (char)toupper((unsigned char)call->command->name[i]);
    }
    int code = check_call(&get, call);
    code = code == EXIT_OK ? naming_set(&get.options->naming, call->command->name) : code;
    if (code != EXIT_OK) {
        return code;
    }
    struct payload payload;
    code = payload_init(get.options->data, get.options->json,
                        get.options->raw ? PAYLOAD_RAW : PAYLOAD_CHECKED, &payload);
    if (code != EXIT_OK) {
        return code;
    }
    get.payload = &payload;
    code = fetch_with_payload(&get, call);
    payload_deinit(&payload);
    return code;
}

#define GET_COMMAND(method, line, text)             \
    const struct command method##_command = {       \
        .name = #method,                            \
        .synopsis = "[flags] URL...",               \
        .summary = line,                            \
        .details = text,                            \
        .flags = get_flags,                         \
        .options_size = sizeof(struct get_options), \
        .operands_min = 1,                          \
        .operands_max = OPERANDS_MAX,               \
        .run = get_run,                             \
    }

static const char body_details[] =
    "A URL begins with http://. Several are fetched in order. The body goes to standard output, byte for\n"
    "byte unless that is a terminal. A status of 400 or more is an exit code, and the body is written all\n"
    "the same (with -o to standard output, and FILE is left alone).\n";
static const char head_details[] = "Status line and headers go to standard output.\n";

GET_COMMAND(get, "Fetch URLs and write what they answer", body_details);
GET_COMMAND(head, "Fetch the heads of URLs", head_details);
GET_COMMAND(post, "Send data to URLs by POST", body_details);
GET_COMMAND(put, "Send data to URLs by PUT", body_details);
GET_COMMAND(delete, "Delete what URLs name", body_details);
