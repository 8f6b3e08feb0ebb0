/* See record.h. Names come escaped out of the message, and texts are escaped here, so that what a stranger put into a zone
 * cannot steer a terminal. */
#include "net/names/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "base/text.h"

/* A record under description. */
struct description {
    struct dns_message message;
    const struct dns_record *record;
    struct arena *arena;
    wharf_record *out;
};

static const unsigned char *data_of(const struct description *description) {
    return description->message.bytes + description->record->data_at;
}

static unsigned u16(const unsigned char *bytes) {
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t u32(const unsigned char *bytes) {
    return (uint32_t)u16(bytes) << 16 | u16(bytes + 2);
}

/* The name `offset` bytes into the data, which it must fill to the end when `whole`. */
static int name_in(const struct description *description, size_t offset, bool whole, const char **ret_name) {
    char name[DNS_TEXT_SIZE];
    size_t at = description->record->data_at + offset;
    size_t end = description->record->data_at + description->record->data_len;
    int rc = dns_name_at(description->message, &at, end, name);
    if (rc < 0 || (whole && at != end)) {
        return rc < 0 ? rc : -WHARF_EPROTOCOL;
    }
    wharf_str text = wharf_str_of(name[0] != '\0' ? name : ".");
    *ret_name = arena_cstr(description->arena, text);
    return 0;
}

static int describe_address(const struct description *description) {
    char text[INET6_ADDRSTRLEN];
    bool is_v4 = description->record->type == DNS_A;
    if (description->record->data_len != (is_v4 ? 4 : 16)) {
        return -WHARF_EPROTOCOL;
    }
    (void)inet_ntop(is_v4 ? AF_INET : AF_INET6, data_of(description), text, sizeof(text));
    description->out->target = arena_cstr(description->arena, wharf_str_of(text));
    description->out->text = description->out->target;
    return 0;
}

static int describe_name(const struct description *description) {
    int rc = name_in(description, 0, true, &description->out->target);
    description->out->text = description->out->target;
    return rc;
}

static int describe_mx(const struct description *description) {
    wharf_record *out = description->out;
    if (description->record->data_len < 3) {
        return -WHARF_EPROTOCOL;
    }
    out->priority = (int)u16(data_of(description));
    int rc = name_in(description, 2, true, &out->target);
    if (rc == 0 && out->target != NULL) {
        out->text = arena_printf(description->arena, "%d %s", out->priority, out->target).ptr;
    }
    return rc;
}

static int describe_srv(const struct description *description) {
    wharf_record *out = description->out;
    const unsigned char *data = data_of(description);
    if (description->record->data_len < 7) {
        return -WHARF_EPROTOCOL;
    }
    out->priority = (int)u16(data);
    out->weight = (int)u16(data + 2);
    out->port = (int)u16(data + 4);
    int rc = name_in(description, 6, true, &out->target);
    if (rc == 0 && out->target != NULL) {
        out->text = arena_printf(description->arena, "%d %d %d %s", out->priority, out->weight, out->port,
                                 out->target)
                        .ptr;
    }
    return rc;
}

static int describe_soa(const struct description *description) {
    enum { NUMBERS = 20 };
    const char *server = NULL;
    const char *mailbox = NULL;
    char ignored[DNS_TEXT_SIZE];
    size_t at = description->record->data_at;
    size_t end = at + description->record->data_len;
    int rc = name_in(description, 0, false, &server);
    rc = rc < 0 ? rc : dns_name_at(description->message, &at, end, ignored);
    rc = rc < 0 ? rc : name_in(description, at - description->record->data_at, false, &mailbox);
    rc = rc < 0 ? rc : dns_name_at(description->message, &at, end, ignored);
    if (rc < 0 || end - at != NUMBERS) {
        return rc < 0 ? rc : -WHARF_EPROTOCOL;
    }
    const unsigned char *numbers = description->message.bytes + at;
    if (server != NULL && mailbox != NULL) {
        description->out->text = arena_printf(description->arena, "%s %s %u %u %u %u %u", server, mailbox,
                                              u32(numbers), u32(numbers + 4), u32(numbers + 8),
                                              u32(numbers + 12), u32(numbers + 16))
                                     .ptr;
    }
    return 0;
}

/* The bytes between quotation marks, `out` with room for four times as many and 2. Returns the end. */
static char *quote(char *out, const unsigned char *bytes, size_t len) {
    *out++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < 0x20 || bytes[i] >= 0x7f) {
            (void)snprintf(out, 5, "\\%03u", bytes[i]);
            out += 4;
        } else {
            if (bytes[i] == '"' || bytes[i] == '\\') {
                *out++ = '\\';
            }
            *out++ = (char)bytes[i];
        }
    }
    *out++ = '"';
    return out;
}

/* Strings with their lengths in front; at least one. */
static int describe_txt(const struct description *description) {
    const unsigned char *data = data_of(description);
    size_t len = description->record->data_len;
    size_t strings = 0;
    for (size_t at = 0; at < len; at += 1U + data[at]) {
        if (at + 1 + data[at] > len) {
            return -WHARF_EPROTOCOL;
        }
        strings++;
    }
    char *text = arena_alloc(description->arena, len * 4 + strings * 3 + 1);
    char *bytes = arena_alloc(description->arena, len + 1);
    if (strings == 0 || text == NULL || bytes == NULL) {
        return strings == 0 ? -WHARF_EPROTOCOL : -ENOMEM;
    }
    description->out->text = text;
    description->out->bytes = (wharf_str){bytes, 0};
    for (size_t at = 0; at < len; at += 1U + data[at]) {
        if (at > 0) {
            *text++ = ' ';
        }
        text = quote(text, data + at + 1, data[at]);
        memcpy(bytes + description->out->bytes.len, data + at + 1, data[at]);
        description->out->bytes.len += data[at];
    }
    *text = '\0';
    bytes[description->out->bytes.len] = '\0';
    return 0;
}

/* RFC 8659 section 4.1: flags, tag, value. */
static int describe_caa(const struct description *description) {
    const unsigned char *data = data_of(description);
    size_t len = description->record->data_len;
    if (len < 2 || data[1] == 0 || 2U + data[1] > len) {
        return -WHARF_EPROTOCOL;
    }
    size_t value_at = 2U + data[1];
    for (size_t i = 2; i < value_at; i++) {
        if (data[i] <= 0x20 || data[i] >= 0x7f) {
            return -WHARF_EPROTOCOL;
        }
    }
    char *value = arena_alloc(description->arena, (len - value_at) * 4 + 3);
    if (value == NULL) {
        return -ENOMEM;
    }
    *quote(value, data + value_at, len - value_at) = '\0';
    description->out->text =
        arena_printf(description->arena, "%u %.*s %s", data[0], data[1], (const char *)data + 2, value).ptr;
    return 0;
}

/* RFC 3597: a type that has no form of its own here. */
static int describe_other(const struct description *description) {
    const unsigned char *data = data_of(description);
    size_t len = description->record->data_len;
    size_t size = sizeof("\\# 65535 ") + len * 2;
    char *text = arena_alloc(description->arena, size);
    if (text == NULL) {
        return -ENOMEM;
    }
    int at = snprintf(text, size, "\\# %zu%s", len, len > 0 ? " " : "");
    for (size_t i = 0; i < len && at > 0; i++) {
        (void)snprintf(text + at + 2 * i, 3, "%02x", data[i]);
    }
    description->out->text = text;
    return 0;
}

static int describe_data(const struct description *description) {
    switch (description->record->type) {
    case DNS_A:
    case DNS_AAAA: return describe_address(description);
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR: return describe_name(description);
    case DNS_MX: return describe_mx(description);
    case DNS_SRV: return describe_srv(description);
    case DNS_SOA: return describe_soa(description);
    case DNS_TXT: return describe_txt(description);
    case DNS_CAA: return describe_caa(description);
    default: return describe_other(description);
    }
}

int record_describe(struct dns_message message, const struct dns_record *record, struct arena *arena,
                    wharf_record *ret_record) {
    char type[16];
    wharf_record described = {.ttl_s = record->ttl, .target = ""};
    struct description description = {message, record, arena, &described};
    described.bytes = arena_copy(arena, message.bytes + record->data_at, record->data_len);
    described.name = arena_cstr(arena, wharf_str_of(record->name[0] != '\0' ? record->name : "."));
    described.type = arena_cstr(arena, wharf_str_of(dns_type_name(record->type, type)));
    int rc = describe_data(&description);
    if (rc < 0 || arena->failed) {
        return rc < 0 ? rc : -ENOMEM;
    }
    *ret_record = described;
    return 0;
}
