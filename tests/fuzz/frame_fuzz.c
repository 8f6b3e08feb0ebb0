/* Targets frame_find and frame_wrap. The first input byte chooses the framing, the second how many bytes arrive at a time, the
 * third the limit; the rest is the stream.
 *
 * Asserts that frames and errors do not depend on how the stream is cut, that no frame is longer than the limit, and that a frame
 * that was found, wrapped again, is found again. */
#include "base/text.h"
#include "net/codec/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

struct reading {
    int result; /* of the frame that was no frame; 0: the stream ended */
    size_t frames, used, sum;
};

static void check_frame(const struct frame_format *format, wharf_str body) {
    static char all[FRAME_HEAD_MAX + 70000 + 64];
    char head[FRAME_HEAD_MAX];
    size_t head_len = 0;
    wharf_str tail;
    const char *problem = NULL;
    struct frame_place place;
    int rc = frame_wrap(format, body, head, &head_len, &tail);
    /* A line that ended in "\r\r\n" leaves a body that cannot be sent. */
    require(rc == 0 || (format->kind == FRAME_LINE && body.len > 0 && body.ptr[body.len - 1] == '\r'));
    if (rc < 0) {
        return;
    }
    require(head_len <= FRAME_HEAD_MAX);
    memcpy(all, head, head_len);
    if (body.len > 0) {
        memcpy(all + head_len, body.ptr, body.len);
    }
    memcpy(all + head_len + body.len, tail.ptr, tail.len);
    wharf_str bytes = {all, head_len + body.len + tail.len};
    require(frame_find(format, bytes, 0, &place, &problem) == 1);
    require(place.head == head_len && place.body == body.len && place.tail == tail.len);
}

static struct reading read_frames(const struct frame_format *format, wharf_str input, size_t window) {
    struct reading reading = {0};
    size_t arrived = window < input.len ? window : input.len;
    size_t searched = 0;
    for (;;) {
        struct frame_place place = {0};
        const char *problem = NULL;
        wharf_str bytes = str_slice(input, reading.used, arrived);
        int rc = frame_find(format, bytes, searched, &place, &problem);
        size_t whole = place.head + place.body + place.tail;
        if (rc == 1 && whole <= bytes.len) {
            wharf_str tail = str_slice(bytes, place.head + place.body, whole);
            rc = tail.len > 0 && frame_check_tail(format, tail, &problem) < 0 ? -WHARF_EPROTOCOL : 1;
        }
        if (rc < 0) {
            require((rc == -WHARF_EPROTOCOL) == (problem != NULL));
            reading.result = rc;
            return reading;
        }
        if (rc == 1 && whole <= bytes.len) {
            require(place.body <= format->max_bytes && whole > 0);
            check_frame(format, str_slice(bytes, place.head, place.head + place.body));
            reading.sum = reading.sum * 31 + place.body;
            reading.used += whole;
            reading.frames++;
            searched = 0;
        } else if (arrived == input.len) {
            return reading;
        } else {
            searched = rc == 0 ? bytes.len : 0;
            arrived = arrived + window < input.len ? arrived + window : input.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const delimiters[] = {"\r\n", "END", "aba", "x"};
    if (size < 3 || size > 60000) {
        return 0;
    }
    struct frame_format format = {.kind = (enum frame_kind)(data[0] % FRAME_KINDS)};
    format.little_endian = data[0] >= 128;
    format.delimiter = wharf_str_of(delimiters[data[0] / FRAME_KINDS % 4]);
    format.max_bytes = data[2] == 0 ? 65536 : data[2];
    wharf_str input = {(const char *)data + 3, size - 3};
    struct reading whole = read_frames(&format, input, input.len + 1);
    struct reading split = read_frames(&format, input, (size_t)data[1] + 1);
    require(whole.result == split.result && whole.frames == split.frames && whole.used == split.used);
    require(whole.sum == split.sum);
    return 0;
}
