/* Where a request's body comes from. A file is opened by the library when it is sent; here it is only looked
 * at, so that a wrong name is reported before anything happens. JSON is read whole and checked: a server's
 * answer to half a document is of no use to anybody. */
#include "cli/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "wharf/os.h"

enum { JSON_BYTES_MAX = 256 << 20 };

static int complain(const char *name, const char *what) {
    fprintf(stderr, "wharf: %s: %s\n", name, what);
    return EXIT_LOCAL_FILE;
}

/* Standard input redirected from a file has a length: the rest of that file. */
static int64_t stdin_length(void) {
    struct stat status;
    if (fstat(STDIN_FILENO, &status) < 0 || !S_ISREG(status.st_mode)) {
        return 0;
    }
    off_t position = lseek(STDIN_FILENO, 0, SEEK_CUR);
    return position >= 0 && position < status.st_size ? status.st_size - position : 0;
}

static int check_file(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    if (error != 0) {
        return complain(path, wharf_strerror(-error));
    }
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    close(fd);
    return regular ? EXIT_OK : complain(path, "not a regular file (use @- and a redirection)");
}

/* All that a descriptor has, as heap memory. */
static int load(int fd, const char *name, struct payload *payload) {
    size_t room = 65536;
    size_t len = 0;
    char *bytes = malloc(room);
    ssize_t got = 1;
    while (bytes != NULL && got > 0 && len < JSON_BYTES_MAX) {
        if (len == room) {
            char *larger = realloc(bytes, room * 2);
            if (larger == NULL) {
                break;
            }
            bytes = larger;
            room *= 2;
        }
        got = wharf_read(fd, bytes + len, room - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (bytes == NULL || got != 0) {
        free(bytes);
        return complain(name, got < 0 ? wharf_strerror((int)got) : "too large to be held in memory");
    }
    payload->bytes = payload->loaded = bytes;
    payload->len = len;
    return EXIT_OK;
}

static int load_file(const char *path, struct payload *payload) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (error != 0) {
        return complain(path, wharf_strerror(-error));
    }
    int code = load(fd, path, payload);
    close(fd);
    return code;
}

/* Finds out where the bytes come from, and loads them when they are to be looked at. */
static int find_source(const char *data, bool whole, struct payload *payload) {
    if (data[0] != '@') {
        payload->bytes = data;
        payload->len = strlen(data);
        return EXIT_OK;
    }
    const char *path = data + 1;
    bool is_stdin = strcmp(path, "-") == 0;
    if (whole) {
        return is_stdin ? load(STDIN_FILENO, "standard input", payload) : load_file(path, payload);
    }
    if (is_stdin) {
        payload->is_stdin = true;
        payload->stdin_length = stdin_length();
        return EXIT_OK;
    }
    payload->file = path;
    return check_file(path);
}

static int check_json(const struct payload *payload) {
    size_t offset = 0;
    const char *problem = wharf_json_check(payload->bytes, payload->len, &offset);
    if (problem == NULL) {
        return EXIT_OK;
    }
    fprintf(stderr, "wharf: --json: %s at byte %zu (--raw sends it all the same)\n", problem, offset);
    return EXIT_USAGE;
}

int payload_init(const char *data, const char *json, enum payload_check check, struct payload *ret_payload) {
    struct payload payload = {.is_json = json != NULL};
    int code = EXIT_OK;
    if (json != NULL) {
        bool whole = check == PAYLOAD_CHECKED;
        payload.content_type = "application/json";
        code = find_source(json, whole, &payload);
        code = code == EXIT_OK && whole ? check_json(&payload) : code;
    } else if (data != NULL) {
        payload.content_type = data[0] == '@' ? "application/octet-stream"
                                              : "application/x-www-form-urlencoded";
        code = find_source(data, false, &payload);
    }
    if (code != EXIT_OK) {
        payload_deinit(&payload);
        return code;
    }
    *ret_payload = payload;
    return EXIT_OK;
}

void payload_deinit(struct payload *payload) {
    free(payload->loaded);
}

static ssize_t read_stdin(void *arg, void *buffer, size_t size) {
    (void)arg;
    return wharf_read(STDIN_FILENO, buffer, size);
}

void payload_apply(const struct payload *payload, wharf_fetch_options *request) {
    request->content_type = payload->content_type;
    request->body = payload->bytes;
    request->body_bytes = payload->len;
    request->body_file = payload->file;
    if (payload->is_stdin) {
        request->body_fn = read_stdin;
        request->body_fn_bytes = payload->stdin_length;
    }
}
