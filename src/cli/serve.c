/* wharf serve [DIR]: a directory over HTTP or HTTPS, with listings. The first line of standard output says where;
 * whatever else there is to say goes to standard error. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "cli/options.h"
#include "cli/serve.h"
#include "cli/settings.h"
#include "cli/welcome.h"
#include "wharf/auth.h"
#include "wharf/os.h"

static const char *const symlink_choices[] = {"inside", "none", "all", NULL};

#define FIELD(name) offsetof(struct serve_options, name)
/* Every line is a flag, and a setting of --config. */
static const struct flag serve_flags[] = {
    /* where, and how it runs */
    {"listen", 'l', FLAG_LIST, FIELD(listen), "ADDR", NULL,
     "where; default 127.0.0.1:8000 or the next free port; port 0 picks one; repeatable"},
    {"public", 0, FLAG_SWITCH, FIELD(everywhere), NULL, NULL,
     "listen on all interfaces, and print the addresses"},
    {"threads", 0, FLAG_COUNT, FIELD(threads), "N", NULL, "cores to use; default: all"},
    {"config", 'c', FLAG_TEXT, FIELD(config), "FILE", NULL,
     "settings: these flags, as lines of name = value"},
    {"check", 0, FLAG_SWITCH, FIELD(check), NULL, NULL, "check all settings and files, and serve nothing"},
    {"directory", 0, FLAG_TEXT, FIELD(directory), "DIR", NULL,
     "what to serve, where DIR is not given as such"},
    {"welcome", 0, FLAG_SWITCH, FIELD(welcome), NULL, NULL,
     "serve the built-in welcome page instead of a directory"},

    /* files */
    {"hidden", 0, FLAG_SWITCH, FIELD(hidden), NULL, NULL, "serve names that begin with a dot, too"},
    {"precompressed", 0, FLAG_SWITCH, FIELD(precompressed), NULL, NULL,
     "send FILE.br, FILE.zst or FILE.gz for FILE to clients that take it"},
    {"index", 0, FLAG_TEXT, FIELD(index), "NAMES", NULL,
     "pages that stand for their directory; default index.html"},
    {"spa", 0, FLAG_SWITCH, FIELD(spa), NULL, NULL,
     "an application of one page: it answers unknown paths, too"},
    {"clean-urls", 0, FLAG_SWITCH, FIELD(clean_urls), NULL, NULL, "/about is about.html"},
    {"symlinks", 0, FLAG_CHOICE, FIELD(symlinks), "inside|none|all", symlink_choices,
     "which symbolic links are followed; default: those that stay inside DIR"},
    {"cache", 0, FLAG_TEXT, FIELD(cache), "TIME", NULL,
     "clients may keep files so long without asking, as 90, 30m, 1h, 7d, no-store; default no-cache"},
    {"immutable", 0, FLAG_SWITCH, FIELD(immutable), NULL, NULL,
     "files with a hash in their name may be kept for a year"},
    {"upload", 0, FLAG_SWITCH, FIELD(upload), NULL, NULL, "take files, by PUT and by the form of a listing"},
    {"overwrite", 0, FLAG_SWITCH, FIELD(overwrite), NULL, NULL, "uploads may replace files"},
    {"upload-max", 0, FLAG_TEXT, FIELD(upload_max), "SIZE", NULL,
     "the longest upload, as 500K, 64M, 2G or none; default 1G"},
    {"type", 0, FLAG_LIST, FIELD(types), "EXT=TYPE", NULL, "the media type of an extension; repeatable"},

    /* requests and replies */
    {"compress", 0, FLAG_SWITCH, FIELD(compress), NULL, NULL, "compress replies for clients that take it"},
    {"auth", 0, FLAG_TEXT, FIELD(auth), "USER:PASSWORD|FILE", NULL,
     "only for this user, or for those of a file that htpasswd -B writes"},
    {"log", 0, FLAG_TEXT, FIELD(log), "FORMAT[:FILE]", NULL,
     "a line for each request: common, combined, json, logfmt or off, on standard error or in a file; "
     "default: common on a terminal, else off"},

    /* TLS */
    SECURE_OWN_FLAGS(struct serve_options),
    {"client-ca", 0, FLAG_TEXT, FIELD(secure.ca), "FILE", NULL,
     "only clients whose certificates these authorities have issued, PEM"},
    {"client-crl", 0, FLAG_TEXT, FIELD(secure.crl), "FILE", NULL,
     "revocation lists that their certificates are checked with, PEM"},
    {"staple", 0, FLAG_LIST, FIELD(secure.staples), "FILE", NULL,
     "an OCSP response about a certificate, shown to clients that ask; repeatable"},
    {"any-host", 0, FLAG_SWITCH, FIELD(secure.any_host), NULL, NULL,
     "answer over TLS for hosts that no certificate is for, too"},
    {"tls", 0, FLAG_SWITCH, FIELD(tls), NULL, NULL, "HTTPS with a certificate for development"},
    {0},
};
#undef FIELD

int serve_fail(int error) {
    fprintf(stderr, "wharf serve: %s\n", wharf_why());
    return exitcode_of_error(error);
}

static int misused(const char *sentence) {
    fprintf(stderr, "wharf serve: %s\n", sentence);
    return EXIT_USAGE;
}

/* "json" or "json:/var/log/requests". False: it is neither (a sentence has been written). */
static bool parse_log(const char *text, wharf_server_options *settings) {
    static const char *const formats[] = {
        [WHARF_LOG_OFF] = "off",   [WHARF_LOG_COMMON] = "common", [WHARF_LOG_COMBINED] = "combined",
        [WHARF_LOG_JSON] = "json", [WHARF_LOG_LOGFMT] = "logfmt",
    };
    size_t len = strcspn(text, ":");
    bool has_file = text[len] == ':';
    for (int i = WHARF_LOG_OFF; i <= WHARF_LOG_LOGFMT; i++) {
        bool fits = strlen(formats[i]) == len && memcmp(formats[i], text, len) == 0;
        if (fits && (!has_file || (i != WHARF_LOG_OFF && text[len + 1] != '\0'))) {
            settings->log = (wharf_log_format)i;
            settings->log_file = has_file ? text + len + 1 : NULL;
            return true;
        }
    }
    fprintf(stderr, "wharf serve: --log takes common|combined|json|logfmt|off, or one with :FILE, not %s\n",
            text);
    return false;
}

static int make_server(const struct serve_options *options, wharf_server **ret_server) {
    wharf_server_options settings = {
        .size = sizeof settings,
        .threads = options->threads > 0 ? (int)options->threads : WHARF_OFF,
        .routes = WHARF_OPTIONS(wharf_route_options, .compress = options->compress ? WHARF_ON : 0),
    };
    const char *log = isatty(STDERR_FILENO) == 1 ? "common" : "off";
    if (!parse_log(options->log != NULL ? options->log : log, &settings)) {
        return EXIT_USAGE;
    }
    *ret_server = wharf_server_new(&settings);
    return *ret_server == NULL ? serve_fail(-ENOMEM) : EXIT_OK;
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
        return misused("--tls makes a certificate, --cert has one: give one of them");
    }
    bool more = options->secure.keys != NULL || options->secure.ca != NULL || options->secure.any_host ||
                options->secure.staples != NULL;
    if (options->secure.certificates == NULL && more) {
        return misused("--key, --client-ca, --staple and --any-host go with --cert");
    }
    if (options->secure.crl != NULL && options->secure.ca == NULL) {
        return misused("--client-crl goes with --client-ca");
    }
    if (options->tls) {
        return secure_development(&options->secure, "serve", ret_tls);
    }
    return options->secure.certificates != NULL
               ? secure_server(&options->secure, "serve", told_of_reload, ret_tls)
               : EXIT_OK;
}

/* Nobody else is let in. A file's name has no colon, or a slash before it. */
static int add_auth(wharf_server *server, const char *auth) {
    const char *colon = strchr(auth, ':');
    const char *slash = strchr(auth, '/');
    bool is_file = colon == NULL || (slash != NULL && slash < colon);
    char user[256] = "";
    if (!is_file) {
        snprintf(user, sizeof user, "%.*s", (int)(colon - auth), auth);
    }
    int result = wharf_group_guard(wharf_server_group(server),
                                   WHARF_OPTIONS(wharf_guard_options, .users_file = is_file ? auth : NULL,
                                                 .user = is_file ? NULL : user,
                                                 .password = is_file ? NULL : colon + 1));
    return result < 0 ? serve_fail(result) : EXIT_OK;
}

/* ---- what is served ---- */

static int add_content(wharf_server *server, const struct serve_options *options) {
    int code = options->auth != NULL ? add_auth(server, options->auth) : EXIT_OK;
    if (code != EXIT_OK) {
        return code;
    }
    if (!options->welcome) {
        return serve_add_files(server, options);
    }
    int result = welcome_add(server);
    return result < 0 ? serve_fail(result) : EXIT_OK;
}

/* ---- running ---- */

struct hangups {
    wharf_chan signals;
    wharf_server *server;
};

/* SIGHUP: the certificates are read again at once. But a terminal that goes away says so by the same signal, and takes the
 * server with it. */
static int reload_on_hangup(void *arg) {
    const struct hangups *hangups = arg;
    bool had_terminal = isatty(STDERR_FILENO) == 1;
    int number = 0;
    while (wharf_take(hangups->signals, &number) > 0) {
        if (had_terminal && isatty(STDERR_FILENO) == 0) {
            wharf_server_stop(hangups->server);
        } else {
            wharf_server_reload(hangups->server);
        }
    }
    return 0;
}

static int announce_and_run(wharf_server *server, const struct serve_shown *shown) {
    if (!serve_announce(server, shown)) {
        return EXIT_LOCAL_FILE;
    }
    int result = wharf_server_run(server);
    if (result > 0) {
        fprintf(stderr, "wharf serve: %d request%s cut off\n", result, result == 1 ? " was" : "s were");
        return EXIT_OTHER;
    }
    return result < 0 ? serve_fail(result) : EXIT_OK;
}

static int run_server(wharf_server *server, const struct serve_options *options, wharf_tls *tls) {
    int code = serve_listen(server, options, tls);
    if (code != EXIT_OK) {
        return code;
    }
    const struct serve_shown shown = {
        .what = options->welcome ? "welcome page" : options->directory,
        .as_localhost = options->listen == NULL && (options->welcome || options->everywhere),
        .tls = tls != NULL,
    };
    if (tls == NULL) {
        return announce_and_run(server, &shown);
    }
    struct hangups hangups = {wharf_signal_open(WHARF_SIGNAL(SIGHUP)), server};
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, reload_on_hangup, hangups);
        code = announce_and_run(server, &shown);
        wharf_scope_cancel(scope);
    }
    wharf_signal_close(hangups.signals);
    return code;
}

static int serve_with(const struct serve_options *options) {
    if (options->listen != NULL && options->everywhere) {
        return misused("--public chooses the address itself; with --listen, :PORT means all interfaces");
    }
    wharf_tls *tls = NULL;
    int code = make_tls(options, &tls);
    if (code != EXIT_OK) {
        return code;
    }
    wharf_server *server = NULL;
    code = make_server(options, &server);
    if (code != EXIT_OK) {
        wharf_tls_free(tls);
        return code;
    }
    code = add_content(server, options);
    if (code == EXIT_OK && options->check) {
        puts("the settings are good");
    } else if (code == EXIT_OK) {
        code = run_server(server, options, tls);
    }
    wharf_server_free(server);
    wharf_tls_free(tls);
    return code;
}

/* What is served is an operand or a setting. */
static int serve_what(const struct invocation *call, struct serve_options *options) {
    const struct serve_options *given = call->options;
    if (call->operand_count > 0 && (options->welcome || given->directory != NULL)) {
        return misused(options->welcome ? "--welcome serves no directory"
                                        : "one directory is served, not two");
    }
    if (call->operand_count > 0) {
        options->directory = call->operands[0];
    }
    options->directory = options->directory != NULL ? options->directory : ".";
    return serve_with(options);
}

static int serve_run(const struct invocation *call) {
    struct serve_options options = *(const struct serve_options *)call->options;
    if (options.config == NULL) {
        return serve_what(call, &options);
    }
    struct serve_options file = {.config = NULL};
    char *text = NULL;
    int code = settings_read(call->command, options.config, &file, &text);
    if (code == EXIT_OK && (file.config != NULL || file.check)) {
        code = misused("config and check are no settings of a file");
    }
    options_complete(call->command, &options, &file);
    code = code == EXIT_OK ? serve_what(call, &options) : code;
    options_deinit(call->command, &file);
    free(text);
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
