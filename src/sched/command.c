/* A program run to its end, its output in one piece. */
#include <errno.h>

#include "base/failure.h"
#include "wharf/os.h"

/* Up to `size` bytes, then one more, which must not be there. */
static ssize_t output_read(wharf_file output, char *buffer, size_t size) {
    size_t len = 0;
    for (;;) {
        char beyond = 0;
        bool full = len == size;
        ssize_t n = wharf_file_read(output, full ? &beyond : buffer + len, full ? 1 : size - len);
        if (n <= 0) {
            return n < 0 ? n : (ssize_t)len;
        }
        if (full) {
            return -WHARF_ELIMIT;
        }
        len += (size_t)n;
    }
}

int wharf_run_command(const char *const *argv, void *buffer, size_t size, size_t *ret_len) {
    if (buffer == NULL && size > 0) {
        return -EINVAL;
    }
    wharf_child child = wharf_child_start(
        NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv, .input = WHARF_NULL, .output = WHARF_PIPE));
    if (wharf_failed(child)) {
        return wharf_error(child);
    }
    ssize_t len = output_read(child.output, buffer, size);
    (void)wharf_file_close(child.output);
    if (len < 0) {
        (void)wharf_cancel((wharf_task){child.id});
    }
    int status = wharf_child_wait(child, NULL);
    if (len == -WHARF_ELIMIT) {
        return fail(-WHARF_ELIMIT, "run", argv[0], "its output is longer than %zu bytes", size);
    }
    if (len < 0) {
        return (int)len;
    }
    if (status >= 0 && ret_len != NULL) {
        *ret_len = (size_t)len;
    }
    return status;
}
