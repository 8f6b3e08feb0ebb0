/* An HTTPS server and a client for it, with certificates minted by the test. */
#ifndef TESTS_SIM_TLS_SITE_H
#define TESTS_SIM_TLS_SITE_H

#include "scenario.h"

#include <errno.h>

#include "mint.h"
#include "wharf/tls.h"

/* A root, and a certificate of its for localhost and leaf.example. */
static struct minted site_root, site_leaf;

static inline void site_mint(void) {
    site_root = mint_root("Test Root");
    site_leaf = mint(&(const struct mint_plan){.common_name = "leaf",
                                               .names = "DNS:localhost,DNS:leaf.example,IP:127.0.0.1"},
                     &site_root);
}

static inline void site_unmint(void) {
    mint_free(&site_root);
    mint_free(&site_leaf);
}

static inline wharf_tls *site_new_server(void) {
    const wharf_tls_pair pairs[] = {{site_leaf.chain, site_leaf.key_pem}, {0}};
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
}

static inline wharf_tls *site_new_client(void) {
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = site_root.pem));
}

struct site {
    wharf_tls *server_tls, *client_tls;
    wharf_server *server;
    wharf_client *client;
    char url[WHARF_ADDRESS_SIZE + 16];
};

/* tls, options: NULL for the usual ones. Routes are the caller's to add. 0 or an error. */
static inline int site_open(struct site *site, const wharf_tls_options *tls,
                            const wharf_server_options *options) {
    *site = (struct site){.server_tls = tls != NULL ? wharf_tls_new(tls) : site_new_server(),
                          .client_tls = site_new_client()};
    site->server = wharf_server_new(
        options != NULL ? options : WHARF_OPTIONS(wharf_server_options, .no_signals = true));
    site->client = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .tls = site->client_tls));
    if (site->client_tls == NULL || site->server == NULL || site->client == NULL) {
        return -ENOMEM;
    }
    int rc = wharf_server_listen_tls(site->server, "localhost:0", site->server_tls);
    snprintf(site->url, sizeof(site->url), "https://%s", wharf_server_address(site->server, 0));
    return rc;
}

/* As a task: arg is the wharf_server *. */
static inline int site_run(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static inline void site_close(struct site *site) {
    wharf_client_free(site->client);
    wharf_server_free(site->server);
    wharf_tls_free(site->server_tls);
    wharf_tls_free(site->client_tls);
}

/* "localhost:12345" */
static inline const char *site_address(const struct site *site) {
    return site->url + strlen("https://");
}

static inline wharf_response *site_get(const struct site *site, const char *path) {
    char url[WHARF_ADDRESS_SIZE + 64];
    snprintf(url, sizeof(url), "%s%s", site->url, path);
    return wharf_fetch(site->client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
}

/* An error, or 0 when it was answered as it should be. */
static inline int site_expect(const struct site *site, const char *path, const char *expected, size_t len) {
    wharf_response *response = site_get(site, path);
    wharf_str got = wharf_response_body(response);
    int rc = wharf_response_error(response);
    bool good = rc == 0 && wharf_response_status(response) == 200 && got.len == len &&
                memcmp(got.ptr, expected, len) == 0;
    wharf_response_free(response);
    return rc < 0 ? rc : good ? 0 : -WHARF_EPROTOCOL;
}

#endif
