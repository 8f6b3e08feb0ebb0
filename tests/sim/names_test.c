/* Names and Happy Eyeballs in virtual time: who is asked, how long for, which address wins, and what the failures say. */
#include "name_server.h"

#include <ares.h>

#include "base/memory.h"

static int64_t since_ms(int64_t began) {
    return (wharf_now_ns() - began) / 1000000;
}

static bool why_has(const char *words) {
    bool has = strstr(wharf_why(), words) != NULL;
    if (!has) {
        fprintf(stderr, "%s\n", wharf_why());
    }
    return has;
}

/* ---- hosts that accept, at port 80 ---- */

static int accept_all(void *arg) {
    wharf_sock listener = wharf_serve_on(arg);
    for (;;) {
        wharf_sock sock = wharf_accept(listener);
        if (wharf_failed(sock)) {
            break;
        }
        (void)wharf_close(sock);
    }
    (void)wharf_close(listener);
    return 0;
}

static void start_host(const char *name, const char *addresses, const char *at) {
    WHARF_EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = name, .addresses = addresses,
                                               .program = accept_all, .arg = (void *)(uintptr_t)at)) == 0);
}

static void start_both(void) {
    start_host("six", "2001:db8::80", "[2001:db8::80]:80");
    start_host("four", "10.0.1.80", "10.0.1.80:80");
}

static void set_latency(const char *host, int64_t ms) {
    WHARF_EXPECT(
        wharf_sim_set_link("client", host, WHARF_OPTIONS(wharf_sim_link, .latency_ns = ms * 1000000)) == 0);
}

/* Dials, and gives the peer's address and how long it took. */
static int dial(const char *address, char *peer, int64_t *ret_ms) {
    int64_t began = wharf_now_ns();
    wharf_sock sock = wharf_dial(address);
    *ret_ms = since_ms(began);
    peer[0] = '\0';
    if (!wharf_failed(sock)) {
        WHARF_EXPECT(wharf_peer_address(sock, peer, WHARF_ADDRESS_SIZE) > 0);
    }
    int error = wharf_error(sock);
    (void)wharf_close(sock);
    return error;
}

/* ---- what is asked ---- */

static const struct ns_row plain[] = {
    {"alias.test", 5, "www.test", 0, NS_TRUTH},
    {"www.test", 28, "2001:db8::80", 0, NS_TRUTH},
    {"www.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"four.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"deep.corp.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"mute.test", 1, NULL, 0, NS_SILENT},
    {"sick.test", 1, NULL, 0, NS_SERVFAIL},
    {"broken.test", 1, "10.0.1.80", 0, NS_BROKEN},
    {"empty.test", 15, NULL, 0, NS_TRUTH},
    {"xn--bcher-kva.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {NULL, 0, NULL, 0, NS_TRUTH},
};

static int finds_addresses(void *arg) {
    (void)arg;
    wharf_address found[WHARF_ADDRESSES_MAX];
    char text[WHARF_ADDRESS_SIZE];
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    WHARF_EXPECT(wharf_resolve("WWW.test:80", found, WHARF_ADDRESSES_MAX) == 2);
    WHARF_EXPECT(ns_questions == 2);
    WHARF_EXPECT(wharf_resolve("alias.test:80", found, WHARF_ADDRESSES_MAX) == 2);
    WHARF_EXPECT(wharf_resolve("four.test.:8080", found, 1) == 1);
    WHARF_EXPECT(wharf_address_text(&found[0], text, sizeof(text)) > 0);
    WHARF_EXPECT(strcmp(text, "10.0.1.80:8080") == 0);
    ns_questions = 0;
    WHARF_EXPECT(wharf_resolve("127.0.0.1:80", found, 1) == 1);
    WHARF_EXPECT(wharf_resolve("localhost:80", found, WHARF_ADDRESSES_MAX) == 2);
    WHARF_EXPECT(wharf_resolve("a.localhost:80", found, WHARF_ADDRESSES_MAX) == 2);
    WHARF_EXPECT(wharf_resolve("hidden.onion:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(wharf_resolve("x.invalid:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(ns_questions == 0);
    return 0;
}

static int finds_names_beyond_ascii(void *arg) {
    (void)arg;
    wharf_address found[2];
    char text[WHARF_ADDRESS_SIZE];
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    WHARF_EXPECT(wharf_resolve("B\u00fccher.test:80", found, 2) == 1);
    WHARF_EXPECT(wharf_address_text(&found[0], text, sizeof(text)) > 0 && strcmp(text, "10.0.1.80:80") == 0);
    wharf_answer *answer = wharf_look_up("b\u00fccher.test", "A");
    WHARF_EXPECT(wharf_answer_error(answer) == 0 && wharf_answer_count(answer) == 1);
    WHARF_EXPECT(strcmp(wharf_answer_name(answer), "xn--bcher-kva.test") == 0);
    wharf_answer_free(answer);
    answer = wharf_look_up("b\u00fccher.test", "MX");
    WHARF_EXPECT(strstr(wharf_answer_why(answer), "look up b\u00fccher.test (xn--bcher-kva.test) MX: ") !=
                 NULL);
    wharf_answer_free(answer);
    WHARF_EXPECT(wharf_resolve("\u2603.test:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(why_has("resolve \u2603.test:80 (xn--n3h.test): "));
    WHARF_EXPECT(wharf_sim_set_name("\u2603.world", "10.0.1.81") == 0);
    WHARF_EXPECT(wharf_resolve("\u2603.WORLD:80", found, 1) == 1);
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .servers = NS_ADDRESS,
                                               .overrides = "10.0.1.82 \u00dc.test\n")) == 0);
    WHARF_EXPECT(wharf_resolve("\u00fc.test:80", found, 1) == 1);
    return 0;
}

static int asks_nobody_about_this_machine(void *arg) {
    (void)arg;
    static const struct {
        const char *name, *type, *text, *status;
    } rows[] = {
        {"localhost", "A", "127.0.0.1", "NOERROR"},   {"a.localhost.", "AAAA", "::1", "NOERROR"},
        {"localhost", "MX", NULL, "NODATA"},          {"192.0.2.1", "A", "192.0.2.1", "NOERROR"},
        {"127.0.0.1", "PTR", "localhost", "NOERROR"}, {"::1", "PTR", "localhost", "NOERROR"},
        {"2001:db8::1", "A", NULL, "NODATA"},
    };
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    ns_questions = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_answer *answer = wharf_look_up(rows[i].name, rows[i].type);
        const wharf_record *record = wharf_answer_record(answer, 0);
        int error = wharf_answer_error(answer);
        bool as_told = rows[i].text == NULL ? record == NULL && error == -WHARF_ENAME
                                            : record != NULL && strcmp(record->text, rows[i].text) == 0;
        WHARF_EXPECT((error == -ENOMEM && record == NULL) || as_told);
        WHARF_EXPECT(error == -ENOMEM || strcmp(wharf_answer_status(answer), rows[i].status) == 0);
        WHARF_EXPECT(wharf_answer_server(answer)[0] == '\0');
        wharf_answer_free(answer);
    }
    WHARF_EXPECT(ns_questions == 0);
    return 0;
}

static int one_family_holds_for_literals_and_listeners(void *arg) {
    (void)arg;
    wharf_address found[2];
    char text[WHARF_ADDRESS_SIZE];
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .family = 6)) == 0);
    WHARF_EXPECT(wharf_resolve("localhost:80", found, 2) == 1);
    WHARF_EXPECT(wharf_address_text(&found[0], text, sizeof(text)) > 0 && strcmp(text, "[::1]:80") == 0);
    WHARF_EXPECT(wharf_resolve("127.0.0.1:80", found, 2) == -WHARF_EADDRESS);
    WHARF_EXPECT(why_has("the setting `family` excludes this address"));
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .family = 4)) == 0);
    wharf_sock listener = wharf_serve_on(":80");
    WHARF_EXPECT(wharf_local_address(listener, text, sizeof(text)) > 0 || wharf_failed(listener));
    WHARF_EXPECT(wharf_failed(listener) || strcmp(text, "0.0.0.0:80") == 0 || strcmp(text, ":80") == 0);
    wharf_sock sock = wharf_socket("tcp6");
    int rc = wharf_connect(sock, "localhost:80");
    WHARF_EXPECT(rc == -WHARF_ENAME || wharf_failed(sock));
    WHARF_EXPECT(wharf_failed(sock) || why_has("the setting `family` excludes the wanted kind of address"));
    (void)wharf_close(sock);
    (void)wharf_close(listener);
    return 0;
}

static int says_what_servers_said(void *arg) {
    (void)arg;
    wharf_address found[1];
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    WHARF_EXPECT(wharf_resolve("nobody.test:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(
        why_has("resolve nobody.test:80: the host name could not be resolved (ENAME): 10.9.9.53:53 says that "
                "there is no such name (NXDOMAIN)"));
    WHARF_EXPECT(wharf_resolve("empty.test:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(why_has("10.9.9.53:53 says that the name has no address"));
    WHARF_EXPECT(wharf_resolve("sick.test:80", found, 1) == -WHARF_ENAMESERVER);
    WHARF_EXPECT(why_has("10.9.9.53:53 SERVFAIL"));
    WHARF_EXPECT(wharf_resolve("broken.test:80", found, 1) == -WHARF_ENAMESERVER);
    WHARF_EXPECT(why_has("malformed"));
    return 0;
}

static int waits_as_long_as_it_says(void *arg) {
    (void)arg;
    wharf_address found[1];
    WHARF_EXPECT(NS_START(plain, .timeout_ms = 2500, .attempts = 2) == 0);
    int64_t began = wharf_now_ns();
    WHARF_EXPECT(wharf_resolve("mute.test:80", found, 1) == -WHARF_ENAMESERVER);
    WHARF_EXPECT(since_ms(began) == 5000);
    WHARF_EXPECT(why_has("10.9.9.53:53 no answer in 2.5 s, 10.9.9.53:53 no answer in 2.5 s"));
    began = wharf_now_ns();
    WHARF_WITHIN (1000) {
        WHARF_EXPECT(wharf_resolve("mute.test:80", found, 1) == -ETIMEDOUT);
    }
    WHARF_EXPECT(since_ms(began) == 1000);
    WHARF_EXPECT(why_has("resolve mute.test:80: timed out (ETIMEDOUT): no answer yet from 10.9.9.53:53"));
    return 0;
}

static int asks_the_next_server(void *arg) {
    (void)arg;
    wharf_address found[2];
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .servers = "10.9.9.99 " NS_ADDRESS,
                                               .tcp_only = ns_by_tcp, .timeout_ms = 1000)) == 0);
    int64_t began = wharf_now_ns();
    WHARF_EXPECT(wharf_resolve("www.test:80", found, 2) == 2);
    WHARF_EXPECT(since_ms(began) <= 1010);
    return 0;
}

static int goes_through_the_search_list(void *arg) {
    (void)arg;
    wharf_address found[1];
    WHARF_EXPECT(NS_START(plain, .search = "nowhere.test corp.test", .family = 4) == 0);
    WHARF_EXPECT(wharf_resolve("deep:80", found, 1) == 1);
    WHARF_EXPECT(ns_questions == 2); /* deep.nowhere.test, deep.corp.test */
    ns_questions = 0;
    WHARF_EXPECT(wharf_resolve("www.test:80", found, 1) == 1);
    WHARF_EXPECT(ns_questions == 1); /* a dot: as it is first */
    ns_questions = 0;
    WHARF_EXPECT(wharf_resolve("none.test:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(ns_questions == 3);
    WHARF_EXPECT(why_has("resolve none.test:80"));
    ns_questions = 0;
    WHARF_EXPECT(wharf_resolve("deep.:80", found, 1) == -WHARF_ENAME);
    WHARF_EXPECT(ns_questions == 1);
    return 0;
}

static int overrides_come_first(void *arg) {
    (void)arg;
    wharf_address found[4];
    WHARF_EXPECT(NS_START(plain, .overrides = "192.0.2.7 www.test\n192.0.2.8 www.test other\n") == 0);
    WHARF_EXPECT(wharf_resolve("www.test:80", found, 4) == 2);
    WHARF_EXPECT(wharf_resolve("other:80", found, 4) == 1);
    WHARF_EXPECT(ns_questions == 0);
    return 0;
}

/* ---- the cache ---- */

static int ask_once(void *arg) {
    (void)arg;
    wharf_address found[2];
    WHARF_EXPECT(wharf_resolve("www.test:80", found, 2) == 2);
    return 0;
}

static int keeps_answers_while_they_are_good(void *arg) {
    (void)arg;
    wharf_address found[2];
    int result = 0;
    WHARF_EXPECT(NS_START(plain, .cache_entries = 4, .attempts = 1) == 0);
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 5; i++) {
            WHARF_EXPECT(wharf_go(scope, ask_once, i) == 0);
        }
    }
    WHARF_EXPECT(result == 0 && ns_questions == 2); /* asked once, though five wanted to know */
    wharf_sleep(59000);
    (void)ask_once(NULL);
    WHARF_EXPECT(ns_questions == 2);
    wharf_sleep(2000);
    (void)ask_once(NULL);
    WHARF_EXPECT(ns_questions == 4);
    for (int i = 0; i < 3; i++) { /* no data that say how long: not kept */
        WHARF_EXPECT(wharf_resolve("nobody.test:80", found, 2) == -WHARF_ENAME);
    }
    WHARF_EXPECT(ns_questions == 10);
    wharf_answer *answer = wharf_look_up("www.test", "A");
    WHARF_EXPECT(wharf_answer_count(answer) == 1 && wharf_answer_elapsed_ns(answer) == 0);
    wharf_answer_free(answer);
    return 0;
}

/* ---- Happy Eyeballs ---- */

static const struct ns_row late_six[] = {
    {"soon.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"soon.test", 28, "2001:db8::80", 30, NS_TRUTH},
    {"late.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"late.test", 28, "2001:db8::80", 3000, NS_TRUTH},
    {"never.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {"never.test", 28, NULL, 0, NS_SILENT},
    {NULL, 0, NULL, 0, NS_TRUTH},
};

static int ipv6_is_waited_for_a_little(void *arg) {
    (void)arg;
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    WHARF_EXPECT(NS_START(late_six, .attempts = 1) == 0);
    start_both();
    WHARF_EXPECT(dial("soon.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "[2001:db8::80]:80") == 0 && ms >= 30 && ms < 40);
    WHARF_EXPECT(dial("late.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "10.0.1.80:80") == 0 && ms >= 50 && ms < 60);
    WHARF_EXPECT(dial("never.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "10.0.1.80:80") == 0 && ms >= 50 && ms < 60);
    return 0;
}

static int a_late_address_joins_the_race(void *arg) {
    (void)arg;
    static const struct ns_row rows[] = {
        {"join.test", 1, "10.0.1.80", 0, NS_TRUTH},
        {"join.test", 28, "2001:db8::80", 1000, NS_TRUTH},
        {NULL, 0, NULL, 0, NS_TRUTH},
    };
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    WHARF_EXPECT(NS_START(rows, .attempts = 1) == 0);
    start_both();
    wharf_sim_fault cut = {.kind = WHARF_SIM_PARTITION, .host = "client", .peer = "four"};
    WHARF_EXPECT(wharf_sim_inject(&cut) == 0);
    WHARF_EXPECT(dial("join.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "[2001:db8::80]:80") == 0 && ms >= 1000 && ms < 1010);
    return 0;
}

static int a_silent_address_costs_the_delay(void *arg) {
    (void)arg;
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    start_both();
    wharf_sim_fault cut = {.kind = WHARF_SIM_PARTITION, .host = "client", .peer = "six"};
    WHARF_EXPECT(wharf_sim_inject(&cut) == 0);
    WHARF_EXPECT(dial("www.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "10.0.1.80:80") == 0 && ms >= 250 && ms < 260);
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .servers = NS_ADDRESS,
                                               .tcp_only = ns_by_tcp, .attempt_delay_ms = 100)) == 0);
    WHARF_EXPECT(dial("www.test:80", peer, &ms) == 0);
    WHARF_EXPECT(ms >= 100 && ms < 110);
    return 0;
}

/* The first address takes 400 ms: the second has begun by then, and has not ended the first. */
static int a_slow_address_is_not_killed_by_the_next(void *arg) {
    (void)arg;
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    start_both();
    set_latency("six", 200);
    set_latency("four", 300);
    WHARF_EXPECT(dial("www.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "[2001:db8::80]:80") == 0 && ms >= 400 && ms < 420);
    set_latency("six", 500);
    WHARF_EXPECT(dial("www.test:80", peer, &ms) == 0);
    WHARF_EXPECT(strcmp(peer, "10.0.1.80:80") == 0 && ms >= 850 && ms < 870);
    return 0;
}

/* More than a sentence holds: those that are left out are counted. */
static int a_long_list_ends_in_how_many_more(void *arg) {
    (void)arg;
    char overrides[WHARF_ADDRESSES_MAX * 64] = "";
    char last[32] = "";
    int listed = 0;
    for (int i = 0; i < WHARF_ADDRESSES_MAX; i++) {
        size_t len = strlen(overrides);
        (void)snprintf(overrides + len, sizeof(overrides) - len, "10.0.2.%d many.test\n", i);
    }
    WHARF_EXPECT(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .overrides = overrides)) == 0);
    wharf_sock sock = wharf_dial("many.test:81");
    WHARF_EXPECT(wharf_error(sock) == -ECONNREFUSED);
    for (const char *at = strstr(wharf_why(), "tried "); at != NULL;
         at = strstr(at + 1, ":81 ECONNREFUSED")) {
        listed++;
    }
    listed--;
    (void)snprintf(last, sizeof(last), " ms and %d more", WHARF_ADDRESSES_MAX - listed);
    size_t len = strlen(wharf_why());
    WHARF_EXPECT(listed >= 4 && len > strlen(last) && strcmp(wharf_why() + len - strlen(last), last) == 0);
    return 0;
}

static int a_failure_tells_every_address(void *arg) {
    (void)arg;
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    WHARF_EXPECT(NS_START(plain, .attempts = 1) == 0);
    start_both();
    WHARF_EXPECT(dial("www.test:81", peer, &ms) == -ECONNREFUSED);
    WHARF_EXPECT(ms < 10); /* a refusal is not waited for */
    WHARF_EXPECT(why_has("connect www.test:81 (10.0.1.80:81): connection refused (ECONNREFUSED): tried "
                         "[2001:db8::80]:81 ECONNREFUSED 0.1 ms, 10.0.1.80:81 ECONNREFUSED 0.1 ms"));
    wharf_sim_fault cut = {.kind = WHARF_SIM_PARTITION, .host = "client", .peer = "six"};
    WHARF_EXPECT(wharf_sim_inject(&cut) == 0);
    WHARF_WITHIN (2000) {
        WHARF_EXPECT(dial("www.test:81", peer, &ms) == -ETIMEDOUT);
    }
    WHARF_EXPECT(why_has("10.0.1.80:81 ECONNREFUSED 0.1 ms, [2001:db8::80]:81 no answer"));
    return 0;
}

/* ---- datagrams ---- */

static const struct ns_row treacherous[] = {
    {"cut.test", 1, "10.0.1.80", 0, NS_CUT},
    {"lie.test", 1, "10.0.1.80", 0, NS_LIE},
    {"true.test", 1, "10.0.1.80", 0, NS_TRUTH},
    {NULL, 0, NULL, 0, NS_TRUTH},
};

static bool resolves_to_80(const char *name) {
    wharf_address found[2];
    char text[WHARF_ADDRESS_SIZE];
    int count = wharf_resolve(name, found, 2);
    (void)wharf_address_text(&found[0], text, sizeof(text));
    return count == 1 && strcmp(text, "10.0.1.80:80") == 0;
}

static int finds_the_truth_among_lies(void *arg) {
    (void)arg;
    WHARF_EXPECT(NS_START(treacherous, .attempts = 1, .family = 4) == 0);
    WHARF_EXPECT(resolves_to_80("cut.test:80"));
    WHARF_EXPECT(ns_questions == (ns_by_tcp ? 1 : 2));
    WHARF_EXPECT(resolves_to_80("lie.test:80"));
    return 0;
}

/* The first datagram is lost, and the one that is sent a second later is not. */
static int a_lost_datagram_costs_a_second(void *arg) {
    (void)arg;
    WHARF_EXPECT(NS_START(treacherous, .attempts = 1, .family = 4) == 0);
    wharf_sim_fault cut = {.kind = WHARF_SIM_PARTITION, .host = "client", .peer = "dns", .for_ns = 500000000};
    WHARF_EXPECT(wharf_sim_inject(&cut) == 0);
    int64_t began = wharf_now_ns();
    WHARF_EXPECT(resolves_to_80("true.test:80"));
    WHARF_EXPECT(since_ms(began) >= 1000 && since_ms(began) < 1010);
    return 0;
}

static int names_are_found_though_a_third_is_lost(void *arg) {
    (void)arg;
    int found = 0;
    WHARF_EXPECT(NS_START(treacherous, .family = 4) == 0);
    WHARF_EXPECT(wharf_sim_set_link("client", "dns",
                                    WHARF_OPTIONS(wharf_sim_link, .loss_ppm = 333333, .duplicate_ppm = 100000,
                                                  .reorder_ppm = 100000)) == 0);
    for (int i = 0; i < 10; i++) {
        found += resolves_to_80("true.test:80") ? 1 : 0;
    }
    WHARF_EXPECT(found >= 9); /* six datagrams and six answers, of which one pair must get through */
    return 0;
}

static int a_closed_port_is_known_at_once(void *arg) {
    (void)arg;
    wharf_address found[1];
    WHARF_EXPECT(NS_START(treacherous, .attempts = 1) == 0);
    WHARF_EXPECT(
        wharf_names_set(WHARF_OPTIONS(wharf_names_options, .servers = NS_ADDRESS ":54", .attempts = 1)) == 0);
    int64_t began = wharf_now_ns();
    WHARF_EXPECT(wharf_resolve("true.test:80", found, 1) == -WHARF_ENAMESERVER);
    WHARF_EXPECT(since_ms(began) < 10);
    WHARF_EXPECT(why_has("10.9.9.53:54 connection refused"));
    return 0;
}

/* ---- under every fault ---- */

static int small_program(void *arg) {
    (void)arg;
    char peer[WHARF_ADDRESS_SIZE];
    int64_t ms = 0;
    int rc = NS_START(plain, .attempts = 1, .cache_entries = 8);
    if (rc < 0) {
        return rc;
    }
    rc = dial("www.test:80", peer, &ms);
    rc = rc == -ECONNREFUSED || rc == -EHOSTUNREACH || rc == -ENETUNREACH ? 0 : rc; /* nobody accepts here */
    wharf_answer *answer = wharf_look_up("alias.test", "A");
    rc = rc < 0 ? rc : wharf_answer_error(answer);
    wharf_answer_free(answer);
    return rc;
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                       WHARF_TEST_SHORT,  WHARF_TEST_RESET,  WHARF_TEST_DESCRIPTOR};
    for (size_t i = 0; i < 2 * sizeof(faults) / sizeof(faults[0]); i++) {
        ns_by_tcp = i % 2 != 0;
        int64_t places = wharf_test_every(faults[i / 2], NULL, small_program, NULL);
        bool needs_stream = faults[i / 2] == WHARF_TEST_SHORT || faults[i / 2] == WHARF_TEST_RESET;
        if (places < (needs_stream && !ns_by_tcp ? 0 : 4)) {
            fail_msg("fault %d: %lld: %s", (int)faults[i / 2], (long long)places, wharf_why());
        }
    }
}

static wharf_fn const scenarios[] = {
    finds_addresses,
    finds_names_beyond_ascii,
    asks_nobody_about_this_machine,
    one_family_holds_for_literals_and_listeners,
    says_what_servers_said,
    waits_as_long_as_it_says,
    asks_the_next_server,
    goes_through_the_search_list,
    overrides_come_first,
    keeps_answers_while_they_are_good,
    ipv6_is_waited_for_a_little,
    a_late_address_joins_the_race,
    a_silent_address_costs_the_delay,
    a_slow_address_is_not_killed_by_the_next,
    a_failure_tells_every_address,
    a_long_list_ends_in_how_many_more,
    finds_the_truth_among_lies,
};

/* Those about datagrams alone. */
static wharf_fn const datagram_scenarios[] = {
    a_lost_datagram_costs_a_second,
    names_are_found_though_a_third_is_lost,
    a_closed_port_is_known_at_once,
};

/* The scenario as the program of a host with addresses of both kinds that are as good as any (RFC 6724 puts fd00:: last). */
static int on_a_client(void *arg) {
    int result = 0;
    int rc = wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "client",
                                           .addresses = "10.0.1.9 2001:db8::9",
                                           .program = *(wharf_fn const *)arg));
    rc = rc < 0 ? rc : wharf_sim_wait("client", &result);
    return rc < 0 ? rc : result;
}

static void run_scenarios(wharf_fn const *table, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (uint64_t seed = 0; seed < 10; seed++) {
            wharf_sim_report report = {0};
            const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = seed,
                                                             .piece_bytes_max = seed % 3);
            int rc = wharf_sim_run_report(options, on_a_client, (void *)(uintptr_t)&table[i], &report);
            if (rc < 0) {
                fail_msg("scenario %zu, seed %d: %s", i, (int)seed, wharf_why());
            }
            scenario_assert_clean(options, rc, &report);
        }
    }
}

static void names_are_found_and_failures_told_by_udp(void **state) {
    (void)state;
    ns_by_tcp = false;
    run_scenarios(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
    run_scenarios(datagram_scenarios, sizeof(datagram_scenarios) / sizeof(datagram_scenarios[0]));
}

static void names_are_found_and_failures_told_by_tcp(void **state) {
    (void)state;
    ns_by_tcp = true;
    run_scenarios(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}

int main(void) {
    /* So that its allocations can fail, too. */
    (void)ares_library_init_mem(ARES_LIB_INIT_ALL, mem_alloc, mem_free, mem_realloc);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_and_failures_told_by_udp),
        cmocka_unit_test(names_are_found_and_failures_told_by_tcp),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
