/* See resolv_conf.h, and resolv.conf(5) for the meaning. A server may have a port here, which the file format does not
 * know: "127.0.0.1:5353". */
#include "net/names/resolv_conf.h"

#include <netinet/in.h>

#include "base/number.h"
#include "base/text.h"

void resolv_conf_init(struct resolv_conf *conf) {
    *conf = (struct resolv_conf){.ndots = 1, .timeout_s = 5, .attempts = 2};
}

/* A literal without a port becomes one with a port, in `out`. */
static wharf_str with_port(wharf_str server, char *out, size_t size) {
    ssize_t colon = str_find_byte(server, ':');
    bool is_inet6 = colon >= 0 && str_find_last_byte(server, ':') != colon && server.ptr[0] != '[';
    bool has_port = colon >= 0 && !is_inet6 && server.ptr[server.len - 1] != ']';
    if (has_port) {
        return server;
    }
    struct address_text text = {.kind = ADDRESS_TCP, .host = server, .port = RESOLV_PORT};
    if (!is_inet6 && colon >= 0) {
        text.host = str_slice(server, 1, server.len - 1);
    }
    size_t len = address_text_format(&text, out, size);
    wharf_str formatted = {out, len};
    return formatted;
}

int resolv_conf_server(struct resolv_conf *conf, wharf_str server) {
    char copy[WHARF_ADDRESS_SIZE];
    struct address_text text;
    size_t offset = 0;
    const char *problem = NULL;
    if (server.len == 0 || server.len > sizeof(copy) - sizeof("[]:53")) {
        return -WHARF_EADDRESS;
    }
    if (conf->server_count == RESOLV_SERVERS_MAX) {
        return -WHARF_ELIMIT;
    }
    int rc = address_parse(with_port(server, copy, sizeof(copy)), &text, &offset, &problem);
    if (rc < 0 || text.kind != ADDRESS_TCP || !text.is_literal || text.port == 0) {
        return -WHARF_EADDRESS;
    }
    rc = address_of_text(&text, AF_UNSPEC, &conf->servers[conf->server_count], 1);
    conf->server_count += rc > 0 ? 1 : 0;
    return rc > 0 ? 0 : -WHARF_EADDRESS;
}

void resolv_conf_search(struct resolv_conf *conf, wharf_str domains) {
    wharf_str domain;
    conf->search_count = 0;
    while (conf->search_count < RESOLV_SEARCH_MAX && str_next_word(&domains, &domain)) {
        if (domain.ptr[domain.len - 1] == '.') {
            domain.len--;
        }
        if (domain.len > 0 && domain.len < RESOLV_DOMAIN_SIZE) {
            (void)str_copy_to(conf->search[conf->search_count++], RESOLV_DOMAIN_SIZE, domain);
        }
    }
}

/* "ndots:2" with prefix "ndots:": the number, cut to `max`, as glibc does; nothing else changes *value. */
static void number_option(wharf_str option, wharf_str prefix, int max, int *value) {
    uint64_t number = 0;
    if (!str_starts(option, prefix)) {
        return;
    }
    int rc = number_parse(str_slice(option, prefix.len, option.len), INT32_MAX, &number);
    if (rc == 0) {
        *value = number > (uint64_t)max ? max : (int)number;
    }
}

void resolv_conf_options(struct resolv_conf *conf, wharf_str options) {
    wharf_str option;
    while (str_next_word(&options, &option)) {
        number_option(option, STR("ndots:"), RESOLV_NDOTS_MAX, &conf->ndots);
        number_option(option, STR("timeout:"), RESOLV_TIMEOUT_MAX, &conf->timeout_s);
        number_option(option, STR("attempts:"), RESOLV_ATTEMPTS_MAX, &conf->attempts);
        conf->rotate = conf->rotate || wharf_str_is(option, "rotate");
        conf->use_tcp = conf->use_tcp || wharf_str_is(option, "use-vc");
        conf->plain = conf->plain || wharf_str_is(option, "no-edns0");
    }
    conf->timeout_s = conf->timeout_s > 0 ? conf->timeout_s : 1;
    conf->attempts = conf->attempts > 0 ? conf->attempts : 1;
}

void resolv_conf_parse(struct resolv_conf *conf, wharf_str text) {
    wharf_str line;
    wharf_str word;
    while (str_next_line(&text, &line)) {
        bool is_comment = line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == ';');
        if (is_comment || !str_next_word(&line, &word)) {
            continue;
        }
        if (wharf_str_is(word, "nameserver")) {
            wharf_str server = {NULL, 0};
            (void)str_next_word(&line, &server);
            (void)resolv_conf_server(conf, server);
        } else if (wharf_str_is(word, "search") || wharf_str_is(word, "domain")) {
            resolv_conf_search(conf, line);
        } else if (wharf_str_is(word, "options")) {
            resolv_conf_options(conf, line);
        }
    }
}
