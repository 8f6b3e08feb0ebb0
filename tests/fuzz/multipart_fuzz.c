/* Target: multipart_next, on a body that becomes visible in pieces, and the parameters of its first line as a type.
 * Asserts: views and counts stay within what was shown, every part ends before the next begins, contents do not depend
 * on the pieces, and a stream that makes no progress is one that needs more. */
#include <assert.h>

#include "base/text.h"
#include "http/codec/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int rc;
    size_t parts, content_len;
    unsigned sum; /* of the contents, byte by byte */
};

static void add(struct outcome *outcome, wharf_str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        outcome->sum = outcome->sum * 31 + (unsigned char)bytes.ptr[i];
    }
    outcome->content_len += bytes.len;
}

static struct outcome play(struct multipart multipart, wharf_str body, size_t piece) {
    struct outcome outcome = {0};
    struct multipart_event event = {.kind = MULTIPART_MORE};
    size_t start = 0;
    size_t end = 0;
    bool is_open = false;
    while (event.kind != MULTIPART_END) {
        wharf_str shown = str_slice(body, start, end);
        outcome.rc = multipart_next(&multipart, shown, &event);
        if (outcome.rc < 0) {
            return outcome;
        }
        assert(event.taken <= shown.len);
        assert(event.bytes.len == 0 ||
               (event.bytes.ptr >= shown.ptr && event.bytes.ptr + event.bytes.len <= shown.ptr + shown.len));
        if (event.kind == MULTIPART_PART) {
            assert(!is_open);
            is_open = true;
            outcome.parts++;
        } else if (event.kind == MULTIPART_DATA) {
            assert(is_open && event.bytes.len > 0);
            add(&outcome, event.bytes);
        } else if (event.kind == MULTIPART_PART_END) {
            assert(is_open);
            is_open = false;
        } else if (event.kind == MULTIPART_MORE && event.taken == 0) {
            if (end == body.len) {
                return outcome;
            }
            end = end + piece < body.len ? end + piece : body.len;
        }
        start += event.taken;
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wharf_str body = {(const char *)data, size};
    wharf_str type = STR("");
    struct multipart multipart;
    (void)str_split(&body, '\n', &type);
    if (multipart_init(&multipart, type, 256) < 0 &&
        multipart_init(&multipart, STR("multipart/form-data; boundary=b"), 256) < 0) {
        return 0;
    }
    struct outcome whole = play(multipart, body, size + 1);
    struct outcome bytes = play(multipart, body, 1);
    assert(whole.rc == bytes.rc || whole.rc == -WHARF_ELIMIT || bytes.rc == -WHARF_ELIMIT);
    if (whole.rc == 0 && bytes.rc == 0) {
        assert(whole.parts == bytes.parts && whole.content_len == bytes.content_len &&
               whole.sum == bytes.sum);
    }
    return 0;
}
