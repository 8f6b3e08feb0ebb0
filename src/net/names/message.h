/* DNS messages: a question made, an answer checked and taken apart. Pure: no clock, no sockets, no tasks.
 *
 *      header | question | answers ...                     RFC 1035 section 4
 *
 * The delicate part, names with their compression pointers and escapes, is c-ares'; docs/design/names.md says why no
 * more of it is used. */
#ifndef NET_NAMES_MESSAGE_H
#define NET_NAMES_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "wharf/base.h"

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_CAA = 257,
};

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
};

enum {
    DNS_HEADER_SIZE = 12,
    DNS_NAME_MAX = 253,   /* bytes of a name as text, no dot at the end */
    DNS_TEXT_SIZE = 1025, /* a name out of a message: every byte may be escaped as \DDD */
    DNS_QUERY_SIZE = 288, /* header, the longest name, type and class, EDNS */
    DNS_DATAGRAM_SIZE =
        1232, /* what is asked for by EDNS: fits every path unfragmented (DNS flag day 2020) */
    DNS_MESSAGE_SIZE = 65535,
    DNS_CHAIN_MAX = 16, /* aliases in a row */
};

/* A question as it is sent. */
struct dns_query {
    unsigned char bytes[DNS_QUERY_SIZE];
    size_t len;
    size_t question_len; /* of name, type and class, behind the header */
};

/* name: without a dot at the end is fine. dice: its bits choose the id and the case of each letter, which an
 * answer must repeat. edns: offer more than 512 bytes. 0, -WHARF_EADDRESS (not a name that DNS can carry) or
 * -ENOMEM. */
int dns_query_make(const char *name, unsigned type, const uint64_t dice[5], bool edns,
                   struct dns_query *ret_query);

/* The bytes of a message. */
struct dns_message {
    const unsigned char *bytes;
    size_t len;
};

/* What received bytes are to a query. */
enum dns_match {
    DNS_IS_ANSWER,
    DNS_IS_STRANGE,      /* somebody else's answer, a forgery, nonsense: keep waiting */
    DNS_IS_CASE_CHANGED, /* the name comes back in other case: ask again where forging is harder */
};
enum dns_match dns_match(const struct dns_query *query, struct dns_message message);

/* In an answer that has matched: the question's letters become small ones again, for the names in the records point at it. */
void dns_settle_case(const struct dns_query *query, unsigned char *bytes, size_t len);
/* Of an answer that has matched. */
static inline unsigned dns_rcode(struct dns_message message) {
    return message.bytes[3] & 0x0fU;
}
static inline bool dns_is_truncated(struct dns_message message) {
    return (message.bytes[2] & 0x02U) != 0;
}

/* One record; data points into the message. */
struct dns_record {
    char name[DNS_TEXT_SIZE];
    unsigned type;
    uint32_t ttl; /* seconds */
    size_t data_at, data_len;
    bool in_answer; /* not one of the authority section */
};

/* Goes through the records of an answer, those of the authority section last. */
struct dns_reader {
    struct dns_message message;
    size_t at;
    unsigned answers, others; /* left */
};

/* 0, -WHARF_EPROTOCOL or -ENOMEM. */
int dns_reader_init(struct dns_reader *reader, struct dns_message message);
/* 1 and the next record, 0 at the end, -WHARF_EPROTOCOL or -ENOMEM. */
int dns_reader_next(struct dns_reader *reader, struct dns_record *ret_record);
/* The name at `*at` of the message, which moves behind it. limit: where the record's data end. */
int dns_name_at(struct dns_message message, size_t *at, size_t limit, char ret_name[DNS_TEXT_SIZE]);

/* Whether two names are the same one: no case, no dot at the end. */
bool dns_same_name(const char *a, const char *b);

/* Follows the aliases from `name` (RFC 1034 section 3.6.2); ret_name gets the name that has the data. 0,
 * -WHARF_EPROTOCOL (a circle, or more than DNS_CHAIN_MAX) or -ENOMEM. */
int dns_canonical(struct dns_message message, const char *name, char ret_name[DNS_TEXT_SIZE]);

/* The addresses that the answer gives `name`, records for other names ignored. type: DNS_A or DNS_AAAA. Returns how
 * many (0: no data), -WHARF_EPROTOCOL or -ENOMEM. */
int dns_addresses(struct dns_message message, const char *name, unsigned type, struct address *out, int max);

/* How long the answer may be kept (s): the least of its records' times; for one without data what RFC 2308 says. */
uint32_t dns_ttl(struct dns_message message);

/* "A" -> 1, "TYPE65" -> 65; 0: unknown. And back; the text is static or in `out`. */
unsigned dns_type_of(wharf_str text);
const char *dns_type_name(unsigned type, char out[16]);
/* "NXDOMAIN". */
const char *dns_rcode_name(unsigned rcode);

#endif
