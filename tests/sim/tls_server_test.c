/* What an HTTPS server does beside answering: it tells of handshakes that failed. */
#include "tls_site.h"

enum { SECOND = 1000, TOLD_SIZE = 8192 };

/* ---- handshakes that fail ---- */

static char told[TOLD_SIZE];
static int told_count;

static void hear(wharf_log_level level, const char *text, size_t len, void *arg) {
    size_t at = strlen(told);
    (void)arg;
    EXPECT(level == WHARF_LOG_WARNING && at + len + 2 < TOLD_SIZE);
    memcpy(told + at, text, len);
    memcpy(told + at + len, "\n", 2);
    told_count++;
}

static void forget(void) {
    told[0] = '\0';
    told_count = 0;
}

/* Says something, and waits until the server has nothing more to say. */
static void knock(const struct site *site, const char *bytes, size_t len) {
    char answer[256];
    wharf_sock sock = wharf_dial(site_address(site));
    EXPECT(wharf_send(sock, bytes, len) == (ssize_t)len && wharf_shutdown_write(sock) == 0);
    while (wharf_recv(sock, answer, sizeof(answer)) > 0) {
    }
    (void)wharf_close(sock);
}

static void knock_untrusting(const struct site *site) {
    wharf_sock sock = wharf_dial_tls(site_address(site), NULL); /* the system's store does not know us */
    EXPECT(wharf_failed(sock));
}

static int failing_program(void *arg) {
    struct site site;
    (void)arg;
    forget();
    EXPECT(site_open(&site, NULL, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        for (int i = 0; i < 3; i++) {
            knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        }
        knock(&site, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
        knock_untrusting(&site);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(told_count == 3); /* one for each reason */
        EXPECT(strstr(told, "wharf: tls.stranger: TLS handshake with 127.0.0.1:") != NULL ||
               strstr(told, "wharf: tls.stranger: TLS handshake with [::1]:") != NULL);
        EXPECT(strstr(told, "its first bytes are SSH-2") != NULL);
        EXPECT(strstr(told, "wharf: tls.http: ") != NULL && strstr(told, "speaks plain HTTP") != NULL);
        EXPECT(strstr(told, "wharf: tls.alert.unknown_ca: ") != NULL);
        EXPECT(strstr(told, "does not know the authority that issued our certificate\n") != NULL);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(told_count == 4 && strstr(told, " (and 1 more)\n") != NULL);
        /* Nothing happens for a while, and the next is told at once. */
        forget();
        knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(told_count == 1);
        /* What is left at the end is told, too. */
        knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    EXPECT(told_count == 2);
    site_close(&site);
    return 0;
}

static void failed_handshakes_are_told_once_a_second_and_reason(void **state) {
    (void)state;
    wharf_set_log(hear, NULL);
    scenario_run_seeds(failing_program);
    wharf_set_log(NULL, NULL);
}

/* A client that never says a word is told of when its time is over, one that only looks whether the port is open is not. */
static int silent_program(void *arg) {
    struct site site;
    (void)arg;
    forget();
    EXPECT(site_open(&site, NULL, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        EXPECT(wharf_close(wharf_dial(site_address(&site))) == 0);
        wharf_sock slow = wharf_dial(site_address(&site));
        EXPECT(wharf_send(slow, "\x16\x03\x01", 3) == 3);
        EXPECT(wharf_sleep(9 * SECOND) == 0);
        EXPECT(told_count == 0);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(told_count == 1 && strstr(told, "wharf: tls.slow: ") != NULL);
        EXPECT(strstr(told, "limits.handshake_ms is 10000") != NULL);
        (void)wharf_close(slow);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    return 0;
}

static void a_slow_handshake_is_told_and_a_look_is_not(void **state) {
    (void)state;
    wharf_set_log(hear, NULL);
    scenario_run_seeds(silent_program);
    wharf_set_log(NULL, NULL);
}

static int set_up(void **state) {
    (void)state;
    site_mint();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    site_unmint();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_handshakes_are_told_once_a_second_and_reason),
        cmocka_unit_test(a_slow_handshake_is_told_and_a_look_is_not),
    };
    return cmocka_run_group_tests_name("tls server", tests, set_up, tear_down);
}
