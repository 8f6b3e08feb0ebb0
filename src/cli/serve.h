/* wharf serve from the inside: its options, and the steps from them to a running server. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/secure.h"
#include "wharf/files.h"
#include "wharf/route.h"

/* What the flags say; see the table in serve.c. */
struct serve_options {
    const char *config;
    bool check;
    const char *directory;
    const char **listen;
    bool everywhere; /* --public */
    int64_t threads;
    bool welcome;

    bool hidden;
    bool precompressed;
    const char *index;
    bool spa;
    bool clean_urls;
    int symlinks;
    const char *cache;
    bool immutable;
    const char **types;
    bool upload;
    bool overwrite;
    const char *upload_max;
    bool compress;

    const char *log;
    const char *auth;

    bool tls;
    struct secure_options secure;
};

/* Reports the task's last failure. Returns its exit code. */
int serve_fail(int error);

/* ---- serve_files.c ---- */
/* Serves the directory. An exit code; what is wrong has been said. */
int serve_add_files(wharf_server *server, const struct serve_options *options);

/* ---- serve_listen.c ---- */
/* How addresses are shown. */
struct serve_shown {
    const char *what; /* that is served */
    bool as_localhost;
    bool tls;
};

/* Listens where the options say; without them, on the first free port from 8000 on. An exit code. */
int serve_listen(wharf_server *server, const struct serve_options *options, wharf_tls *tls);
/* The line on standard output, and on standard error the other addresses. False: nobody could read it. */
bool serve_announce(wharf_server *server, const struct serve_shown *shown);

#endif
