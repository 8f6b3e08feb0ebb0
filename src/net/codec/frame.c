/* See frame.h. Three families: those that end where a delimiter stands, those that begin with their length in bits, and
 * netstrings, which do both in text. A length is refused as soon as its first bytes show that it is over the limit, before
 * anything is kept for it; one that is written longer than it need be is refused, because two spellings of one message are how
 * two readers come to disagree. */
#include "net/codec/frame.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"

enum { VARINT_BITS = 7, VARINT_MORE = 0x80, VARINT_MAX = 5, DIGITS_MAX = 9 };

static int malformed(const char **ret_problem, const char *problem) {
    *ret_problem = problem;
    return -WHARF_EPROTOCOL;
}

/* The frame's length is known: it is within the limit, or not. */
static int found(const struct frame_format *format, struct frame_place place, struct frame_place *ret_place) {
    if (place.body > format->max_bytes) {
        return -WHARF_ELIMIT;
    }
    *ret_place = place;
    return 1;
}

/* ---- to a delimiter ---- */

static int find_delimiter(const struct frame_format *format, wharf_str delimiter, wharf_str bytes,
                          size_t searched, struct frame_place *ret_place) {
    size_t overlap = delimiter.len - 1;
    size_t start = searched > overlap ? searched - overlap : 0;
    ssize_t at = str_find(str_slice(bytes, start, bytes.len), delimiter);
    if (at < 0) {
        /* So many bytes without it that no frame within the limit can come of them, a "\r" before it set aside. */
        size_t most = format->max_bytes + overlap + (format->kind == FRAME_LINE ? 1 : 0);
        return bytes.len > most ? -WHARF_ELIMIT : 0;
    }
    struct frame_place place = {.body = start + (size_t)at, .tail = delimiter.len};
    if (format->kind == FRAME_LINE && place.body > 0 && bytes.ptr[place.body - 1] == '\r') {
        place.body--;
        place.tail++;
    }
    return found(format, place, ret_place);
}

/* ---- after a length ---- */

static size_t length_bytes(enum frame_kind kind) {
    return kind == FRAME_LENGTH_1 ? 1 : kind == FRAME_LENGTH_2 ? 2 : 4;
}

static int find_fixed(const struct frame_format *format, wharf_str bytes, struct frame_place *ret_place) {
    size_t count = length_bytes(format->kind);
    size_t length = 0;
    if (bytes.len < count) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = format->little_endian ? count - 1 - i : i;
        length = length << 8 | (unsigned char)bytes.ptr[at];
    }
    return found(format, (struct frame_place){.head = count, .body = length}, ret_place);
}

static int find_varint(const struct frame_format *format, wharf_str bytes, struct frame_place *ret_place,
                       const char **ret_problem) {
    uint64_t length = 0;
    for (size_t i = 0; i < VARINT_MAX; i++) {
        if (i == bytes.len) {
            return 0;
        }
        unsigned char byte = (unsigned char)bytes.ptr[i];
        length |= (uint64_t)(byte & (VARINT_MORE - 1)) << (VARINT_BITS * i);
        if ((byte & VARINT_MORE) == 0) {
            bool shortest = i == 0 || byte != 0;
            return shortest ? found(format, (struct frame_place){.head = i + 1, .body = length}, ret_place)
                            : malformed(ret_problem, "the length is not in its shortest form");
        }
    }
    return malformed(ret_problem, "the length has more than five bytes");
}

static int find_netstring(const struct frame_format *format, wharf_str bytes, struct frame_place *ret_place,
                          const char **ret_problem) {
    size_t length = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        char byte = bytes.ptr[i];
        if (byte == ':' && i > 0) {
            return found(format, (struct frame_place){.head = i + 1, .body = length, .tail = 1}, ret_place);
        }
        if (byte < '0' || byte > '9') {
            return malformed(ret_problem, i == 0 ? "a netstring begins with its length"
                                                 : "behind the length belongs a colon");
        }
        if (i > 0 && bytes.ptr[0] == '0') {
            return malformed(ret_problem, "the length begins with a zero");
        }
        length = length * 10 + (size_t)(byte - '0');
        if (i == DIGITS_MAX || length > format->max_bytes) {
            return -WHARF_ELIMIT;
        }
    }
    return 0;
}

int frame_find(const struct frame_format *format, wharf_str bytes, size_t searched,
               struct frame_place *ret_place, const char **ret_problem) {
    switch (format->kind) {
    case FRAME_LINE: return find_delimiter(format, STR("\n"), bytes, searched, ret_place);
    case FRAME_DELIMITER: return find_delimiter(format, format->delimiter, bytes, searched, ret_place);
    case FRAME_VARINT: return find_varint(format, bytes, ret_place, ret_problem);
    case FRAME_NETSTRING: return find_netstring(format, bytes, ret_place, ret_problem);
    default: return find_fixed(format, bytes, ret_place);
    }
}

int frame_check_tail(const struct frame_format *format, wharf_str tail, const char **ret_problem) {
    if (format->kind == FRAME_NETSTRING && tail.ptr[0] != ',') {
        return malformed(ret_problem, "a netstring ends with a comma");
    }
    return 0;
}

/* ---- sending ---- */

static size_t most_of_kind(const struct frame_format *format) {
    size_t most = format->max_bytes;
    size_t kind = format->kind == FRAME_LENGTH_1   ? UINT8_MAX
                  : format->kind == FRAME_LENGTH_2 ? UINT16_MAX
                                                   : most;
    return kind < most ? kind : most;
}

static size_t put_fixed(const struct frame_format *format, size_t length, char *head) {
    size_t count = length_bytes(format->kind);
    for (size_t i = 0; i < count; i++) {
        size_t at = format->little_endian ? i : count - 1 - i;
        head[at] = (char)(unsigned char)(length >> (8 * i) & 0xff);
    }
    return count;
}

static size_t put_varint(size_t length, char *head) {
    size_t count = 0;
    while (length >= VARINT_MORE) {
        head[count++] = (char)(unsigned char)((length & (VARINT_MORE - 1)) | VARINT_MORE);
        length >>= VARINT_BITS;
    }
    head[count++] = (char)(unsigned char)length;
    return count;
}

static size_t put_decimal(size_t length, char *head) {
    char digits[20];
    size_t count = number_format(length, digits);
    memcpy(head, digits, count);
    head[count] = ':';
    return count + 1;
}

/* Whether the peer would see the delimiter where it is meant, and not before. */
static bool ends_where_meant(const struct frame_format *format, wharf_str body) {
    if (format->kind == FRAME_LINE) {
        bool returns = body.len > 0 && body.ptr[body.len - 1] == '\r';
        return !returns && str_find_byte(body, '\n') < 0;
    }
    /* The end of the body and the beginning of the delimiter can make one, too: "xa" before "aa". */
    wharf_str delimiter = format->delimiter;
    if (str_find(body, delimiter) >= 0) {
        return false;
    }
    for (size_t overlap = 1; overlap < delimiter.len && overlap <= body.len; overlap++) {
        wharf_str end = str_slice(body, body.len - overlap, body.len);
        wharf_str rest = str_slice(delimiter, overlap, delimiter.len);
        if (wharf_str_equal(end, str_slice(delimiter, 0, overlap)) &&
            wharf_str_equal(rest, str_slice(delimiter, 0, rest.len))) {
            return false;
        }
    }
    return true;
}

int frame_wrap(const struct frame_format *format, wharf_str body, char *head, size_t *ret_head_len,
               wharf_str *ret_tail) {
    wharf_str tail = STR("");
    size_t head_len = 0;
    if (body.len > most_of_kind(format)) {
        return -WHARF_ELIMIT;
    }
    switch (format->kind) {
    case FRAME_LINE: tail = STR("\n"); break;
    case FRAME_DELIMITER: tail = format->delimiter; break;
    case FRAME_VARINT: head_len = put_varint(body.len, head); break;
    case FRAME_NETSTRING:
        head_len = put_decimal(body.len, head);
        tail = STR(",");
        break;
    default: head_len = put_fixed(format, body.len, head); break;
    }
    bool delimited = format->kind == FRAME_LINE || format->kind == FRAME_DELIMITER;
    if (delimited && !ends_where_meant(format, body)) {
        return -EINVAL;
    }
    *ret_head_len = head_len;
    *ret_tail = tail;
    return 0;
}
