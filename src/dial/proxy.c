/* Reading proxies, and the choice of the way through one: see proxy.h. */
#include "dial/proxy.h"

#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "http/codec/base64.h"
#include "http/codec/percent.h"
#include "http/codec/url.h"

static const struct {
    const char *scheme;
    enum proxy_kind kind;
    uint16_t port;
} schemes[] = {
    {"http", PROXY_HTTP, 80},
    {"https", PROXY_HTTPS, 443},
    {"socks5", PROXY_SOCKS5, 1080},
    {"socks5h", PROXY_SOCKS5H, 1080},
};

/* Usernames and passwords of SOCKS have a byte for their length; longer ones are a mistake anyway. */
enum { CREDENTIAL_BYTES_MAX = 255 };

/* ---- reading ---- */

static int decode_credential(struct arena *arena, wharf_str text, wharf_str *ret_text) {
    size_t offset = 0;
    int rc = percent_decode(arena, text, ret_text, &offset);
    if (rc == -EINVAL) {
        *ret_text = text; /* a '%' that encodes nothing stands for itself */
        return 0;
    }
    return rc;
}

/* The parts of a proxy whose URL has been read. */
static int proxy_take(struct arena *arena, const struct url *url, size_t scheme, struct proxy *proxy) {
    wharf_str host = url->host;
    bool is_v6 = url->host_kind == URL_HOST_IPV6;
    if (is_v6) {
        host = str_slice(host, 1, host.len - 1);
    }
    uint16_t port = url->port != 0 ? url->port : schemes[scheme].port;
    struct address_text bare = {.kind = ADDRESS_TCP, .host = host, .is_literal = true};
    struct address unused;
    bool is_literal = is_v6 || url->host_kind == URL_HOST_IPV4 ||
                      (url->host_kind == URL_HOST_OPAQUE && host.len > 0 && host.ptr[0] >= '0' &&
                       host.ptr[0] <= '9' && address_of_text(&bare, AF_INET, &unused, 1) == 1);
    *proxy = (struct proxy){
        .kind = schemes[scheme].kind,
        .address = {.kind = ADDRESS_TCP, .host = host, .port = port, .is_literal = is_literal},
    };
    proxy->text =
        arena_printf(arena, "%s://%.*s:%u", schemes[scheme].scheme, WHARF_STR_ARG(url->host), port).ptr;
    int rc = decode_credential(arena, url->username, &proxy->username);
    rc = rc < 0 ? rc : decode_credential(arena, url->password, &proxy->password);
    return rc < 0 || proxy->text == NULL ? -ENOMEM : 0;
}

static int proxy_parse(struct arena *arena, wharf_str entry, struct proxy *proxy, const char **ret_wrong) {
    struct url url;
    struct url_error error;
    size_t i = 0;
    if (wharf_str_is(entry, "direct")) {
        *proxy = (struct proxy){.kind = PROXY_DIRECT, .text = "direct"};
        return 0;
    }
    if (str_find(entry, STR("://")) < 0) {
        entry = arena_printf(arena, "http://%.*s", WHARF_STR_ARG(entry));
    }
    if (entry.ptr == NULL || url_parse_any(arena, NULL, entry, &url, &error) == -ENOMEM) {
        return -ENOMEM;
    }
    if (url_parse_any(arena, NULL, entry, &url, &error) < 0) {
        *ret_wrong = error.reason;
        return -EINVAL;
    }
    while (i < sizeof(schemes) / sizeof(schemes[0]) && !wharf_str_is(url.scheme, schemes[i].scheme)) {
        i++;
    }
    if (i == sizeof(schemes) / sizeof(schemes[0])) {
        *ret_wrong = "the scheme is none of http, https, socks5, socks5h";
        return -EINVAL;
    }
    if (url.host.len == 0) {
        *ret_wrong = "there is no host";
        return -EINVAL;
    }
    int rc = proxy_take(arena, &url, i, proxy);
    if (rc == 0 &&
        (proxy->username.len > CREDENTIAL_BYTES_MAX || proxy->password.len > CREDENTIAL_BYTES_MAX)) {
        *ret_wrong = "user name or password have more than 255 bytes";
        return -EINVAL;
    }
    return rc;
}

int proxies_parse(struct arena *arena, wharf_str text, struct proxy_list *ret_list, const char **ret_wrong) {
    struct proxy_list list = {.count = 0};
    wharf_str entry = {NULL, 0};
    while (str_next_entry(&text, &entry)) {
        if (list.count == PROXIES_MAX) {
            *ret_wrong = "there are more than 8";
            return -EINVAL;
        }
        int rc = proxy_parse(arena, entry, &list.at[list.count], ret_wrong);
        if (rc < 0) {
            return rc;
        }
        list.count++;
    }
    *ret_list = list;
    return 0;
}

/* ---- the way ---- */

int proxy_authorization(const struct proxy *proxy, struct buffer *value) {
    if (proxy->username.len == 0 && proxy->password.len == 0) {
        return 0;
    }
    char pair[2 * CREDENTIAL_BYTES_MAX + 2];
    char digits[(sizeof(pair) + 2) / 3 * 4];
    int len = snprintf(pair, sizeof(pair), "%.*s:%.*s", WHARF_STR_ARG(proxy->username),
                       WHARF_STR_ARG(proxy->password));
    size_t count = base64_format((wharf_str){pair, (size_t)len}, digits);
    int rc = buffer_append_str(value, STR("Basic "));
    rc = rc < 0 ? rc : buffer_append(value, digits, count);
    explicit_bzero(pair, sizeof(pair));
    explicit_bzero(digits, sizeof(digits));
    return rc;
}

int proxy_fail(int code, const struct proxy *proxy, const struct address_text *to, const char *detail) {
    char subject[FAILURE_SUBJECT_SIZE];
    size_t len = address_text_format(to, subject, sizeof(subject));
    len += str_copy_to(subject + len, sizeof(subject) - len, STR(" through "));
    (void)str_copy_to(subject + len, sizeof(subject) - len, wharf_str_of(proxy->text));
    return fail(code, "connect to", subject, detail[0] != '\0' ? "%s" : NULL, detail);
}

int proxy_tunnel(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                 const struct networks *networks, struct buffer *answer) {
    bool is_socks = proxy->kind == PROXY_SOCKS5 || proxy->kind == PROXY_SOCKS5H;
    return is_socks ? proxy_connect_socks(stream, proxy, to, networks)
                    : proxy_connect_http(stream, proxy, to, answer);
}
