/* wharf serve [DIR]: a directory over HTTP or HTTPS, with listings. The first line of standard output says where;
 * whatever else there is to say goes to standard error. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/secure.h"
#include "cli/welcome.h"
#include "wharf/server.h"

enum { DEFAULT_PORT = 8000, PORTS_TRIED = 100 };
enum { LOG_OFF = 1, LOG_COMMON = 2, LOG_JSON = 3 }; /* as in log_choices */

struct serve_options {
    const char **listen;
    int log;
    int64_t threads;
    bool hidden;
    bool welcome;
    bool tls;
    struct secure_options secure;
};

static const char *const log_choices[] = {"off", "common", "json", NULL};

#define FIELD(name) offsetof(struct serve_options, name)
static const struct flag serve_flags[] = {
    {"listen", 'l', FLAG_LIST, FIELD(listen), "ADDR", NULL,
     "where; default 127.0.0.1:8000, port 0 picks one; repeatable"},
    {"log", 0, FLAG_CHOICE, FIELD(log), "off|common|json", log_choices,
     "requests on standard error; default: common on a terminal, else off"},
    {"threads", 0, FLAG_COUNT, FIELD(threads), "N", NULL, "cores to use; default: all"},
    {"hidden", 0, FLAG_SWITCH, FIELD(hidden), NULL, NULL, "serve names that begin with a dot, too"},
    {"welcome", 0, FLAG_SWITCH, FIELD(welcome), NULL, NULL,
     "serve the built-in welcome page instead of a directory"},
    SECURE_OWN_FLAGS(struct serve_options),
    {"client-ca", 0, FLAG_TEXT, FIELD(secure.ca), "FILE", NULL,
     "only clients whose certificates these authorities have issued, PEM"},
    {"tls", 0, FLAG_SWITCH, FIELD(tls), NULL, NULL, "HTTPS with a certificate for development"},
    {0},
};
#undef FIELD

static int fail(int error) {
    fprintf(stderr, "wharf serve: %s\n", wharf_why());
    return exitcode_of_error(error);
}

static wharf_server *make_server(const struct serve_options *options) {
    static const wharf_log_format formats[] = {
        [LOG_OFF] = WHARF_LOG_OFF,
        [LOG_COMMON] = WHARF_LOG_COMMON,
        [LOG_JSON] = WHARF_LOG_JSON,
    };
    int log = options->log != 0 ? options->log : isatty(STDERR_FILENO) == 1 ? LOG_COMMON : LOG_OFF;
    wharf_server_options settings = {
        .size = sizeof settings,
        .threads = options->threads > 0 ? (int)options->threads : WHARF_OFF,
        .log = formats[log],
    };
    return wharf_server_new(&settings);
}

/* Listens on what was asked for; a port that is taken is named. */
static int listen_on(wharf_server *server, const char *address, wharf_tls *tls) {
    int result = tls != NULL ? wharf_server_listen_tls(server, address, tls)
                             : wharf_server_listen(server, address);
    if (result == -EADDRINUSE) {
        fprintf(stderr,
                "wharf serve: %s is already in use (--listen ADDR takes another; port 0 picks a free one)\n",
                address);
        return EXIT_CONNECT;
    }
    return result < 0 ? fail(result) : EXIT_OK;
}

static int listen_on_all(wharf_server *server, const char *const *addresses, wharf_tls *tls) {
    int code = EXIT_OK;
    for (; *addresses != NULL && code == EXIT_OK; addresses++) {
        code = listen_on(server, *addresses, tls);
    }
    return code;
}

/* The welcome page is for looking at: where its port is taken it moves to the next free one. */
static int listen_on_next_free(wharf_server *server, wharf_tls *tls) {
    int result = -EADDRINUSE;
    for (int port = DEFAULT_PORT; port < DEFAULT_PORT + PORTS_TRIED && result == -EADDRINUSE; port++) {
        char address[32];
        snprintf(address, sizeof address, "localhost:%d", port);
        result = tls != NULL ? wharf_server_listen_tls(server, address, tls)
                             : wharf_server_listen(server, address);
        if (result == -EADDRINUSE) {
            fprintf(stderr, "wharf serve: %s is already in use; trying the next port\n", address);
        }
    }
    return result < 0 ? fail(result) : EXIT_OK;
}

/* How addresses are shown. */
struct shown {
    bool as_localhost, tls;
};

/* ":8000" of an address, with what is before replaced by the name a browser would be given. */
static void print_url(const char *prefix, const char *address, const struct shown *shown) {
    const char *port = strrchr(address, ':');
    const char *scheme = shown->tls ? "https" : "http";
    if (strncmp(address, "unix:", 5) == 0 || port == NULL) {
        printf("%s%s\n", prefix, address);
    } else if (shown->as_localhost) {
        printf("%s%s://localhost%s/\n", prefix, scheme, port);
    } else {
        printf("%s%s://%s/\n", prefix, scheme, address);
    }
}

static int run(wharf_server *server, const char *what, const struct shown *shown) {
    char prefix[4200];
    snprintf(prefix, sizeof prefix, "serving %s on ", what);
    print_url(prefix, wharf_server_address(server, 0), shown);
    if (fflush(stdout) != 0) {
        return EXIT_LOCAL_FILE;
    }
    for (int i = 1; wharf_server_address(server, i)[0] != '\0' && !shown->as_localhost; i++) {
        fprintf(stderr, "also on %s\n", wharf_server_address(server, i));
    }
    int result = wharf_server_run(server);
    if (result > 0) {
        fprintf(stderr, "wharf serve: %d request%s cut off\n", result, result == 1 ? " was" : "s were");
        return EXIT_OTHER;
    }
    return result < 0 ? fail(result) : EXIT_OK;
}

static int serve_welcome(wharf_server *server, const struct serve_options *options, wharf_tls *tls) {
    int result = welcome_add(server);
    if (result < 0) {
        return fail(result);
    }
    bool anywhere = options->listen == NULL;
    int code = anywhere ? listen_on_next_free(server, tls)
                        : listen_on_all(server, (const char *const *)options->listen, tls);
    const struct shown shown = {.as_localhost = anywhere, .tls = tls != NULL};
    return code != EXIT_OK ? code : run(server, "welcome page", &shown);
}

static int serve_directory(wharf_server *server, const struct invocation *call, wharf_tls *tls) {
    const struct serve_options *options = call->options;
    const char *directory = call->operand_count > 0 ? call->operands[0] : ".";
    int result = wharf_files(server, "/", directory,
                             WHARF_OPTIONS(wharf_files_options, .listing = true, .hidden = options->hidden));
    if (result < 0) {
        fprintf(stderr, "wharf serve: %s: %s\n", directory, wharf_strerror(result));
        return EXIT_LOCAL_FILE;
    }
    static const char *const standard[] = {"127.0.0.1:8000", NULL};
    int code = listen_on_all(server,
                             options->listen != NULL ? (const char *const *)options->listen : standard, tls);
    const struct shown shown = {.tls = tls != NULL};
    return code != EXIT_OK ? code : run(server, directory, &shown);
}

/* Certificates that were renewed while we run, or could not be. */
static void told_of_reload(void *arg, int result, const char *why) {
    (void)arg;
    if (result < 0) {
        fprintf(stderr, "wharf serve: the new certificates are not used: %s\n", why);
    } else {
        fputs("wharf serve: the new certificates are in use\n", stderr);
    }
}

/* What is asked for of TLS; *ret_tls NULL: nothing. */
static int make_tls(const struct serve_options *options, wharf_tls **ret_tls) {
    *ret_tls = NULL;
    if (options->tls && options->secure.certificates != NULL) {
        fputs("wharf serve: --tls makes a certificate, --cert has one: give one of them\n", stderr);
        return EXIT_USAGE;
    }
    if (options->secure.certificates == NULL &&
        (options->secure.keys != NULL || options->secure.ca != NULL)) {
        fputs("wharf serve: --key and --client-ca go with --cert\n", stderr);
        return EXIT_USAGE;
    }
    if (options->tls) {
        return secure_development(&options->secure, "serve", ret_tls);
    }
    return options->secure.certificates != NULL
               ? secure_server(&options->secure, "serve", told_of_reload, ret_tls)
               : EXIT_OK;
}

static int serve_run(const struct invocation *call) {
    const struct serve_options *options = call->options;
    wharf_tls *tls = NULL;
    if (options->welcome && call->operand_count > 0) {
        fputs("wharf serve: --welcome serves no directory\n", stderr);
        return EXIT_USAGE;
    }
    int code = make_tls(options, &tls);
    if (code != EXIT_OK) {
        return code;
    }
    wharf_server *server = make_server(options);
    if (server == NULL) {
        wharf_tls_free(tls);
        return fail(-ENOMEM);
    }
    code = options->welcome ? serve_welcome(server, options, tls) : serve_directory(server, call, tls);
    wharf_server_free(server);
    wharf_tls_free(tls);
    return code;
}

const struct command serve_command = {
    .name = "serve",
    .synopsis = "[flags] [DIR]",
    .summary = "Serve a directory over HTTP",
    .details = "DIR is the current directory unless given. Nothing outside it can be reached, and names\n"
               "that begin with a dot are hidden. Ctrl-C finishes the requests that are running, then\n"
               "ends; a second one ends at once.\n",
    .flags = serve_flags,
    .options_size = sizeof(struct serve_options),
    .operands_min = 0,
    .operands_max = 1,
    .run = serve_run,
};
