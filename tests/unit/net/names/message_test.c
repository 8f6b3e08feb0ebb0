/* DNS messages: what is sent, what is accepted as its answer, and what lying servers put into one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "net/names/message.h"

static const uint64_t all_small[5] = {0, 0, 0, 0, 0x1234};
static const uint64_t mixed[5] = {0x5555555555555555ULL, 0x5555555555555555ULL, 0, 0, 0xbeef};

/* An answer in the making: the query's header and question, then records. */
struct reply {
    unsigned char bytes[2048];
    size_t len;
};

static struct dns_message message_of(const struct reply *reply) {
    struct dns_message message = {reply->bytes, reply->len};
    return message;
}

static void reply_begin(struct reply *reply, const struct dns_query *query, unsigned rcode) {
    memset(reply, 0, sizeof(*reply));
    reply->len = DNS_HEADER_SIZE + query->question_len;
    memcpy(reply->bytes, query->bytes, reply->len);
    reply->bytes[2] = 0x81;
    reply->bytes[3] = (unsigned char)(0x80 | rcode);
    reply->bytes[11] = 0; /* no OPT record in it */
}

static void put(struct reply *reply, const void *bytes, size_t len) {
    memcpy(reply->bytes + reply->len, bytes, len);
    reply->len += len;
}

/* A name as it is in a message, without compression. */
static size_t wire_name(const char *name, unsigned char *out) {
    size_t at = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        out[at++] = (unsigned char)label;
        memcpy(out + at, name, label);
        at += label;
        name += label + (name[label] == '.' ? 1 : 0);
    }
    out[at++] = 0;
    return at;
}

static void put_record(struct reply *reply, const char *name, unsigned type, const void *data, size_t len) {
    unsigned char owner[256];
    const unsigned char fixed[10] = {(unsigned char)(type >> 8), (unsigned char)type, 0, 1, 0, 0, 1, 0x2c,
                                     (unsigned char)(len >> 8),  (unsigned char)len};
    size_t owner_len = wire_name(name, owner);
    put(reply, owner, owner_len);
    put(reply, fixed, sizeof(fixed));
    put(reply, data, len);
    reply->bytes[7]++;
}

static void put_alias(struct reply *reply, const char *name, const char *target) {
    unsigned char wire[256];
    size_t len = wire_name(target, wire);
    put_record(reply, name, DNS_CNAME, wire, len);
}

static struct dns_query query_of(const char *name, unsigned type) {
    struct dns_query query;
    assert_int_equal(dns_query_make(name, type, all_small, true, &query), 0);
    return query;
}

static void a_question_is_what_rfc_1035_says(void **state) {
    (void)state;
    struct dns_query query;
    static const unsigned char plain[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
                                         "a\x02io\x00\x00\x1c\x00\x01";
    assert_int_equal(dns_query_make("a.io", DNS_AAAA, all_small, false, &query), 0);
    assert_int_equal(query.len, sizeof(plain) - 1);
    assert_memory_equal(query.bytes, plain, query.len);
    assert_int_equal(query.question_len, query.len - DNS_HEADER_SIZE);
    assert_int_equal(dns_query_make("a.io.", DNS_AAAA, all_small, true, &query), 0);
    assert_int_equal(query.len, sizeof(plain) - 1 + 11); /* the OPT record */
    assert_int_equal(query.bytes[11], 1);
}

static void the_case_of_letters_is_mixed_and_nothing_else(void **state) {
    (void)state;
    struct dns_query query;
    assert_int_equal(dns_query_make("example-1.test", DNS_A, mixed, true, &query), 0);
    assert_memory_equal(query.bytes, "\xbe\xef", 2);
    const unsigned char *question = query.bytes + DNS_HEADER_SIZE;
    assert_int_equal(question[0], 9);
    assert_memory_not_equal(question + 1, "example-1", 9);
    assert_memory_not_equal(question + 1, "EXAMPLE-1", 9);
    assert_memory_equal(question + 8, "-1\x04", 3);
}

static void refuses_names_that_dns_cannot_carry(void **state) {
    (void)state;
    struct dns_query query;
    char label[70];
    char name[300];
    memset(label, 'a', sizeof(label));
    label[64] = '\0';
    memset(name, 'a', sizeof(name));
    for (size_t i = 9; i < sizeof(name); i += 10) {
        name[i] = '.';
    }
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(dns_query_make(label, DNS_A, all_small, true, &query), -WHARF_EADDRESS);
    assert_int_equal(dns_query_make(name, DNS_A, all_small, true, &query), -WHARF_EADDRESS);
    assert_int_equal(dns_query_make("a..b", DNS_A, all_small, true, &query), -WHARF_EADDRESS);
    name[253] = '\0';
    assert_int_equal(dns_query_make(name, DNS_A, all_small, true, &query), 0);
}

static void only_the_answer_to_the_question_is_one(void **state) {
    (void)state;
    struct dns_query query = query_of("example.test", DNS_A);
    struct reply reply;
    reply_begin(&reply, &query, DNS_NOERROR);
    assert_int_equal(dns_match(&query, message_of(&reply)), DNS_IS_ANSWER);
    for (size_t len = 0; len < reply.len; len++) {
        struct dns_message prefix = {reply.bytes, len};
        assert_int_equal(dns_match(&query, prefix), DNS_IS_STRANGE);
    }
    static const struct {
        size_t at;
        unsigned char flip;
        enum dns_match match;
    } rows[] = {
        {0, 1, DNS_IS_STRANGE},
        {1, 0x80, DNS_IS_STRANGE}, /* another id */
        {2, 0x80, DNS_IS_STRANGE}, /* a question, not an answer */
        {2, 0x08, DNS_IS_STRANGE}, /* another kind of question */
        {5, 2, DNS_IS_STRANGE},    /* three questions */
        {5, 1, DNS_IS_STRANGE},    /* none, and yet no error */
        {13, 0x20, DNS_IS_CASE_CHANGED},
        {13, 1, DNS_IS_STRANGE},                      /* another name */
        {DNS_HEADER_SIZE + 15, 0x10, DNS_IS_STRANGE}, /* another type */
        {DNS_HEADER_SIZE + 17, 2, DNS_IS_STRANGE},    /* another class */
        {3, DNS_REFUSED, DNS_IS_ANSWER},
        {2, 0x02, DNS_IS_ANSWER}, /* an error; cut short */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reply.bytes[rows[i].at] ^= rows[i].flip;
        assert_int_equal(dns_match(&query, message_of(&reply)), rows[i].match);
        reply.bytes[rows[i].at] ^= rows[i].flip;
    }
    reply.bytes[5] = 0; /* an error may leave the question out */
    reply.bytes[3] = DNS_FORMERR;
    assert_int_equal(dns_match(&query, message_of(&reply)), DNS_IS_ANSWER);
}

static void addresses_are_those_of_the_name_and_its_aliases(void **state) {
    (void)state;
    struct dns_query query = query_of("www.example.test", DNS_A);
    struct address found[4];
    struct reply reply;
    reply_begin(&reply, &query, DNS_NOERROR);
    put_record(&reply, "other.test", DNS_A, "\x0a\x00\x00\x01", 4); /* a lie: nobody asked */
    put_record(&reply, "host.example.test", DNS_A, "\xc0\x00\x02\x01", 4);
    put_alias(&reply, "cdn.test", "HOST.example.test");
    put_alias(&reply, "WWW.example.test", "cdn.test");
    put_record(&reply, "host.example.test", DNS_A, "\xc0\x00\x02\x02", 4);
    assert_int_equal(dns_addresses(message_of(&reply), "www.example.test", DNS_A, found, 4), 2);
    const struct sockaddr_in *second = (const struct sockaddr_in *)(const void *)&found[1].storage;
    assert_int_equal(second->sin_addr.s_addr, htonl(0xc0000202));
    assert_int_equal(dns_addresses(message_of(&reply), "www.example.test.", DNS_A, found, 1), 1);
    assert_int_equal(dns_addresses(message_of(&reply), "www.example.test", DNS_AAAA, found, 4), 0);
    assert_int_equal(dns_addresses(message_of(&reply), "nobody.test", DNS_A, found, 4), 0);
    assert_int_equal(dns_ttl(message_of(&reply)), 300);
}

static void aliases_in_a_circle_are_refused(void **state) {
    (void)state;
    struct dns_query query = query_of("a.test", DNS_A);
    struct address found[4];
    struct reply reply;
    reply_begin(&reply, &query, DNS_NOERROR);
    put_alias(&reply, "a.test", "b.test");
    put_alias(&reply, "b.test", "a.test");
    assert_int_equal(dns_addresses(message_of(&reply), "a.test", DNS_A, found, 4), -WHARF_EPROTOCOL);
}

static void every_cut_answer_is_refused(void **state) {
    (void)state;
    struct dns_query query = query_of("a.test", DNS_A);
    struct address found[4];
    struct reply reply;
    reply_begin(&reply, &query, DNS_NOERROR);
    size_t question_end = reply.len;
    put_alias(&reply, "a.test", "b.test");
    put_record(&reply, "b.test", DNS_A, "\xc0\x00\x02\x01", 4);
    for (size_t len = 0; len < reply.len; len++) {
        struct dns_message prefix = {reply.bytes, len};
        assert_int_equal(dns_addresses(prefix, "a.test", DNS_A, found, 4), -WHARF_EPROTOCOL);
        assert_int_equal(dns_ttl(prefix), 0);
    }
    assert_int_equal(dns_addresses(message_of(&reply), "a.test", DNS_A, found, 4), 1);
    reply.bytes[question_end] = 0xc0; /* a name that points at itself */
    reply.bytes[question_end + 1] = (unsigned char)question_end;
    assert_int_equal(dns_addresses(message_of(&reply), "a.test", DNS_A, found, 4), -WHARF_EPROTOCOL);
}

static void an_address_of_the_wrong_length_is_refused(void **state) {
    (void)state;
    struct dns_query query = query_of("a.test", DNS_AAAA);
    struct address found[4];
    struct reply reply;
    reply_begin(&reply, &query, DNS_NOERROR);
    put_record(&reply, "a.test", DNS_AAAA, "\xc0\x00\x02\x01", 4);
    assert_int_equal(dns_addresses(message_of(&reply), "a.test", DNS_AAAA, found, 4), -WHARF_EPROTOCOL);
}

static void an_answer_without_data_is_kept_as_long_as_its_authority_says(void **state) {
    (void)state;
    struct dns_query query = query_of("a.test", DNS_A);
    struct reply reply;
    reply_begin(&reply, &query, DNS_NXDOMAIN);
    assert_int_equal(dns_ttl(message_of(&reply)), 0); /* nothing says how long */
    static const unsigned char soa[] = "\x00\x00\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c";
    put_record(&reply, "test", DNS_SOA, soa, sizeof(soa) - 1);
    reply.bytes[7] = 0;
    reply.bytes[9] = 1;
    assert_int_equal(dns_ttl(message_of(&reply)), 60);
}

/* A record whose name points at the question. */
static void names_that_point_at_the_question_have_small_letters(void **state) {
    (void)state;
    struct dns_query query;
    struct dns_reader reader;
    struct dns_record record;
    struct reply reply;
    assert_int_equal(dns_query_make("example.test", DNS_A, mixed, true, &query), 0);
    reply_begin(&reply, &query, DNS_NOERROR);
    static const unsigned char pointing[] = "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1";
    put(&reply, pointing, sizeof(pointing) - 1);
    reply.bytes[7] = 1;
    assert_int_equal(dns_match(&query, message_of(&reply)), DNS_IS_ANSWER);
    dns_settle_case(&query, reply.bytes, reply.len);
    assert_int_equal(dns_reader_init(&reader, message_of(&reply)), 0);
    assert_int_equal(dns_reader_next(&reader, &record), 1);
    assert_string_equal(record.name, "example.test");
    dns_settle_case(&query, reply.bytes, 20); /* too short for a question: left alone */
}

static void types_have_names(void **state) {
    (void)state;
    char text[16];
    assert_int_equal(dns_type_of(wharf_str_of("mx")), DNS_MX);
    assert_int_equal(dns_type_of(wharf_str_of("TYPE65")), 65);
    assert_int_equal(dns_type_of(wharf_str_of("TYPE65536")), 0);
    assert_int_equal(dns_type_of(wharf_str_of("nonsense")), 0);
    assert_string_equal(dns_type_name(DNS_SRV, text), "SRV");
    assert_string_equal(dns_type_name(65, text), "TYPE65");
    assert_string_equal(dns_rcode_name(DNS_NXDOMAIN), "NXDOMAIN");
    assert_string_equal(dns_rcode_name(9), "an unknown error code");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_what_rfc_1035_says),
        cmocka_unit_test(the_case_of_letters_is_mixed_and_nothing_else),
        cmocka_unit_test(refuses_names_that_dns_cannot_carry),
        cmocka_unit_test(only_the_answer_to_the_question_is_one),
        cmocka_unit_test(addresses_are_those_of_the_name_and_its_aliases),
        cmocka_unit_test(aliases_in_a_circle_are_refused),
        cmocka_unit_test(every_cut_answer_is_refused),
        cmocka_unit_test(an_address_of_the_wrong_length_is_refused),
        cmocka_unit_test(an_answer_without_data_is_kept_as_long_as_its_authority_says),
        cmocka_unit_test(names_that_point_at_the_question_have_small_letters),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests_name("names message", tests, NULL, NULL);
}
