/* See message.h. RFC 1035 for the format, RFC 6891 for EDNS, RFC 2181 for what the numbers mean.
 *
 * Everything here is a peer's until it has been checked: a length that leaves the message, a name that points in
 * circles or a count that promises too much is -WHARF_EPROTOCOL, never a read past the end. */
#include "net/names/message.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"

enum {
    CLASS_INTERNET = 1,
    RECORD_FIXED = 10,   /* type, class, time, length: behind the name */
    TTL_LONGEST = 86400, /* a day: nothing is kept longer */
    SOA_NUMBERS = 20,
    EDNS_SIZE = 11, /* the OPT record of a question */
};

static unsigned u16_at(const unsigned char *bytes) {
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t u32_at(const unsigned char *bytes) {
    return (uint32_t)u16_at(bytes) << 16 | u16_at(bytes + 2);
}

/* c-ares' codes: what is neither memory nor a good name is the message's fault. */
static int code_of_ares(int rc) {
    switch (rc) {
    case ARES_SUCCESS: return 0;
    case ARES_ENOMEM: return -ENOMEM;
    case ARES_EBADNAME:
    case ARES_ENOTFOUND: return -WHARF_EADDRESS;
    default: return -WHARF_EPROTOCOL;
    }
}

/* ---- the question ---- */

/* Capitals and small letters by chance: an answer must repeat them, which a forger cannot know
 * (draft-vixie-dnsext-dns0x20). Lengths are below 64, so no length byte looks like a letter. */
static void mix_case(struct dns_query *query, const uint64_t dice[4]) {
    for (size_t i = 0; i + 4 < query->question_len; i++) {
        unsigned char *byte = &query->bytes[DNS_HEADER_SIZE + i];
        char lower = ascii_lower((char)*byte);
        if (lower >= 'a' && lower <= 'z') {
            bool capital = (dice[i / 64 % 4] >> (i % 64) & 1) != 0;
            *byte = (unsigned char)(capital ? lower & ~0x20 : lower);
        }
    }
}

int dns_query_make(const char *name, unsigned type, const uint64_t dice[5], bool edns,
                   struct dns_query *ret_query) {
    unsigned char *bytes = NULL;
    int len = 0;
    int rc = ares_create_query(name, CLASS_INTERNET, (int)type, (unsigned short)dice[4], 1, &bytes, &len,
                               edns ? DNS_DATAGRAM_SIZE : 0);
    if (rc != ARES_SUCCESS) {
        return code_of_ares(rc);
    }
    bool fits = len > 0 && (size_t)len <= sizeof(ret_query->bytes);
    if (fits) {
        memcpy(ret_query->bytes, bytes, (size_t)len);
        ret_query->len = (size_t)len;
        ret_query->question_len = (size_t)len - DNS_HEADER_SIZE - (edns ? EDNS_SIZE : 0);
        mix_case(ret_query, dice);
    }
    ares_free_string(bytes);
    return fits ? 0 : -WHARF_EADDRESS;
}

/* ---- the answer ---- */

static bool same_nocase(const unsigned char *a, const unsigned char *b, size_t len) {
    wharf_str left = {(const char *)a, len};
    wharf_str right = {(const char *)b, len};
    return str_equal_nocase(left, right);
}

enum dns_match dns_match(const struct dns_query *query, struct dns_message message) {
    const unsigned char *bytes = message.bytes;
    bool is_answer = message.len >= DNS_HEADER_SIZE && memcmp(bytes, query->bytes, 2) == 0 &&
                     (bytes[2] & 0xf8U) == 0x80U; /* a response, to a plain query */
    if (!is_answer) {
        return DNS_IS_STRANGE;
    }
    if (u16_at(bytes + 4) == 0) {
        /* Servers that could not even read the question, or refuse it, leave it out. */
        return dns_rcode(message) == DNS_NOERROR || dns_rcode(message) == DNS_NXDOMAIN ? DNS_IS_STRANGE
                                                                                       : DNS_IS_ANSWER;
    }
    const unsigned char *question = query->bytes + DNS_HEADER_SIZE;
    size_t len = query->question_len;
    if (u16_at(bytes + 4) != 1 || message.len < DNS_HEADER_SIZE + len ||
        !same_nocase(bytes + DNS_HEADER_SIZE, question, len)) {
        return DNS_IS_STRANGE;
    }
    return memcmp(bytes + DNS_HEADER_SIZE, question, len) == 0 ? DNS_IS_ANSWER : DNS_IS_CASE_CHANGED;
}

void dns_settle_case(const struct dns_query *query, unsigned char *bytes, size_t len) {
    bool has_question = len >= DNS_HEADER_SIZE + query->question_len && u16_at(bytes + 4) == 1;
    for (size_t i = 0; has_question && i + 4 < query->question_len; i++) {
        unsigned char *byte = &bytes[DNS_HEADER_SIZE + i];
        *byte = (unsigned char)ascii_lower((char)*byte);
    }
}

int dns_name_at(struct dns_message message, size_t *at, size_t limit, char ret_name[DNS_TEXT_SIZE]) {
    char *name = NULL;
    long encoded = 0;
    if (*at >= limit || limit > message.len || message.len > DNS_MESSAGE_SIZE) {
        return -WHARF_EPROTOCOL;
    }
    int rc = ares_expand_name(message.bytes + *at, message.bytes, (int)message.len, &name, &encoded);
    if (rc != ARES_SUCCESS) {
        return rc == ARES_ENOMEM ? -ENOMEM : -WHARF_EPROTOCOL;
    }
    size_t len = strlen(name);
    bool fits = len < DNS_TEXT_SIZE && encoded > 0 && (size_t)encoded <= limit - *at;
    if (fits) {
        memcpy(ret_name, name, len + 1);
        *at += (size_t)encoded;
    }
    ares_free_string(name);
    return fits ? 0 : -WHARF_EPROTOCOL;
}

int dns_reader_init(struct dns_reader *reader, struct dns_message message) {
    char ignored[DNS_TEXT_SIZE];
    if (message.len < DNS_HEADER_SIZE) {
        return -WHARF_EPROTOCOL;
    }
    *reader = (struct dns_reader){.message = message, .at = DNS_HEADER_SIZE};
    reader->answers = u16_at(message.bytes + 6);
    reader->others = u16_at(message.bytes + 8);
    unsigned questions = u16_at(message.bytes + 4);
    for (unsigned i = 0; i < questions; i++) {
        int rc = dns_name_at(message, &reader->at, message.len, ignored);
        if (rc < 0) {
            return rc;
        }
        reader->at += 4;
    }
    return reader->at <= message.len ? 0 : -WHARF_EPROTOCOL;
}

int dns_reader_next(struct dns_reader *reader, struct dns_record *ret_record) {
    const struct dns_message *message = &reader->message;
    bool in_answer = reader->answers > 0;
    if (!in_answer && reader->others == 0) {
        return 0;
    }
    int rc = dns_name_at(*message, &reader->at, message->len, ret_record->name);
    if (rc < 0) {
        return rc;
    }
    if (message->len - reader->at < RECORD_FIXED) {
        return -WHARF_EPROTOCOL;
    }
    const unsigned char *fixed = message->bytes + reader->at;
    bool is_internet = u16_at(fixed + 2) == CLASS_INTERNET;
    ret_record->type = is_internet ? u16_at(fixed) : 0; /* of another class: nobody's type */
    ret_record->ttl = u32_at(fixed + 4);
    ret_record->ttl = ret_record->ttl > INT32_MAX ? 0 : ret_record->ttl; /* RFC 2181 section 8 */
    ret_record->data_len = u16_at(fixed + 8);
    ret_record->data_at = reader->at + RECORD_FIXED;
    ret_record->in_answer = in_answer;
    if (message->len - ret_record->data_at < ret_record->data_len) {
        return -WHARF_EPROTOCOL;
    }
    reader->at = ret_record->data_at + ret_record->data_len;
    reader->answers -= in_answer ? 1 : 0;
    reader->others -= in_answer ? 0 : 1;
    return 1;
}

static wharf_str without_dot(const char *name) {
    wharf_str text = wharf_str_of(name);
    return text.len > 0 && text.ptr[text.len - 1] == '.' ? str_slice(text, 0, text.len - 1) : text;
}

bool dns_same_name(const char *a, const char *b) {
    return str_equal_nocase(without_dot(a), without_dot(b));
}

/* One step along the chain: 1 and the alias' target in `name`, 0 when it is none, or an error. */
static int follow_alias(struct dns_message message, char name[DNS_TEXT_SIZE]) {
    struct dns_reader reader;
    struct dns_record record;
    int rc = dns_reader_init(&reader, message);
    for (rc = rc < 0 ? rc : dns_reader_next(&reader, &record); rc > 0;
         rc = dns_reader_next(&reader, &record)) {
        if (record.in_answer && record.type == DNS_CNAME && dns_same_name(record.name, name)) {
            size_t at = record.data_at;
            rc = dns_name_at(message, &at, record.data_at + record.data_len, name);
            return rc < 0 ? rc : 1;
        }
    }
    return rc;
}

int dns_canonical(struct dns_message message, const char *name, char ret_name[DNS_TEXT_SIZE]) {
    char current[DNS_TEXT_SIZE];
    (void)str_copy_to(current, sizeof(current), wharf_str_of(name));
    for (int steps = 0; steps <= DNS_CHAIN_MAX; steps++) {
        int rc = follow_alias(message, current);
        if (rc <= 0) {
            memcpy(ret_name, current, sizeof(current));
            return rc;
        }
    }
    return -WHARF_EPROTOCOL;
}

/* The address in a record's data; false: it has the wrong length. */
static bool address_of_record(struct dns_message message, const struct dns_record *record,
                              struct address *ret_address) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const unsigned char *data = message.bytes + record->data_at;
    if (record->type == DNS_A && record->data_len == sizeof(v4.sin_addr)) {
        memcpy(&v4.sin_addr, data, sizeof(v4.sin_addr));
        memcpy(&ret_address->storage, &v4, sizeof(v4));
        ret_address->len = sizeof(v4);
        return true;
    }
    if (record->type == DNS_AAAA && record->data_len == sizeof(v6.sin6_addr)) {
        memcpy(&v6.sin6_addr, data, sizeof(v6.sin6_addr));
        memcpy(&ret_address->storage, &v6, sizeof(v6));
        ret_address->len = sizeof(v6);
        return true;
    }
    return false;
}

int dns_addresses(struct dns_message message, const char *name, unsigned type, struct address *out, int max) {
    char canonical[DNS_TEXT_SIZE];
    struct dns_reader reader;
    struct dns_record record;
    int count = 0;
    int rc = dns_canonical(message, name, canonical);
    rc = rc < 0 ? rc : dns_reader_init(&reader, message);
    for (rc = rc < 0 ? rc : dns_reader_next(&reader, &record); rc > 0 && count < max;
         rc = dns_reader_next(&reader, &record)) {
        if (!record.in_answer || record.type != type || !dns_same_name(record.name, canonical)) {
            continue;
        }
        if (!address_of_record(message, &record, &out[count])) {
            return -WHARF_EPROTOCOL;
        }
        count++;
    }
    return rc < 0 ? rc : count;
}

/* RFC 2308 section 5: the lesser of the record's own time and its last number. */
static uint32_t negative_ttl(struct dns_message message, const struct dns_record *soa) {
    if (soa->data_len < SOA_NUMBERS) {
        return 0;
    }
    uint32_t minimum = u32_at(message.bytes + soa->data_at + soa->data_len - 4);
    return minimum < soa->ttl ? minimum : soa->ttl;
}

uint32_t dns_ttl(struct dns_message message) {
    struct dns_reader reader;
    struct dns_record record;
    uint32_t least = TTL_LONGEST;
    bool found = false;
    int rc = dns_reader_init(&reader, message);
    for (rc = rc < 0 ? rc : dns_reader_next(&reader, &record); rc > 0;
         rc = dns_reader_next(&reader, &record)) {
        bool is_soa = !record.in_answer && record.type == DNS_SOA;
        uint32_t ttl = is_soa ? negative_ttl(message, &record) : record.ttl;
        if ((record.in_answer || is_soa) && ttl < least) {
            least = ttl;
        }
        found = found || record.in_answer || is_soa;
    }
    return rc < 0 || !found ? 0 : least;
}

/* ---- names of numbers ---- */

static const struct {
    unsigned type;
    const char *name;
} types[] = {
    {DNS_A, "A"},     {DNS_AAAA, "AAAA"}, {DNS_CNAME, "CNAME"}, {DNS_MX, "MX"},   {DNS_TXT, "TXT"},
    {DNS_SRV, "SRV"}, {DNS_NS, "NS"},     {DNS_SOA, "SOA"},     {DNS_PTR, "PTR"}, {DNS_CAA, "CAA"},
};

unsigned dns_type_of(wharf_str text) {
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_equal_nocase(text, wharf_str_of(types[i].name))) {
            return types[i].type;
        }
    }
    bool is_number = str_starts_nocase(text, STR("TYPE")) &&
                     number_parse(str_slice(text, 4, text.len), UINT16_MAX, &number) == 0;
    return is_number ? (unsigned)number : 0;
}

const char *dns_type_name(unsigned type, char out[16]) {
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    (void)snprintf(out, 16, "TYPE%u", type & 0xffffU);
    return out;
}

const char *dns_rcode_name(unsigned rcode) {
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode < sizeof(names) / sizeof(names[0]) ? names[rcode] : "an unknown error code";
}
