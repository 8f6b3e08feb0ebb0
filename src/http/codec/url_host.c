/* Host parsing of the WHATWG URL Standard, as far as ASCII goes. A domain with bytes beyond ASCII would need
 * UTS 46 and is refused with a code of its own; labels that are already in their ASCII form ("xn--...") pass
 * unchecked. */
#include "http/codec/url_host.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/percent.h"

static int host_error(struct url_error *ret_error, enum url_error_code code, size_t offset,
                      const char *reason) {
    *ret_error = (struct url_error){.code = code, .offset = offset, .reason = reason};
    return -WHARF_EADDRESS;
}

/* ---- IPv6 ---- */

enum { PIECES = 8 };

struct ipv6_reader {
    wharf_str text; /* without the brackets */
    size_t at;
    uint16_t pieces[PIECES];
    size_t count;
    ssize_t compress; /* piece at which "::" stood, or -1 */
};

static char ipv6_peek(const struct ipv6_reader *reader) {
    return reader->at < reader->text.len ? reader->text.ptr[reader->at] : '\0';
}

/* One to four hex digits at the reader's place; how many there were. */
static size_t ipv6_read_piece(struct ipv6_reader *reader, uint16_t *ret_piece) {
    size_t len = 0;
    uint64_t value = 0;
    while (len < 4 && reader->at + len < reader->text.len &&
           number_parse_hex(str_slice(reader->text, reader->at + len, reader->at + len + 1), 15, &value) ==
               0) {
        len++;
    }
    if (len > 0) {
        (void)number_parse_hex(str_slice(reader->text, reader->at, reader->at + len), UINT16_MAX, &value);
        *ret_piece = (uint16_t)value;
    }
    return len;
}

/* A dotted IPv4 address as the last two pieces: four decimal numbers without leading zeros, and then the end.
 */
static bool ipv6_read_embedded_ipv4(struct ipv6_reader *reader) {
    wharf_str rest = str_slice(reader->text, reader->at, reader->text.len);
    uint32_t address = 0;
    if (reader->count > PIECES - 2) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        wharf_str part = {NULL, 0};
        uint64_t value = 0;
        if (!str_split(&rest, '.', &part) || (part.len > 1 && part.ptr[0] == '0') ||
            number_parse(part, 255, &value) < 0) {
            return false;
        }
        address = address << 8 | (uint32_t)value;
    }
    if (rest.ptr != NULL) {
        return false;
    }
    reader->pieces[reader->count++] = (uint16_t)(address >> 16);
    reader->pieces[reader->count++] = (uint16_t)address;
    reader->at = reader->text.len;
    return true;
}

/* What may follow a piece: the end, ":" and another piece, or "::". */
static bool ipv6_read_separator(struct ipv6_reader *reader) {
    if (reader->at == reader->text.len) {
        return true;
    }
    if (ipv6_peek(reader) != ':') {
        return false;
    }
    reader->at++;
    if (ipv6_peek(reader) == ':' && reader->compress < 0) {
        reader->at++;
        reader->compress = (ssize_t)reader->count;
        return true;
    }
    return reader->at < reader->text.len;
}

/* Moves the pieces behind "::" to the end and fills the gap with zeros. */
static void ipv6_expand(struct ipv6_reader *reader) {
    size_t first = (size_t)reader->compress;
    size_t tail = reader->count - first;
    for (size_t i = 0; i < tail; i++) {
        reader->pieces[PIECES - 1 - i] = reader->pieces[reader->count - 1 - i];
    }
    for (size_t i = first; i < PIECES - tail; i++) {
        reader->pieces[i] = 0;
    }
}

/* On failure reader->at is the place of the offending byte. */
static bool ipv6_read(struct ipv6_reader *reader) {
    if (str_starts(reader->text, STR("::"))) {
        reader->at = 2;
        reader->compress = 0;
    }
    while (reader->at < reader->text.len) {
        uint16_t piece = 0;
        size_t len = ipv6_read_piece(reader, &piece);
        if (len == 0 || reader->count == PIECES) {
            return false;
        }
        if (reader->at + len < reader->text.len && reader->text.ptr[reader->at + len] == '.') {
            if (!ipv6_read_embedded_ipv4(reader)) {
                return false;
            }
            break;
        }
        reader->pieces[reader->count++] = piece;
        reader->at += len;
        if (!ipv6_read_separator(reader)) {
            return false;
        }
    }
    if (reader->compress >= 0 && reader->count < PIECES) {
        ipv6_expand(reader);
        return true;
    }
    return reader->compress < 0 && reader->count == PIECES;
}

/* The longest run of at least two zero pieces, the first of equals; its length is 0 when there is none. */
static size_t ipv6_longest_zeros(const uint16_t pieces[PIECES], size_t *ret_len) {
    size_t best = 0;
    size_t best_len = 1;
    for (size_t i = 0; i < PIECES; i++) {
        size_t len = 0;
        while (i + len < PIECES && pieces[i + len] == 0) {
            len++;
        }
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    *ret_len = best_len > 1 ? best_len : 0;
    return best;
}

static size_t ipv6_format(const uint16_t pieces[PIECES], char *out) {
    size_t zeros_len = 0;
    size_t zeros = ipv6_longest_zeros(pieces, &zeros_len);
    size_t len = 0;
    out[len++] = '[';
    for (size_t i = 0; i < PIECES; i++) {
        if (zeros_len > 0 && i == zeros) {
            out[len++] = ':';
            if (i == 0) {
                out[len++] = ':';
            }
            i += zeros_len - 1;
            continue;
        }
        len += number_format_hex(pieces[i], out + len);
        if (i + 1 < PIECES) {
            out[len++] = ':';
        }
    }
    out[len++] = ']';
    return len;
}

static int parse_ipv6(wharf_str text, char *out, size_t *ret_len, struct url_error *ret_error) {
    if (text.ptr[text.len - 1] != ']') {
        return host_error(ret_error, URL_BAD_IPV6, text.len - 1, "'[' without ']' around an IPv6 address");
    }
    struct ipv6_reader reader = {.text = str_slice(text, 1, text.len - 1), .compress = -1};
    if (!ipv6_read(&reader)) {
        return host_error(ret_error, URL_BAD_IPV6, reader.at + 1, "not an IPv6 address");
    }
    *ret_len = ipv6_format(reader.pieces, out);
    return 0;
}

/* ---- IPv4 ---- */

/* One part of an address: decimal, octal after "0", hexadecimal after "0x" (which alone is 0). A number too
 * large for any address is given as UINT64_MAX. False: not a number. */
static bool ipv4_number(wharf_str part, uint64_t *ret_value) {
    uint64_t value = 0;
    if (str_starts_nocase(part, STR("0x"))) {
        wharf_str digits = str_slice(part, 2, part.len);
        int status = digits.len == 0 ? 0 : number_parse_hex(digits, UINT32_MAX, &value);
        *ret_value = status == -ERANGE ? UINT64_MAX : value;
        return status != -EINVAL;
    }
    if (part.len < 2 || part.ptr[0] != '0') {
        int status = number_parse(part, UINT32_MAX, &value);
        *ret_value = status == -ERANGE ? UINT64_MAX : value;
        return status != -EINVAL;
    }
    for (size_t i = 1; i < part.len; i++) {
        if (part.ptr[i] < '0' || part.ptr[i] > '7') {
            return false;
        }
        value = value > UINT32_MAX ? UINT64_MAX >> 4 : value << 3 | (uint64_t)(part.ptr[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool is_all_digits(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

/* One dot at the end does not count. */
static wharf_str without_final_dot(wharf_str domain) {
    bool has_one = domain.len > 1 && domain.ptr[domain.len - 1] == '.';
    return has_one ? str_slice(domain, 0, domain.len - 1) : domain;
}

/* A domain whose last label is a number can only be an IPv4 address, or wrong. */
static bool ends_in_number(wharf_str domain) {
    wharf_str labels = without_final_dot(domain);
    wharf_str last = str_slice(labels, (size_t)(str_find_last_byte(labels, '.') + 1), labels.len);
    uint64_t value = 0;
    return is_all_digits(last) || (last.len > 0 && ipv4_number(last, &value));
}

/* Up to four parts; the last one fills all the bytes that are left. */
static bool ipv4_parse(wharf_str domain, uint32_t *ret_address) {
    wharf_str rest = without_final_dot(domain);
    wharf_str part = {NULL, 0};
    uint64_t numbers[4];
    size_t count = 0;
    while (str_split(&rest, '.', &part)) {
        if (count == 4 || part.len == 0 || !ipv4_number(part, &numbers[count])) {
            return false;
        }
        count++;
    }
    uint64_t address = numbers[count - 1];
    if (address >= (uint64_t)1 << (8 * (5 - count))) {
        return false;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (numbers[i] > 255) {
            return false;
        }
        address += numbers[i] << (8 * (3 - i));
    }
    *ret_address = (uint32_t)address;
    return true;
}

static size_t ipv4_format(uint32_t address, char *out) {
    size_t len = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        len += number_format(address >> shift & 255, out + len);
        if (shift > 0) {
            out[len++] = '.';
        }
    }
    return len;
}

/* ---- domains ---- */

static bool is_forbidden_in_domain(unsigned char byte) {
    return byte <= 0x20 || byte == 0x7f || strchr("#/:<>?@[\\]^|%", byte) != NULL;
}

int url_host_parse(wharf_str text, char *out, size_t *ret_len, enum url_host_kind *ret_kind,
                   struct url_error *ret_error) {
    if (text.ptr[0] == '[') {
        *ret_kind = URL_HOST_IPV6;
        return parse_ipv6(text, out, ret_len, ret_error);
    }
    size_t len = 0;
    size_t at = 0;
    while (at < text.len) {
        int decoded = percent_byte_at(text, at);
        unsigned char byte = decoded >= 0 ? (unsigned char)decoded : (unsigned char)text.ptr[at];
        if (byte >= 0x80) {
            return host_error(ret_error, URL_NEEDS_IDNA, at,
                              "domains beyond ASCII need IDNA, which is not supported");
        }
        if (is_forbidden_in_domain(byte)) {
            return host_error(ret_error, URL_BAD_HOST, at, "a byte that may not stand in a host name");
        }
        out[len++] = ascii_lower((char)byte);
        at += decoded >= 0 ? 3 : 1;
    }
    wharf_str domain = {out, len};
    uint32_t address = 0;
    if (!ends_in_number(domain)) {
        *ret_kind = URL_HOST_DOMAIN;
        *ret_len = len;
        return 0;
    }
    if (!ipv4_parse(domain, &address)) {
        return host_error(ret_error, URL_BAD_IPV4, 0, "a host that ends in a number must be an IPv4 address");
    }
    *ret_kind = URL_HOST_IPV4;
    *ret_len = ipv4_format(address, out);
    return 0;
}
