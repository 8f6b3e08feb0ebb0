/* wharf get, head, post, put, patch, delete, options: fetches URLs one after another and writes their bodies.
 *
 * The method is always the one that was named: data never turns a get into a post, and standard input is
 * read for "@-" alone, so that nothing waits for it under cron or in a loop. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/cookies.h"
#include "cli/credentials.h"
#include "cli/exitcode.h"
#include "cli/explain.h"
#include "cli/heads.h"
#include "cli/items.h"
#include "cli/naming.h"
#include "cli/output.h"
#include "cli/payload.h"
#include "cli/pretty.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/resume.h"
#include "cli/secure.h"
#include "cli/transfer.h"
#include "wharf/client.h"

enum { COMPRESS_CHOICES = 3, REPORT_JSON = 1 };
enum { PIECE_BYTES = 65536, OPERANDS_MAX = 1 << 20, NOT_MODIFIED = 304 };
enum { FOLLOW_YES = 1, FOLLOW_NO = 2 }; /* as in follow_choices */

struct get_options {
    const char *output;
    const char **headers;
    const char *data;
    const char *json;
    bool form;
    int compress;
    bool raw;
    bool offline;
    bool remote_name;
    int report;
    bool location;
    const char *agent;
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
static const char *const compress_choices[] = {"gzip", "deflate", "zstd", NULL};
static const char *const report_choices[] = {"json", NULL};

#define FIELD(name) offsetof(struct get_options, name)
static const struct flag get_flags[] = {
    {"output", 'o', FLAG_TEXT, FIELD(output), "FILE", NULL,
     "write the body to FILE when it is complete and good"},
    {"header", 'H', FLAG_LIST, FIELD(headers), "'N: V'", NULL,
     "add a header; 'N:' leaves a standard one out, 'N;' sends it empty"},
    {"data", 'd', FLAG_TEXT, FIELD(data), "DATA", NULL,
     "the request's body: a text, @FILE, or @- for standard input"},
    {"json", 0, FLAG_TEXT, FIELD(json), "DATA", NULL, "likewise, as JSON: checked, and JSON is asked for"},
    {"form", 'f', FLAG_SWITCH, FIELD(form), NULL, NULL, "items of data are a form: name=value, name@file"},
    {"compress", 0, FLAG_CHOICE, FIELD(compress), "gzip|deflate|zstd", compress_choices,
     "compress the request's body, if that makes it shorter"},
    {"offline", 0, FLAG_SWITCH, FIELD(offline), NULL, NULL, "write the request instead of sending it"},
    {"remote-name", 'O', FLAG_SWITCH, FIELD(remote_name), NULL, NULL,
     "as -o, with the last part of the URL for a name; what exists stays"},
    {"report", 0, FLAG_CHOICE, FIELD(report), "json", report_choices,
     "tell on standard error what happened, one JSON object for each URL"},
    {"location", 'L', FLAG_SWITCH, FIELD(location), NULL, NULL, "follow redirects, as --follow=yes"},
    {"agent", 'A', FLAG_TEXT, FIELD(agent), "NAME", NULL, "User-Agent"},
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
    char **urls; /* ended by NULL */
    size_t url_count;
    char **item_texts;
    size_t item_count;
    struct items items;
    const char **headers; /* the user's and those of --json */
    char *agent;          /* "User-Agent: NAME", or NULL */
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
    const char **headers = calloc(count + get->items.header_count + 4, sizeof *headers);
    if (headers == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        headers[i] = options->headers[i];
    }
    for (size_t i = 0; i < get->items.header_count; i++) {
        headers[count++] = get->items.headers[i];
    }
    if (get->agent != NULL) {
        headers[count++] = get->agent;
    }
    bool json = options->json != NULL || get->items.json != NULL;
    if (json && !has_header(headers, "Accept")) {
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

/* Operands are URLs, and beside a URL items. */
static int sort_operands(struct get *get, const struct invocation *call) {
    get->urls = calloc((size_t)call->operand_count + 1, sizeof *get->urls);
    get->item_texts = calloc((size_t)call->operand_count + 1, sizeof *get->item_texts);
    if (get->urls == NULL || get->item_texts == NULL) {
        return complain(get, "", "out of memory");
    }
    for (int i = 0; i < call->operand_count; i++) {
        if (is_url(call->operands[i])) {
            get->urls[get->url_count++] = call->operands[i];
        } else {
            get->item_texts[get->item_count++] = call->operands[i];
        }
    }
    for (size_t i = 0; i < get->item_count; i++) {
        const char *text = get->item_texts[i];
        if (get->url_count == 0 || strstr(text, "://") != NULL || !items_is_one(text)) {
            char hint[256] = "only http:// and https:// are fetched";
            if (strstr(text, "://") == NULL) {
                snprintf(hint, sizeof hint, "not a URL; did you mean http://%s ?", text);
            }
            complain(get, text, hint);
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

/* What is wrong with the flags, or NULL. */
static const char *find_problem(const struct get *get) {
    const struct get_options *options = get->options;
    const char *source = options->data != NULL ? options->data : options->json;
    if (options->data != NULL && options->json != NULL) {
        return "-d and --json exclude each other";
    }
    if (options->output != NULL && options->remote_name) {
        return "-o and -O exclude each other";
    }
    if (options->output != NULL && get->url_count > 1) {
        return "-o is for one URL";
    }
    if (source != NULL && strcmp(source, "@-") == 0 && options->data != NULL && get->url_count > 1) {
        return "standard input can be sent to one URL only";
    }
    if (options->location && options->follow == FOLLOW_NO) {
        return "-L and --follow=no exclude each other";
    }
    return headers_are_good((const char *const *)options->headers) ? NULL : "-H needs 'Name: value'";
}

/* The same of the items, which have been read. */
static const char *find_item_problem(const struct get *get) {
    const struct get_options *options = get->options;
    bool reads = strcmp(get->method, "GET") == 0 || strcmp(get->method, "HEAD") == 0;
    if (get->items.field_count == 0) {
        return NULL;
    }
    if (options->data != NULL || options->json != NULL) {
        return "items of data, -d and --json exclude each other";
    }
    if (reads) {
        return "it sends no data: name==value is for the query, and wharf post sends data";
    }
    return get->items.has_files && !options->form ? "name@file is for a form: --form" : NULL;
}

static int refuse(const struct get *get, const char *problem) {
    complain(get, "", problem);
    return EXIT_USAGE;
}

static int check_call(struct get *get, const struct invocation *call) {
    const char *who = get->command->name;
    int code = sort_operands(get, call);
    if (code != EXIT_OK) {
        return code;
    }
    const char *problem = find_problem(get);
    if (problem != NULL) {
        return refuse(get, problem);
    }
    code = items_open(get->item_texts, get->item_count, who, &get->items);
    problem = code == EXIT_OK ? find_item_problem(get) : NULL;
    if (problem != NULL) {
        return refuse(get, problem);
    }
    if (code == EXIT_OK && get->items.field_count > 0 && !get->options->form) {
        code = items_make_json(&get->items, who);
    }
    if (get->options->agent != NULL && asprintf(&get->agent, "User-Agent: %s", get->options->agent) < 0) {
        get->agent = NULL;
        return complain(get, "", "out of memory");
    }
    return code;
}

static bool follows_redirects(const struct get *get) {
    if (get->options->location) {
        return true;
    }
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
    request.compress = (wharf_compress)get->options->compress;
    request.query = get->items.query_count > 0 ? (const char *const *)get->items.queries : NULL;
    payload_apply(get->payload, &request);
    if (get->items.field_count > 0) {
        request.form = get->options->form ? get->items.fields : NULL;
        request.json = get->options->form ? NULL : get->items.json;
    }
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

/* Where pieces of a body go: the output, laid out when it is JSON on a terminal. */
struct sink {
    struct output *output;
    struct pretty pretty;
    bool is_pretty;
};

static int write_pretty(void *arg, const char *bytes, size_t len) {
    return output_write_plain(arg, bytes, len);
}

static void sink_open(struct sink *sink, const struct get *get, const wharf_response *response,
                      struct output *output) {
    wharf_str type = wharf_response_header(response, "Content-Type");
    size_t len = 0;
    while (len < type.len && type.ptr[len] != ';' && type.ptr[len] != ' ') {
        len++;
    }
    bool json = (len == 16 && strncasecmp(type.ptr, "application/json", len) == 0) ||
                (len > 5 && strncasecmp(type.ptr + len - 5, "+json", 5) == 0);
    *sink = (struct sink){.output = output, .is_pretty = json && output->is_terminal && !get->options->raw};
    sink->pretty = (struct pretty){
        .write = write_pretty, .arg = output, .colours = sink->is_pretty && pretty_wants_colours(output->fd)};
}

static int sink_write(struct sink *sink, const char *bytes, size_t len) {
    char text[4096];
    int rc = 0;
    if (!sink->is_pretty) {
        return output_write(sink->output, bytes, len);
    }
    while (rc == 0 && len > 0) {
        size_t made = visible_text(bytes, len, text, sizeof text, &sink->output->visible);
        rc = pretty_write(&sink->pretty, text, made);
        bytes += sink->output->visible.taken;
        len -= sink->output->visible.taken;
    }
    return rc;
}

/* Receives the body into the output. An exit code that speaks of the transfer alone, not of the status. */
static int receive_body(const struct get *get, wharf_response *response, struct output *output) {
    char piece[PIECE_BYTES];
    struct progress progress;
    struct resume resume;
    resume_init(&resume, get->client, get->request, response, get->options->transfer.retries);
    struct sink sink;
    sink_open(&sink, get, response, output);
    progress_start(&progress, wharf_response_content_length(response), output->is_terminal);
    ssize_t got = resume_read(&resume, piece, sizeof piece);
    int written = 0;
    while (got > 0) {
        written = sink_write(&sink, piece, (size_t)got);
        if (written < 0) {
            break;
        }
        progress_add(&progress, got);
        got = resume_read(&resume, piece, sizeof piece);
    }
    progress_end(&progress);
    int code = EXIT_OK;
    if (written == 0 && sink.is_pretty) {
        written = pretty_end(&sink.pretty);
    }
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

/* The last part of a URL's path, to be freed; NULL: said why not. */
static char *remote_name(const struct get *get, const char *url) {
    size_t len = strcspn(url, "?#");
    size_t start = len;
    while (start > 0 && url[start - 1] != '/') {
        start--;
    }
    char *name = strndup(url + start, len - start);
    bool has_path = strchr(strstr(url, "//") + 2, '/') != NULL && start < len;
    if (name == NULL || !has_path || name[0] == '.') {
        complain(get, url, "-O finds no name for a file there; use -o FILE");
        free(name);
        return NULL;
    }
    if (access(name, F_OK) == 0) {
        complain(get, name, "it exists; use -o to replace it");
        free(name);
        return NULL;
    }
    return name;
}

/* Takes the response where it belongs. The exit code of the transfer. */
static int deliver_response(const struct get *get, wharf_response *response, struct output *output) {
    int code = code_of_error(response);
    int status = wharf_response_status(response);
    bool is_bad = exitcode_of_status(status) != EXIT_OK || status == NOT_MODIFIED;
    if (code != EXIT_OK) {
        complain(get, "", wharf_response_why(response));
        output_abandon(output);
        return code;
    }
    if (output->path != NULL && is_bad) {
        /* Neither the server's explanation nor nothing at all is what was to be in the file. */
        output_abandon(output);
        output_open_stdout(output);
    }
    return deliver(get, response, output);
}

static int fetch_to(struct get *get, const char *url, const char *path) {
    /* Before anything is sent: a place that cannot be written to must not cost a POST. */
    struct output output;
    int opened = output_open(&output, path != NULL ? path : "-");
    if (opened < 0) {
        complain(get, path[0] != '\0' ? path : "--output ''", wharf_strerror(opened));
        return EXIT_LOCAL_FILE;
    }
    wharf_fetch_options request = make_request(get, url);
    get->request = &request;
    wharf_response *response = wharf_fetch(get->client, &request);
    tell_about(get, response);
    int code = deliver_response(get, response, &output);
    code = code != EXIT_OK ? code : exitcode_of_status(wharf_response_status(response));
    if (get->options->report == REPORT_JSON) {
        report_json(response, code);
    }
    if (get->options->transfer.explain) {
        explain_print(response);
    }
    wharf_response_free(response);
    return code;
}

static int print_request(void *arg, const void *bytes, size_t len) {
    return output_write(arg, bytes, len);
}

/* Writes what would be sent. */
static int fetch_offline(const struct get *get, const char *url) {
    struct output output;
    output_open_stdout(&output);
    wharf_fetch_options request = make_request(get, url);
    request.print = print_request;
    request.print_arg = &output;
    wharf_response *response = wharf_fetch(get->client, &request);
    int error = wharf_response_error(response);
    if (error < 0) {
        complain(get, "", wharf_response_why(response));
    }
    wharf_response_free(response);
    return exitcode_of_error(error);
}

static int fetch_one(struct get *get, const char *url) {
    if (get->options->offline) {
        return fetch_offline(get, url);
    }
    if (!get->options->remote_name) {
        return fetch_to(get, url, get->options->output);
    }
    char *name = remote_name(get, url);
    int code = name != NULL ? fetch_to(get, url, name) : EXIT_LOCAL_FILE;
    free(name);
    return code;
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
static int fetch_each(struct get *get) {
    int code = EXIT_OK;
    for (size_t i = 0; i < get->url_count; i++) {
        int one = fetch_one(get, get->urls[i]);
        code = code == EXIT_OK ? one : code;
        if (one == EXIT_LOCAL_FILE) {
            break;
        }
    }
    int saved = cookies_save(&get->cookies, get->command->name);
    return code == EXIT_OK ? saved : code;
}

static int fetch_with_payload(struct get *get) {
    int code = cookies_open(&get->options->cookies, get->command->name, &get->cookies);
    if (code == EXIT_OK) {
        code = credentials_open(&get->options->credentials, get->command->name, &get->credentials);
    }
    if (code == EXIT_OK) {
        get->headers = collect_headers(get);
        code = get->headers == NULL ? complain(get, "", "out of memory") : make_client(get);
    }
    code = code == EXIT_OK ? fetch_each(get) : code;
    wharf_client_free(get->client);
    credentials_close(&get->credentials);
    cookies_close(&get->cookies);
    free(get->headers);
    return code;
}

static int run_checked(struct get *get) {
    struct payload payload;
    const struct get_options *options = get->options;
    int code = naming_set(&options->naming, get->command->name);
    if (code == EXIT_OK) {
        code = payload_init(options->data, options->json, options->raw ? PAYLOAD_RAW : PAYLOAD_CHECKED,
                            &payload);
    }
    if (code != EXIT_OK) {
        return code;
    }
    get->payload = &payload;
    code = fetch_with_payload(get);
    payload_deinit(&payload);
    return code;
}

static int get_run(const struct invocation *call) {
    struct get get = {.command = call->command, .options = call->options};
    for (size_t i = 0; call->command->name[i] != '\0'; i++) {
        get.method[i] = (char)toupper((unsigned char)call->command->name[i]);
    }
    int code = check_call(&get, call);
    code = code == EXIT_OK ? run_checked(&get) : code;
    items_close(&get.items);
    free(get.agent);
    free(get.urls);
    free(get.item_texts);
    return code;
}

#define GET_COMMAND(method, line, text)             \
    const struct command method##_command = {       \
        .name = #method,                            \
        .synopsis = "[flags] URL... [ITEM...]",     \
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
    "the same (with -o to standard output, and FILE is left alone).\n\n"
    "Items: name=value and name:=json make a JSON body (with --form a form, where name@file is a file),\n"
    "name==value a query, Name:value a header; name=@file and name:=@file take the value from a file.\n";
static const char head_details[] = "Status line and headers go to standard output.\n";

GET_COMMAND(get, "Fetch URLs and write what they answer", body_details);
GET_COMMAND(head, "Fetch the heads of URLs", head_details);
GET_COMMAND(post, "Send data to URLs by POST", body_details);
GET_COMMAND(put, "Send data to URLs by PUT", body_details);
GET_COMMAND(patch, "Change what URLs name by PATCH", body_details);
GET_COMMAND(delete, "Delete what URLs name", body_details);
GET_COMMAND(options, "Ask what URLs allow, by OPTIONS", body_details);
