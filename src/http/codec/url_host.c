/* Host parsing of the WHATWG URL Standard. A domain in ASCII passes unchecked by UTS 46, also where its labels are
 * encoded ("xn--..."). */
#include "http/codec/url_host.h"

#include <errno.h>

#include "base/idna.h"
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

enum { ADDRESS_TEXT_MAX = 48 }; /* no address in canonical form is longer, brackets included */

static int no_memory(struct url_error *ret_error) {
    *ret_error = (struct url_error){.code = URL_NO_MEMORY, .reason = "out of memory"};
    return -ENOMEM;
}

static int parse_ipv6(struct arena *arena, wharf_str text, wharf_str *ret_host, struct url_error *ret_error) {
    if (text.ptr[text.len - 1] != ']') {
        return host_error(ret_error, URL_BAD_IPV6, text.len - 1, "'[' without ']' around an IPv6 address");
    }
    struct ipv6_reader reader = {.text = str_slice(text, 1, text.len - 1), .compress = -1};
    if (!ipv6_read(&reader)) {
        return host_error(ret_error, URL_BAD_IPV6, reader.at + 1, "not an IPv6 address");
    }
    char address[ADDRESS_TEXT_MAX];
    wharf_str host = arena_copy(arena, address, ipv6_format(reader.pieces, address));
    if (host.ptr == NULL) {
        return no_memory(ret_error);
    }
    *ret_host = host;
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

/* Without its percent-encoding. */
static int decode_percent(struct arena *arena, wharf_str text, wharf_str *ret_text,
                          struct url_error *ret_error) {
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    size_t at = 0;
    if (out == NULL) {
        return no_memory(ret_error);
    }
    while (at < text.len) {
        int decoded = percent_byte_at(text, at);
        char byte = decoded >= 0 ? (char)decoded : text.ptr[at];
        out[len++] = byte;
        at += decoded >= 0 ? 3 : 1;
    }
    *ret_text = (wharf_str){out, len};
    return 0;
}

/* Where the first byte of `text`, as it stands in the URL, is that a domain may not contain; 0 when UTS 46 made the
 * byte from characters that looked allowed. */
static size_t find_forbidden(wharf_str text) {
    for (size_t at = 0; at < text.len; at++) {
        int decoded = percent_byte_at(text, at);
        if (is_forbidden_in_domain(decoded >= 0 ? (unsigned char)decoded : (unsigned char)text.ptr[at])) {
            return at;
        }
        at += decoded >= 0 ? 2 : 0;
    }
    return 0;
}

static int check_domain(wharf_str domain, wharf_str text, struct url_error *ret_error) {
    for (size_t i = 0; i < domain.len; i++) {
        if (is_forbidden_in_domain((unsigned char)domain.ptr[i])) {
            return host_error(ret_error, URL_BAD_HOST, find_forbidden(text),
                              "a byte that may not stand in a host name");
        }
    }
    return domain.len > 0 ? 0 : host_error(ret_error, URL_BAD_HOST, 0, "a host name of nothing visible");
}

static int parse_domain(struct arena *arena, wharf_str text, wharf_str *ret_domain,
                        struct url_error *ret_error) {
    struct idna_error error = {NULL, 0};
    wharf_str decoded;
    int status = decode_percent(arena, text, &decoded, ret_error);
    if (status < 0) {
        return status;
    }
    status = idna_to_ascii(arena, decoded, ret_domain, &error);
    if (status == -ENOMEM) {
        return no_memory(ret_error);
    }
    if (status < 0) {
        size_t offset = decoded.len == text.len ? error.offset : 0;
        return host_error(ret_error, URL_BAD_HOST, offset, error.reason);
    }
    return check_domain(*ret_domain, text, ret_error);
}

int url_host_parse(struct arena *arena, wharf_str text, wharf_str *ret_host, enum url_host_kind *ret_kind,
                   struct url_error *ret_error) {
    if (text.ptr[0] == '[') {
        *ret_kind = URL_HOST_IPV6;
        return parse_ipv6(arena, text, ret_host, ret_error);
    }
    wharf_str domain;
    uint32_t address = 0;
    int status = parse_domain(arena, text, &domain, ret_error);
    if (status < 0) {
        return status;
    }
    *ret_kind = URL_HOST_DOMAIN;
    if (ends_in_number(domain)) {
        if (!ipv4_parse(domain, &address)) {
            return host_error(ret_error, URL_BAD_IPV4, 0,
                              "a host that ends in a number must be an IPv4 address");
        }
        char canonical[ADDRESS_TEXT_MAX];
        domain = arena_copy(arena, canonical, ipv4_format(address, canonical));
        *ret_kind = URL_HOST_IPV4;
    }
    if (domain.ptr == NULL) {
        return no_memory(ret_error);
    }
    *ret_host = domain;
    return 0;
}

int url_host_parse_opaque(struct arena *arena, wharf_str text, wharf_str *ret_host,
                          enum url_host_kind *ret_kind, struct url_error *ret_error) {
    if (text.ptr[0] == '[') {
        *ret_kind = URL_HOST_IPV6;
        return parse_ipv6(arena, text, ret_host, ret_error);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(" #/:<>?@[\\]^|", text.ptr[i]) != NULL) {
            return host_error(ret_error, URL_BAD_HOST, i, "a byte that may not stand in a host");
        }
    }
    *ret_kind = URL_HOST_OPAQUE;
    return percent_encode(arena, text, PERCENT_CONTROL, ret_host) < 0 ? no_memory(ret_error) : 0;
}
