/* Target: the dissection of DNS answers. Whatever a name server sends, nothing is read outside the message, every loop ends,
 * and what is found lies inside. Also the files that say whom to ask. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "net/names/hosts.h"
#include "net/names/message.h"
#include "net/names/nsswitch.h"
#include "net/names/record.h"
#include "net/names/resolv_conf.h"

static void read_message(const uint8_t *data, size_t size) {
    struct dns_message message = {data, size};
    struct address found[4];
    struct dns_reader reader;
    struct dns_record record;
    (void)dns_addresses(message, "www.example.test", DNS_A, found, 4);
    (void)dns_addresses(message, "www.example.test", DNS_AAAA, found, 4);
    (void)dns_ttl(message);
    if (dns_reader_init(&reader, message) < 0) {
        return;
    }
    while (dns_reader_next(&reader, &record) > 0) {
        struct arena arena;
        wharf_record described;
        assert(record.data_at + record.data_len <= size);
        arena_init(&arena, NULL, 0, 1 << 20);
        if (record_describe(message, &record, &arena, &described) == 0) {
            assert(described.text != NULL && described.target != NULL && described.name != NULL);
        }
        arena_deinit(&arena);
    }
}

static void read_files(const uint8_t *data, size_t size) {
    wharf_str text = {(const char *)data, size};
    struct resolv_conf conf;
    struct address found[4];
    resolv_conf_init(&conf);
    resolv_conf_parse(&conf, text);
    assert(conf.server_count <= RESOLV_SERVERS_MAX && conf.search_count <= RESOLV_SEARCH_MAX);
    assert(conf.timeout_s > 0 && conf.attempts > 0);
    assert(hosts_find(text, wharf_str_of("a"), AF_UNSPEC, found, 4) <= 4);
    (void)nsswitch_plan_of(text, wharf_str_of("a"), wharf_str_of("box"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > DNS_MESSAGE_SIZE) {
        return 0;
    }
    read_message(data, size);
    read_files(data, size);
    return 0;
}
