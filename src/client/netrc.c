/* See netrc.h. Tokens are separated by white space; one in quotes may hold it, and a backslash keeps the meaning off the next
 * byte. "macdef" begins a macro, which ends with an empty line; '#' a comment where a token would begin. */
#include "client/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/text.h"
#include "sched/sched.h"
#include "wharf/os.h"

enum { NETRC_BYTES_MAX = 1 << 20, PATH_SIZE = 4096 };

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void skip_to(wharf_str *rest, wharf_str end) {
    ssize_t at = str_find(*rest, end);
    *rest = str_slice(*rest, at < 0 ? rest->len : (size_t)at + end.len, rest->len);
}

/* The length of the token at the start of the text, which is not empty. */
static size_t token_len(wharf_str text) {
    bool quoted = text.ptr[0] == '"';
    size_t at = quoted ? 1 : 0;
    while (at < text.len && (quoted ? text.ptr[at] != '"' : !is_space(text.ptr[at]))) {
        at += text.ptr[at] == '\\' && at + 1 < text.len ? 2 : 1;
    }
    return quoted && at < text.len ? at + 1 : at;
}

/* The next token, where a value is expected and '#' is a byte like others. */
static bool next_value(wharf_str *rest, wharf_str *ret_token) {
    size_t at = 0;
    while (at < rest->len && is_space(rest->ptr[at])) {
        at++;
    }
    *rest = str_slice(*rest, at, rest->len);
    if (rest->len == 0) {
        return false;
    }
    size_t len = token_len(*rest);
    *ret_token = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return true;
}

/* The next word that says what follows. */
static bool next_keyword(wharf_str *rest, wharf_str *ret_token) {
    wharf_str before = *rest;
    while (next_value(rest, ret_token)) {
        if (ret_token->ptr[0] != '#') {
            return true;
        }
        *rest = str_slice(before, (size_t)(ret_token->ptr - before.ptr), before.len);
        skip_to(rest, STR("\n"));
        before = *rest;
    }
    return false;
}

size_t netrc_token(wharf_str token, char *out) {
    bool quoted = token.len >= 2 && token.ptr[0] == '"' && token.ptr[token.len - 1] == '"';
    size_t end = quoted ? token.len - 1 : token.len;
    size_t len = 0;
    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        i += token.ptr[i] == '\\' && i + 1 < end ? 1 : 0;
        out[len++] = token.ptr[i];
    }
    return len;
}

/* What is being read. */
struct entry {
    wharf_str login, password;
    bool here; /* it is the host's */
};

/* What follows a keyword that begins no entry. */
static void read_field(wharf_str keyword, wharf_str *rest, struct entry *entry) {
    wharf_str value = {NULL, 0};
    wharf_str *field = wharf_str_is(keyword, "login")      ? &entry->login
                       : wharf_str_is(keyword, "password") ? &entry->password
                                                           : NULL;
    if (wharf_str_is(keyword, "macdef")) {
        skip_to(rest, STR("\n\n"));
    } else if (field != NULL || wharf_str_is(keyword, "account")) {
        bool found = next_value(rest, &value);
        if (found && field != NULL && entry->here) {
            *field = value;
        }
    }
}

bool netrc_find(wharf_str text, wharf_str host, wharf_str *ret_login, wharf_str *ret_password) {
    struct entry entry = {.login = STR(""), .password = STR("")};
    wharf_str keyword = {NULL, 0};
    while (next_keyword(&text, &keyword)) {
        bool machine = wharf_str_is(keyword, "machine");
        bool begins = machine || wharf_str_is(keyword, "default");
        if (begins && entry.here) {
            break;
        }
        if (machine) {
            wharf_str name = {NULL, 0};
            entry.here = next_value(&text, &name) && str_equal_nocase(name, host);
        } else if (begins) {
            entry.here = true;
        } else {
            read_field(keyword, &text, &entry);
        }
    }
    if (entry.here) {
        *ret_login = entry.login;
        *ret_password = entry.password;
    }
    return entry.here;
}

static const char *own_path(char *out) {
    const char *own = getenv("NETRC");
    const char *home = getenv("HOME");
    if (own != NULL && own[0] != '\0') {
        return own;
    }
    (void)snprintf(out, PATH_SIZE, "%s/.netrc", home != NULL ? home : "");
    return out;
}

static int read_all(wharf_file file, const char *path, struct buffer *out) {
    int rc = buffer_reserve(out, NETRC_BYTES_MAX); /* at once: growing would leave copies behind */
    ssize_t got = rc < 0 ? fail(rc, "read", path, NULL) : 1;
    while (got > 0 && buffer_len(out) < NETRC_BYTES_MAX) {
        got = wharf_file_read(file, out->data + out->end, NETRC_BYTES_MAX - out->end);
        out->end += got > 0 ? (size_t)got : 0;
    }
    if (got > 0) {
        return fail(-WHARF_ELIMIT, "read", path, "a netrc file has 1 MiB at most");
    }
    return (int)got;
}

int netrc_open(struct netrc *netrc, const char *path) {
    char own[PATH_SIZE];
    struct buffer text;
    const char *chosen = path[0] != '\0' ? path : own_path(own);
    wharf_file file = wharf_open(chosen, O_RDONLY, 0);
    if (wharf_failed(file)) {
        return wharf_error(file);
    }
    buffer_init(&text, NETRC_BYTES_MAX);
    int rc = read_all(file, chosen, &text);
    if (rc == 0 && secret_init(&netrc->text, buffer_view(&text)) < 0) {
        rc = fail(-ENOMEM, "read", chosen, NULL);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, buffer_len(&text));
    }
    buffer_deinit(&text);
    (void)wharf_file_close(file);
    return rc;
}

void netrc_close(struct netrc *netrc) {
    secret_deinit(&netrc->text);
}
