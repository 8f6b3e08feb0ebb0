/* Address texts and socket addresses: parsing without side effects, and the way back to text.
 *
 * A parse error carries the place and the reason, because an address is what users mistype most. Host names are
 * checked for their bytes only, those beyond ASCII brought into the form that the DNS knows (UTS 46); whether a name exists is for net/names.c to find out. Literals follow
 * inet_pton(3): dotted quads of four decimal numbers, RFC 4291 for IPv6, with a %zone (name or number) as in
 * RFC 4007. */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "base/failure.h"
#include "base/number.h"
#include "base/text.h"

enum {
    HOST_MAX = IDNA_HOST_SIZE - 1,
    ACTIVATED_NAME_MAX = 255,
    UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
    LITERAL_SIZE = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE
};

/* ---- text to parts ---- */

/* Where and why a parse stopped. */
struct problem {
    size_t offset;
    const char *text;
};

static int problem_at(struct problem *problem, size_t offset, const char *text) {
    problem->offset = offset;
    problem->text = text;
    return -WHARF_EADDRESS;
}

/* The literal in `text`, any family, zone included; false when it is none. */
static bool literal_parse(wharf_str text, struct address *ret_address) {
    char copy[LITERAL_SIZE];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (text.len >= sizeof(copy) || str_find_byte(text, '\0') >= 0) {
        return false;
    }
    ssize_t percent = str_find_byte(text, '%');
    wharf_str number = percent < 0 ? text : str_slice(text, 0, (size_t)percent);
    str_copy_to(copy, sizeof(copy), number);
    if (percent < 0 && inet_pton(AF_INET, copy, &v4.sin_addr) == 1) {
        ret_address->len = sizeof(v4);
        memcpy(&ret_address->storage, &v4, sizeof(v4));
        return true;
    }
    if (inet_pton(AF_INET6, copy, &v6.sin6_addr) != 1) {
        return false;
    }
    if (percent >= 0) {
        wharf_str zone = str_slice(text, (size_t)percent + 1, text.len);
        uint64_t index = 0;
        if (number_parse(zone, UINT32_MAX, &index) != 0) {
            str_copy_to(copy, sizeof(copy), zone);
            index = if_nametoindex(copy);
        }
        if (index == 0) {
            return false;
        }
        v6.sin6_scope_id = (uint32_t)index;
    }
    ret_address->len = sizeof(v6);
    memcpy(&ret_address->storage, &v6, sizeof(v6));
    return true;
}

/* The name of an interface, or its number: the ASCII of RFC 4007 section 11.2, without blanks and controls. */
static int zone_check(wharf_str zone, size_t at, struct problem *problem) {
    if (zone.len == 0) {
        return problem_at(problem, at - 1, "the zone is empty");
    }
    if (zone.len >= IF_NAMESIZE) {
        return problem_at(problem, at - 1, "the zone is too long");
    }
    for (size_t i = 0; i < zone.len; i++) {
        if (zone.ptr[i] <= ' ' || zone.ptr[i] > '~') {
            return problem_at(problem, at + i, "the zone is not the name of an interface");
        }
    }
    return 0;
}

/* "[v6]" or "[v6%zone]" at the start of the text; *ret_end is the offset behind the bracket. A zone's existence is not
 * asked for here. */
static int bracketed_parse(wharf_str text, size_t at, struct address_text *parts, size_t *ret_end,
                           struct problem *problem) {
    ssize_t close = str_find_byte(str_slice(text, at, text.len), ']');
    if (close < 0) {
        return problem_at(problem, text.len, "the bracket is not closed");
    }
    parts->host = str_slice(text, at + 1, at + (size_t)close);
    ssize_t percent = str_find_byte(parts->host, '%');
    wharf_str number = percent < 0 ? parts->host : str_slice(parts->host, 0, (size_t)percent);
    struct address ignored;
    if (!literal_parse(number, &ignored) || ignored.any.sa_family != AF_INET6) {
        return problem_at(problem, at + 1, "brackets are for an IPv6 address");
    }
    if (percent >= 0) {
        size_t zone = (size_t)percent + 1;
        int rc = zone_check(str_slice(parts->host, zone, parts->host.len), at + 1 + zone, problem);
        if (rc < 0) {
            return rc;
        }
    }
    parts->is_literal = true;
    *ret_end = at + (size_t)close + 1;
    return 0;
}

/* Bytes beyond ASCII are looked at as characters later. */
static bool host_byte(char byte) {
    char lower = ascii_lower(byte);
    return (unsigned char)byte >= 0x80 || (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_';
}

static bool hex_byte(char byte) {
    char lower = ascii_lower(byte);
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'f');
}

/* The bytes of a name, from `at` to the next colon. */
static int name_scan(wharf_str text, size_t at, size_t *ret_end, struct problem *problem) {
    size_t end = at;
    while (end < text.len && text.ptr[end] != ':') {
        if (!host_byte(text.ptr[end])) {
            return problem_at(problem, end, "this byte cannot be part of a host name");
        }
        if (text.ptr[end] == '.' && (end == at || text.ptr[end - 1] == '.')) {
            return problem_at(problem, end, "a part of the host name is empty");
        }
        end++;
    }
    if (end - at > HOST_MAX && !idna_is_needed(str_slice(text, at, end))) {
        return problem_at(problem, at + HOST_MAX, "the host name is too long");
    }
    *ret_end = end;
    return 0;
}

/* The form of parts->host that the DNS knows. */
static int name_convert(size_t at, struct address_text *parts, struct problem *problem) {
    struct idna_error error = {NULL, 0};
    if (!idna_is_needed(parts->host)) {
        return 0;
    }
    int rc = idna_host(parts->host, parts->ascii, &error);
    return rc == -EINVAL ? problem_at(problem, at + error.offset, error.reason) : rc;
}

/* Whether a second colon follows the one at `colon` with nothing but an IPv6 group between; *ret_at is its place. */
static bool is_bare_inet6(wharf_str text, size_t colon, size_t *ret_at) {
    size_t at = colon < text.len ? colon + 1 : colon;
    while (at < text.len && hex_byte(text.ptr[at])) {
        at++;
    }
    *ret_at = at;
    return at < text.len && text.ptr[at] == ':';
}

static bool is_numeric(wharf_str host) {
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9')) {
            return false;
        }
    }
    return host.len > 0;
}

/* A name or a dotted quad. What consists of digits and dots alone must be an address: resolvers would read 127.1 or
 * 010.0.0.1 in ways that nobody meant. */
static int name_parse(wharf_str text, size_t at, struct address_text *parts, size_t *ret_end,
                      struct problem *problem) {
    size_t end = at;
    size_t second = 0;
    int rc = name_scan(text, at, &end, problem);
    if (rc < 0) {
        return rc;
    }
    if (is_bare_inet6(text, end, &second)) {
        return problem_at(problem, second, "an IPv6 address needs brackets");
    }
    struct address ignored;
    parts->host = str_slice(text, at, end);
    rc = name_convert(at, parts, problem);
    if (rc < 0) {
        return rc;
    }
    bool numeric = is_numeric(address_host(parts));
    parts->is_literal = numeric && literal_parse(address_host(parts), &ignored);
    if (numeric && !parts->is_literal) {
        bool is_port = end == text.len && str_find_byte(parts->host, '.') < 0;
        return problem_at(problem, at,
                          is_port ? "a port alone has a colon before it, as in :8000"
                                  : "this is not an IPv4 address");
    }
    *ret_end = end;
    return 0;
}

/* The services that have kept their ports since before anybody asked (IANA's registry). The machine's own list is not read: an
 * address means the same everywhere. */
static const struct service {
    const char *name;
    uint16_t port;
} services[] = {
    {"echo", 7},     {"discard", 9}, {"daytime", 13}, {"ftp", 21},          {"ssh", 22},    {"telnet", 23},
    {"smtp", 25},    {"time", 37},   {"domain", 53},  {"tftp", 69},         {"finger", 79}, {"http", 80},
    {"pop3", 110},   {"ntp", 123},   {"imap", 143},   {"snmp", 161},        {"ldap", 389},  {"https", 443},
    {"syslog", 514}, {"ldaps", 636}, {"imaps", 993},  {"postgresql", 5432}, {"mqtt", 1883}, {"redis", 6379},
};

/* 0: there is no such service. */
static uint16_t service_port(wharf_str name) {
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (str_equal_nocase(name, wharf_str_of(services[i].name))) {
            return services[i].port;
        }
    }
    return 0;
}

static int port_parse(wharf_str text, size_t at, struct address_text *parts, struct problem *problem) {
    if (at == text.len) {
        return problem_at(problem, at, "a port is missing");
    }
    if (text.ptr[at] != ':') {
        return problem_at(problem, at, "a colon and a port belong here");
    }
    wharf_str digits = str_slice(text, at + 1, text.len);
    if (digits.len == 0) {
        return problem_at(problem, text.len, "a port is missing");
    }
    parts->port = service_port(digits);
    if (parts->port > 0) {
        return 0;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return problem_at(problem, at + 1 + i, "a port is a number, or a service like http");
        }
    }
    uint64_t port = 0;
    if (number_parse(digits, UINT16_MAX, &port) != 0) {
        return problem_at(problem, at + 1, "a port is at most 65535");
    }
    parts->port = (uint16_t)port;
    return 0;
}

static int unix_parse(wharf_str text, size_t at, struct address_text *parts, struct problem *problem) {
    parts->host = str_slice(text, at, text.len);
    if (parts->host.len == 0) {
        return problem_at(problem, at, "a path is missing");
    }
    ssize_t nul = str_find_byte(parts->host, '\0');
    if (nul >= 0) {
        return problem_at(problem, at + (size_t)nul, "a path cannot hold a NUL");
    }
    if (parts->host.len == 1 && parts->host.ptr[0] == '@') {
        return problem_at(problem, at + 1, "the name is empty");
    }
    if (parts->host.len > UNIX_PATH_MAX) {
        return problem_at(problem, at + UNIX_PATH_MAX, "the path of a Unix socket has at most 107 bytes");
    }
    return 0;
}

static int descriptor_parse(wharf_str text, size_t at, struct address_text *parts, struct problem *problem) {
    uint64_t number = 0;
    if (number_parse(str_slice(text, at, text.len), INT_MAX, &number) != 0) {
        return problem_at(problem, at, "the number of an open descriptor belongs here");
    }
    parts->descriptor = (int)number;
    return 0;
}

/* A name as systemd.socket(5) allows it: printable ASCII without a colon. */
static int activated_parse(wharf_str text, size_t at, struct address_text *parts, struct problem *problem) {
    parts->host = str_slice(text, at, text.len);
    if (parts->host.len == 0) {
        return problem_at(problem, at, "a name is missing");
    }
    for (size_t i = at; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == ':') {
            return problem_at(problem, i, "this byte cannot be part of a name");
        }
    }
    return parts->host.len <= ACTIVATED_NAME_MAX ? 0 : problem_at(problem, at, "the name is too long");
}

static int host_port_parse(wharf_str text, size_t at, struct address_text *parts, struct problem *problem) {
    if (at == text.len) {
        return problem_at(problem, at, "the address is empty");
    }
    bool bracketed = text.ptr[at] == '[';
    int rc = bracketed ? bracketed_parse(text, at, parts, &at, problem)
                       : name_parse(text, at, parts, &at, problem);
    return rc == 0 ? port_parse(text, at, parts, problem) : rc;
}

typedef int (*rest_parse)(wharf_str text, size_t at, struct address_text *parts, struct problem *problem);

static const struct scheme {
    const char *text;
    enum address_kind kind;
    bool is_typed;
    rest_parse parse;
} schemes[] = {
    {"tcp://", ADDRESS_TCP, true, host_port_parse},
    {"udp://", ADDRESS_UDP, true, host_port_parse},
    {"unix:", ADDRESS_UNIX, false, unix_parse},
    {"unix-datagram:", ADDRESS_UNIX_DATAGRAM, true, unix_parse},
    {"unix-seqpacket:", ADDRESS_UNIX_SEQPACKET, true, unix_parse},
    {"fd:", ADDRESS_FD, true, descriptor_parse},
    {"systemd:", ADDRESS_SYSTEMD, true, activated_parse},
};

enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

static int parts_parse(wharf_str text, struct address_text *parts, struct problem *problem) {
    for (size_t i = 0; i < SCHEMES; i++) {
        wharf_str scheme = wharf_str_of(schemes[i].text);
        if (str_starts_nocase(text, scheme)) {
            parts->kind = schemes[i].kind;
            parts->is_typed = schemes[i].is_typed;
            return schemes[i].parse(text, scheme.len, parts, problem);
        }
    }
    if (str_find(text, STR("://")) >= 0) {
        return problem_at(problem, 0, "only tcp://, udp://, unix:, fd: and systemd: are known here");
    }
    return host_port_parse(text, 0, parts, problem);
}

wharf_str address_host(const struct address_text *text) {
    return text->ascii[0] != '\0' ? wharf_str_of(text->ascii) : text->host;
}

bool address_is_unix(const struct address_text *text) {
    return text->kind == ADDRESS_UNIX || text->kind == ADDRESS_UNIX_DATAGRAM ||
           text->kind == ADDRESS_UNIX_SEQPACKET;
}

bool address_is_inet(const struct address_text *text) {
    return text->kind == ADDRESS_TCP || text->kind == ADDRESS_UDP;
}

int address_socket_type(const struct address_text *text) {
    if (text->kind == ADDRESS_UDP || text->kind == ADDRESS_UNIX_DATAGRAM) {
        return SOCK_DGRAM;
    }
    return text->kind == ADDRESS_UNIX_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
}

int address_parse(wharf_str text, struct address_text *ret_address, size_t *ret_offset,
                  const char **ret_problem) {
    struct address_text parts = {.kind = ADDRESS_TCP};
    struct problem problem = {0};
    int rc = parts_parse(text, &parts, &problem);
    if (rc < 0) {
        *ret_offset = problem.offset;
        *ret_problem = problem.text;
        return rc;
    }
    *ret_address = parts;
    return 0;
}

int address_parse_or_fail(const char *text, const char *phase, struct address_text *ret_address) {
    size_t offset = 0;
    const char *problem = NULL;
    if (text == NULL) {
        return fail(-WHARF_EADDRESS, phase, NULL, "the address is NULL");
    }
    int rc = address_parse(wharf_str_of(text), ret_address, &offset, &problem);
    if (rc == -ENOMEM) {
        return fail(rc, phase, text, NULL);
    }
    return rc == 0 ? 0 : fail(rc, phase, text, "at byte %zu: %s", offset, problem);
}

/* ---- parts to text ---- */

/* Appends what fits before the NUL. */
static size_t text_append(char *out, size_t size, size_t len, wharf_str piece) {
    return len + str_copy_to(out + len, size - len, piece);
}

/* Whether the host of a TCP address, with the colon behind it, would be read as another scheme. */
static bool reads_as_scheme(wharf_str host) {
    for (size_t i = 0; i < SCHEMES; i++) {
        wharf_str word = str_slice(wharf_str_of(schemes[i].text), 0, strcspn(schemes[i].text, ":"));
        if (str_equal_nocase(host, word)) {
            return true;
        }
    }
    return false;
}

size_t address_text_format(const struct address_text *text, char *out, size_t size) {
    char digits[20];
    size_t len = 0;
    bool plain = text->kind == ADDRESS_TCP && !reads_as_scheme(text->host);
    for (size_t i = 0; i < SCHEMES && !plain; i++) {
        if (schemes[i].kind == text->kind) {
            len = text_append(out, size, len, wharf_str_of(schemes[i].text));
        }
    }
    if (text->kind == ADDRESS_FD) {
        wharf_str number = {digits, number_format((uint64_t)text->descriptor, digits)};
        return text_append(out, size, len, number);
    }
    if (!address_is_inet(text)) {
        return text_append(out, size, len, text->host);
    }
    bool bracketed = str_find_byte(text->host, ':') >= 0;
    len = text_append(out, size, len, bracketed ? STR("[") : STR(""));
    len = text_append(out, size, len, text->host);
    len = text_append(out, size, len, bracketed ? STR("]:") : STR(":"));
    wharf_str port = {digits, number_format(text->port, digits)};
    return text_append(out, size, len, port);
}

size_t address_text_describe(const struct address_text *text, char *out, size_t size) {
    size_t len = address_text_format(text, out, size);
    if (text->ascii[0] != '\0') {
        len = text_append(out, size, len, STR(" ("));
        len = text_append(out, size, len, wharf_str_of(text->ascii));
        len = text_append(out, size, len, STR(")"));
    }
    return len;
}

/* A path, an abstract name (its leading NUL shown as '@'), or nothing for an unnamed socket. */
static size_t unix_format(const struct sockaddr *address, socklen_t len, char *out) {
    struct sockaddr_un named = {0};
    memcpy(&named, address, len < sizeof(named) ? len : sizeof(named));
    size_t offset = offsetof(struct sockaddr_un, sun_path);
    size_t path_len = len > offset ? len - offset : 0;
    if (path_len > sizeof(named.sun_path)) {
        path_len = sizeof(named.sun_path);
    }
    if (path_len > 0 && named.sun_path[0] != '\0') {
        path_len = strnlen(named.sun_path, path_len);
    }
    for (size_t i = 0; i < path_len; i++) {
        named.sun_path[i] = named.sun_path[i] == '\0' ? '@' : named.sun_path[i];
    }
    struct address_text text = {.kind = ADDRESS_UNIX, .host = {named.sun_path, path_len}};
    return address_text_format(&text, out, WHARF_ADDRESS_SIZE);
}

static size_t inet6_format(const struct sockaddr_in6 *v6, char *out) {
    char host[LITERAL_SIZE];
    struct address_text text = {.kind = ADDRESS_TCP, .port = ntohs(v6->sin6_port)};
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        (void)inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, sizeof(host));
    } else {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, INET6_ADDRSTRLEN);
    }
    if (v6->sin6_scope_id != 0 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        size_t len = strlen(host);
        host[len++] = '%';
        len += number_format(v6->sin6_scope_id, host + len);
        host[len] = '\0';
    }
    text.host = wharf_str_of(host);
    return address_text_format(&text, out, WHARF_ADDRESS_SIZE);
}

size_t address_format(const struct sockaddr *address, socklen_t len, char *out) {
    sa_family_t family = AF_UNSPEC;
    struct sockaddr_in v4 = {0};
    struct sockaddr_in6 v6 = {0};
    if (len >= sizeof(family)) {
        family = address->sa_family;
    }
    if (family == AF_UNIX) {
        return unix_format(address, len, out);
    }
    if (family == AF_INET6 && len >= sizeof(v6)) {
        memcpy(&v6, address, sizeof(v6));
        return inet6_format(&v6, out);
    }
    if (family == AF_INET && len >= sizeof(v4)) {
        char host[INET_ADDRSTRLEN];
        memcpy(&v4, address, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
        struct address_text text = {.host = wharf_str_of(host), .port = ntohs(v4.sin_port)};
        return address_text_format(&text, out, WHARF_ADDRESS_SIZE);
    }
    out[0] = '\0';
    return 0;
}

/* ---- socket addresses ---- */

bool address_is_loopback(const struct sockaddr *address) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    }
    return address->sa_family == AF_UNIX;
}

uint16_t address_port(const struct address *address) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->any.sa_family == AF_INET) {
        memcpy(&v4, &address->storage, sizeof(v4));
        return ntohs(v4.sin_port);
    }
    if (address->any.sa_family == AF_INET6) {
        memcpy(&v6, &address->storage, sizeof(v6));
        return ntohs(v6.sin6_port);
    }
    return 0;
}

void address_set_port(struct address *address, uint16_t port) {
    /* The port stands at the same place in both families. */
    _Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
                   "port");
    uint16_t wire = htons(port);
    if (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6) {
        memcpy((char *)&address->storage + offsetof(struct sockaddr_in, sin_port), &wire, sizeof(wire));
    }
}

static void unix_address(wharf_str path, struct address *ret_address) {
    struct sockaddr_un named = {.sun_family = AF_UNIX};
    bool abstract = path.ptr[0] == '@';
    memcpy(named.sun_path, path.ptr, path.len);
    if (abstract) {
        named.sun_path[0] = '\0';
    }
    memcpy(&ret_address->storage, &named, sizeof(named));
    /* An abstract name is exactly as long as said; a path ends in its NUL. */
    ret_address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + (abstract ? 0 : 1));
}

bool address_is_localhost(wharf_str host) {
    if (host.len > 0 && host.ptr[host.len - 1] == '.') {
        host.len--;
    }
    wharf_str name = STR("localhost");
    if (host.len > name.len + 1) { /* any name below it, too: RFC 6761 section 6.3 */
        return str_equal_nocase(str_slice(host, host.len - name.len - 1, host.len), STR(".localhost"));
    }
    return str_equal_nocase(host, name);
}

/* Addresses that are collected, of one family or any. */
struct collection {
    struct address *out;
    int max, count;
    int family;
    uint16_t port;
};

static void collect(struct collection *collection, wharf_str literal) {
    struct address address;
    bool found = literal_parse(literal, &address);
    bool wanted = collection->family == AF_UNSPEC || (found && address.any.sa_family == collection->family);
    if (found && wanted && collection->count < collection->max) {
        address_set_port(&address, collection->port);
        collection->out[collection->count++] = address;
    }
}

int address_of_text(const struct address_text *text, int family, struct address *out, int max) {
    struct collection collection = {.out = out, .max = max, .family = family, .port = text->port};
    if (text->kind == ADDRESS_FD || text->kind == ADDRESS_SYSTEMD) {
        return -WHARF_EADDRESS;
    }
    if (address_is_unix(text)) {
        if (max < 1 || (family != AF_UNSPEC && family != AF_UNIX)) {
            return -WHARF_EADDRESS;
        }
        unix_address(text->host, out);
        return 1;
    }
    if (text->host.len == 0) {
        collect(&collection, family == AF_INET ? STR("0.0.0.0") : STR("::"));
    } else if (text->is_literal) {
        collect(&collection, address_host(text));
    } else if (address_is_localhost(address_host(text))) {
        /* Of UDP the address that most servers have comes first: nobody answers to say that another is the one. */
        bool v4_first = text->kind == ADDRESS_UDP;
        collect(&collection, v4_first ? STR("127.0.0.1") : STR("::1"));
        collect(&collection, v4_first ? STR("::1") : STR("127.0.0.1"));
    } else {
        return family == AF_UNIX ? -WHARF_EADDRESS : 0;
    }
    return collection.count > 0 ? collection.count : -WHARF_EADDRESS;
}

int address_fail(int code, const char *phase, const char *subject, const struct address *address) {
    struct failure *failure = NULL;
    (void)fail(code, phase, subject, NULL);
    failure = failure_current();
    if (address != NULL && address->len > 0 && address->len <= sizeof(failure->address)) {
        memcpy(failure->address, &address->storage, address->len);
        failure->address_len = (unsigned char)address->len;
    }
    return code;
}
